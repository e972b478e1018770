//! Histories: tables by year, into which every night merges the days that it asks for; backfill of past days and nights.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use arrow::array::AsArray as _;
use arrow::datatypes::Date32Type;
use backhaul::sandbox::Options;
use backhaul::store::Store;
use backhaul::table::manifest::PartitionState;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use serde_json::Value as Json;

use crate::support::{Ran, TestContext, canonical_arrow, canonical_json, parquet_files, read_rows, unlimited};

const ENDPOINT: &str = "site-explorer/metrics-history";

/// Units of a row of `date` and `org_traffic`.
const ROW: u64 = 11;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A row of the table: target and day, then its value, and the night that it came from.
type Rows = BTreeMap<(String, NaiveDate), (String, NaiveDate)>;

/// A source that revises all of its figures every night, a destination, and what must lie in it.
struct World {
    context: TestContext,
    targets: Vec<&'static str>,
    report: String,
    truth: Rows,
}

impl World {
    fn new(targets: &[&'static str], since: &str, more: &str) -> Self {
        let mut world = Self {
            context: TestContext::new(unlimited(20)),
            targets: targets.to_vec(),
            report: String::new(),
            truth: Rows::new(),
        };
        world.asks(since, "\"org_traffic\"", more);
        world
    }

    /// What the configuration asks from now on.
    fn asks(&mut self, since: &str, columns: &str, more: &str) {
        self.report = format!(
            "[[report]]\nname = \"traffic\"\nendpoint = \"{ENDPOINT}\"\ncolumns = [{columns}]\nsince = \"{since}\"\n{more}\n"
        );
    }

    /// It is this night, at two o'clock, and the source has its figures for it.
    fn at(&mut self, night: NaiveDate) {
        let time: DateTime<Utc> = format!("{night}T02:00:00Z").parse().unwrap();
        let seed = u64::try_from(night.num_days_from_ce()).unwrap();
        self.context.restart(Options {
            seed,
            clock_offset: time - Utc::now(),
            churn: f64::MIN_POSITIVE,
            ..unlimited(20)
        });
        self.context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
        self.configure();
    }

    fn configure(&self) {
        let target = |name: &&str| format!("[[target]]\nname = \"{name}\"\nurl = \"{name}.com\"\n\n");
        self.context.configure_with(&self.targets.iter().map(target).collect::<String>(), &self.report);
    }

    /// What the source says of some days now, with the days that it gives.
    fn source(
        &self,
        target: &str,
        from: NaiveDate,
        to: NaiveDate,
        more: &[(&str, &str)],
    ) -> BTreeMap<NaiveDate, String> {
        let (url, from, to) = (format!("{target}.com"), from.to_string(), to.to_string());
        let mut query =
            vec![("target", url.as_str()), ("select", "date,org_traffic"), ("date_from", &from), ("date_to", &to)];
        query.extend(more);
        let body = self.context.ask_oracle(ENDPOINT, &query);
        let value = |row: &Json| canonical_json(&backhaul::catalog::ColumnKind::Integer, &row["org_traffic"]);
        let rows = body["metrics"].as_array().unwrap().iter();
        rows.map(|row| (day(&row["date"].as_str().unwrap()[..10]), value(row))).collect()
    }

    /// The days that a night is to ask for hold what the source says of them now; all others what they held.
    fn expect(&mut self, target: &str, from: NaiveDate, to: NaiveDate, night: NaiveDate, more: &[(&str, &str)]) -> u64 {
        let rows = self.source(target, from, to, more);
        self.truth.retain(|(of, date), _| of != target || *date < from || *date > to);
        let number = u64::try_from(rows.len()).unwrap();
        self.truth.extend(rows.into_iter().map(|(date, value)| ((target.to_owned(), date), (value, night))));
        number
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        self.context.backhaul(&[&["run", "--json"], arguments].concat())
    }

    fn table(&self) -> PathBuf {
        self.context.destination().join("traffic")
    }

    /// The rows of the table; each must lie in its year, and no key twice.
    #[track_caller]
    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for path in parquet_files(&self.table()) {
            let mut last: Option<(String, NaiveDate)> = None;
            for batch in backhaul::sink::read_batches(&path, None).unwrap() {
                let batch = batch.unwrap();
                let date = |name: &str, row| {
                    let days = batch.column_by_name(name).unwrap().as_primitive::<Date32Type>().value(row);
                    Date32Type::to_naive_date_opt(days).unwrap()
                };
                for row in 0..batch.num_rows() {
                    let target = batch.column_by_name("_target").unwrap().as_string::<i32>().value(row).to_owned();
                    let key = (target, date("date", row));
                    assert!(path.to_string_lossy().contains(&format!("/period={}/", key.1.year())), "{path:?} {key:?}");
                    assert!(last.replace(key.clone()).is_none_or(|last| last < key), "sorted: {path:?} {key:?}");
                    let value = canonical_arrow(batch.column_by_name("org_traffic").unwrap(), row);
                    let twice = rows.insert(key.clone(), (value, date("_snapshot_date", row)));
                    assert!(twice.is_none(), "{key:?} stands twice");
                }
            }
        }
        rows
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(self.rows(), self.truth);
    }

    fn states(&self) -> BTreeMap<String, PartitionState> {
        let store = Store::at(self.context.destination());
        let partitions = store.partitions("traffic").unwrap();
        partitions.into_iter().map(|name| (name.clone(), store.partition("traffic", &name).unwrap().unwrap())).collect()
    }

    #[track_caller]
    fn verify(&self) {
        let ran = self.context.backhaul(&["verify"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
}

fn price(rows: u64) -> u64 {
    (rows * ROW).max(50)
}

fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date + Days::new(days)
}

fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date - Days::new(days)
}

#[test]
fn forty_nights_over_a_new_year_hold_what_the_source_said_last_and_cost_their_window() {
    let mut world = World::new(&["acme", "rival"], "2024-02-27", "history_grouping = \"daily\"");
    let (first, since) = (day("2025-12-12"), day("2024-02-27"));
    let mut old = None;
    for number in 0..40 {
        let night = after(first, number);
        world.at(night);
        let from = if number == 0 { since } else { before(night, 8) };
        let mut units = 0;
        for target in ["acme", "rival"] {
            units += price(world.expect(target, from, night, night, &[]));
        }
        let report = world.run(&[]).expect(0).json();
        assert_eq!(report["units"], units, "night {night}");
        assert_eq!(world.context.stats().units, units, "night {night}");
        assert_eq!(report["reports"][0]["tasks"]["complete"], 2);
        world.check();
        if number % 13 == 0 {
            assert_eq!(world.run(&[]).expect(0).json()["requests"], 0, "complete costs nothing");
            world.verify();
        }
        // A year that no window reaches keeps its files and its generation.
        let states = world.states();
        let now = states["period=2024"].clone();
        assert_eq!(*old.get_or_insert_with(|| now.clone()), now);
        assert_eq!(now.generation, 1);
    }
    let dates: BTreeSet<NaiveDate> = world.rows().keys().map(|(_, date)| *date).collect();
    assert!(dates.contains(&day("2024-02-29")) && dates.contains(&day("2025-12-31")));
    assert_eq!(
        world.states()["period=2025"].generation,
        28,
        "twenty nights of the year, and eight of the next that reach back"
    );
    // Every night has a row for every task.
    for number in 0..40 {
        let night = after(first, number);
        let coverage = read_rows(&world.context.destination().join(format!("coverage/snapshot_date={night}")));
        assert_eq!(coverage.len(), 2, "{night}: {coverage:?}");
        assert!(coverage.iter().all(|row| row.contains("\"complete\"")));
    }
}

#[test]
fn weeks_begin_on_mondays_and_belong_to_the_year_of_their_date() {
    let mut world = World::new(&["acme"], "2025-11-05", "history_grouping = \"weekly\"");
    let weekly = [("history_grouping", "weekly")];
    let mut last: Option<NaiveDate> = None;
    for number in 0..30 {
        let night = after(day("2025-12-20"), number);
        world.at(night);
        let monday = |date: NaiveDate| before(date, u64::from(date.weekday().num_days_from_monday()));
        let from = last.map_or(day("2025-11-03"), |last| before(monday(last), 7));
        let rows = world.expect("acme", from, night, night, &weekly);
        assert_eq!(world.run(&[]).expect(0).json()["units"], price(rows));
        world.check();
        last = Some(night);
    }
    assert!(world.rows().contains_key(&("acme".to_owned(), day("2025-12-29"))), "in the partition of 2025");
    world.verify();
}

#[test]
fn months_are_asked_as_a_whole_and_missed_nights_are_caught_up() {
    let mut world = World::new(&["acme"], "2023-06-15", "every = \"week\"");
    let mut last: Option<NaiveDate> = None;
    for night in ["2024-01-20", "2024-02-29", "2024-03-08", "2024-07-01"].map(day) {
        world.at(night);
        let month = |date: NaiveDate| date.with_day(1).unwrap();
        let from = last.map_or(day("2023-06-01"), |last| month(last) - Months::new(1));
        let rows = world.expect("acme", from, night, night, &[]);
        let report = world.run(&[]).expect(0).json();
        assert_eq!(report["units"], price(rows), "{night}");
        world.check();
        last = Some(night);
    }
    assert_eq!(world.states().len(), 2);
    world.verify();
}
