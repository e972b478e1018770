//! A source that revises its figures every night, a destination, and the rows that must be in it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::AsArray as _;
use arrow::datatypes::Date32Type;
use backhaul::sandbox::Options;
use backhaul::store::Store;
use backhaul::table::manifest::PartitionState;
use chrono::{DateTime, Datelike as _, Days, NaiveDate, Utc};
use serde_json::Value as Json;

use crate::support::{
    Ran, TestContext, canonical_arrow, canonical_json, now, parquet_files, unlimited,
};

pub const ENDPOINT: &str = "site-explorer/metrics-history";

pub const DAILY: [(&str, &str); 1] = [("history_grouping", "daily")];

/// Units of a row of `date` and `org_traffic`.
pub const ROW: u64 = 11;

pub fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A row of the table: target and day, then its value, and the night that it came from.
pub type Rows = BTreeMap<(String, NaiveDate), (String, NaiveDate)>;

/// A source that revises all of its figures every night, a destination, and the rows that must be in it.
pub struct World {
    pub context: TestContext,
    pub targets: Vec<&'static str>,
    pub report: String,
    pub truth: Rows,
    pub time: DateTime<Utc>,
}

impl World {
    pub fn new(targets: &[&'static str], since: &str, more: &str) -> Self {
        let mut world = Self {
            context: TestContext::new(unlimited(20)),
            targets: targets.to_vec(),
            report: String::new(),
            truth: Rows::new(),
            time: DateTime::default(),
        };
        world.asks(since, "\"org_traffic\"", more);
        world
    }

    /// What the configuration asks from now on.
    pub fn asks(&mut self, since: &str, columns: &str, more: &str) {
        self.report = format!(
            "[[report]]\nname = \"traffic\"\nendpoint = \"{ENDPOINT}\"\ncolumns = [{columns}]\nsince = \"{since}\"\n{more}\n"
        );
    }

    /// It is this night, at two o'clock, and the source has its figures for it.
    pub fn at(&mut self, night: NaiveDate) {
        let time: DateTime<Utc> = format!("{night}T02:00:00Z").parse().unwrap();
        let seed = u64::try_from(night.num_days_from_ce()).unwrap();
        self.context.restart(Options {
            seed,
            clock_offset: time - now(),
            churn: f64::MIN_POSITIVE,
            ..unlimited(20)
        });
        self.context.set_time(time);
        self.time = time;
        self.configure();
    }

    pub fn configure(&self) {
        let target =
            |name: &&str| format!("[[target]]\nname = \"{name}\"\nurl = \"{name}.com\"\n\n");
        self.context.configure_with(
            &self.targets.iter().map(target).collect::<String>(),
            &self.report,
        );
    }

    /// Figures of the source for some days, by day.
    pub fn source(
        &self,
        target: &str,
        from: NaiveDate,
        to: NaiveDate,
        more: &[(&str, &str)],
    ) -> BTreeMap<NaiveDate, String> {
        let (url, from, to) = (format!("{target}.com"), from.to_string(), to.to_string());
        let mut query = vec![
            ("target", url.as_str()),
            ("select", "date,org_traffic"),
            ("date_from", &from),
            ("date_to", &to),
        ];
        query.extend(more);
        let body = self.context.ask_oracle(ENDPOINT, &query);
        let value = |row: &Json| {
            canonical_json(&backhaul::catalog::ColumnKind::Integer, &row["org_traffic"])
        };
        let rows = body["metrics"].as_array().unwrap().iter();
        rows.map(|row| (day(&row["date"].as_str().unwrap()[..10]), value(row)))
            .collect()
    }

    /// The days that a night is to ask for have the figures of the source now; all others stay.
    pub fn expect(
        &mut self,
        target: &str,
        from: NaiveDate,
        to: NaiveDate,
        night: NaiveDate,
        more: &[(&str, &str)],
    ) -> u64 {
        let rows = self.source(target, from, to, more);
        self.truth
            .retain(|(of, date), _| of != target || *date < from || *date > to);
        let number = u64::try_from(rows.len()).unwrap();
        self.truth.extend(
            rows.into_iter()
                .map(|(date, value)| ((target.to_owned(), date), (value, night))),
        );
        number
    }

    /// Runs the program, a minute after the last time.
    pub fn run(&mut self, arguments: &[&str]) -> Ran {
        self.time += chrono::Duration::minutes(1);
        self.context.set_time(self.time);
        self.context
            .backhaul(&[&["run", "--json"], arguments].concat())
    }

    pub fn table(&self) -> PathBuf {
        self.context.destination().join("traffic")
    }

    /// The rows of the table; each must be in its year, and no key twice.
    #[track_caller]
    pub fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for path in parquet_files(&self.table()) {
            let mut last: Option<(String, NaiveDate)> = None;
            for batch in backhaul::sink::read_batches(&path, None).unwrap() {
                let batch = batch.unwrap();
                let date = |name: &str, row| {
                    let days = batch
                        .column_by_name(name)
                        .unwrap()
                        .as_primitive::<Date32Type>()
                        .value(row);
                    Date32Type::to_naive_date_opt(days).unwrap()
                };
                for row in 0..batch.num_rows() {
                    let target = batch
                        .column_by_name("_target")
                        .unwrap()
                        .as_string::<i32>()
                        .value(row)
                        .to_owned();
                    let key = (target, date("date", row));
                    assert!(
                        path.to_string_lossy()
                            .contains(&format!("/period={}/", key.1.year())),
                        "{} {key:?}",
                        path.display()
                    );
                    assert!(
                        last.replace(key.clone()).is_none_or(|last| last < key),
                        "sorted: {} {key:?}",
                        path.display()
                    );
                    let value = canonical_arrow(batch.column_by_name("org_traffic").unwrap(), row);
                    let twice = rows.insert(key.clone(), (value, date("_snapshot_date", row)));
                    assert!(twice.is_none(), "{key:?} stands twice");
                }
            }
        }
        rows
    }

    #[track_caller]
    pub fn check(&self) {
        assert_eq!(self.rows(), self.truth);
    }

    pub fn states(&self) -> BTreeMap<String, PartitionState> {
        let store = Store::open_read_only(self.context.destination());
        let partitions = store.partitions("traffic").unwrap();
        partitions
            .into_iter()
            .map(|name| {
                (
                    name.clone(),
                    store.partition("traffic", &name).unwrap().unwrap(),
                )
            })
            .collect()
    }

    #[track_caller]
    pub fn verify(&self) {
        let ran = self.context.backhaul(&["verify"]);
        assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    }
}

pub fn price(rows: u64) -> u64 {
    (rows * ROW).max(50)
}

pub fn after(date: NaiveDate, days: u64) -> NaiveDate {
    date + Days::new(days)
}

pub fn before(date: NaiveDate, days: u64) -> NaiveDate {
    date - Days::new(days)
}

/// A world after a first load from the 1st of June 2025, daily, on this night.
pub fn loaded(targets: &[&'static str], night: &str, more: &str) -> World {
    let mut world = World::new(
        targets,
        "2025-06-01",
        &format!("history_grouping = \"daily\"\n{more}"),
    );
    world.at(day(night));
    world.run(&[]).expect(0);
    for target in targets {
        world.expect(target, day("2025-06-01"), day(night), day(night), &DAILY);
    }
    world.check();
    world
}
