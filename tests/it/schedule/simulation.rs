//! A month of nights within a budget, simulated in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use backhaul::clock::ShiftedClock;
use backhaul::config::{self, Environment, RunConfig};
use backhaul::context::progress::Progress;
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection};
use backhaul::report::{RunReport, RunStatus};
use backhaul::run::ExportRun;
use backhaul::sandbox::{Options, Sandbox};
use backhaul::schedule::plan_run;
use backhaul::store::Store;
use backhaul::table::manifest::UnfinishedStatus;
use chrono::{DateTime, Days, NaiveDate, Utc};
use tokio_util::sync::CancellationToken;

use crate::support::{KEY, now, numbered_targets, start_sandbox, unlimited};

/// Units of the simulated month.
const PER_MONTH: u64 = 2_000_000;

const NIGHTS: u64 = 30;

fn simulated(url: &str, folder: &Path, targets: usize) -> RunConfig {
    let target = |number: usize| {
        let role = if number < 20 { "own" } else { "rival" };
        format!(
            "[[target]]\nname = \"t{number:03}\"\nurl = \"t{number}.example\"\nlabels = {{ role = \"{role}\" }}\n\n"
        )
    };
    let text = format!(
        "[source]\nbase_url = \"{url}\"\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n\n[source.limits]\n\
         requests_per_minute = 60000\n\n[budget]\nper_month = {PER_MONTH}\npace = true\n\n[destination]\nurl = \"out\"\n\n\
         {}\
         [[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\ntargets = [{{ role = \"own\" }}]\n\n\
         [[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"standard\"]\nevery = \"week\"\n\
         max_rows = 60\n\n\
         [[report]]\nname = \"refdomains\"\nendpoint = \"site-explorer/refdomains\"\ncolumns = [\"minimal\"]\nevery = \"10d\"\n\
         max_rows = 60\n\n\
         [[report]]\nname = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncolumns = [\"minimal\"]\n\
         countries = [\"us\"]\nevery = \"month\"\nmax_rows = 60\n",
        (0..targets).map(target).collect::<String>()
    );
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    config::parse(&text, &folder.join("backhaul.toml"), &environment)
        .map_err(|errors| errors.render())
        .unwrap()
}

/// A folder in memory where there is one: a month syncs thousands of files.
fn fast_folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

async fn night(config: &RunConfig, time: DateTime<Utc>) -> RunReport {
    let clock = Arc::new(ShiftedClock::starting_at(time));
    let plan = plan_run(config, time.date_naive(), &Selection::default(), false).unwrap();
    let night = ExportRun::new(config.clone(), plan, u64::MAX, clock);
    let (report, errors) = night
        .run(Arc::new(Progress::default()), CancellationToken::new())
        .await
        .unwrap();
    assert!(errors.0.is_empty(), "{}", errors.render());
    report
}

async fn sandbox_at(time: DateTime<Utc>, rows: u64) -> Sandbox {
    // A source that could change answers nothing from its cache: each night pays for itself.
    let (clock_offset, units, churn) = (time - now(), Some(PER_MONTH), f64::MIN_POSITIVE);
    let options = Options {
        clock_offset,
        units,
        churn,
        ..unlimited(rows)
    };
    start_sandbox(options).await
}

/// The tasks of a report: nights that have them, and nights that deferred them.
#[derive(Debug, Default)]
struct Told {
    complete: BTreeSet<NaiveDate>,
    put_off: BTreeSet<NaiveDate>,
    due_dates_put_off: BTreeSet<NaiveDate>,
}

fn told(store: &Store, report: &str) -> BTreeMap<String, Told> {
    let mut all: BTreeMap<String, Told> = BTreeMap::new();
    for partition in store.partitions(report).unwrap() {
        let night: NaiveDate = partition
            .strip_prefix("snapshot_date=")
            .unwrap()
            .parse()
            .unwrap();
        let state = store.partition(report, &partition).unwrap().unwrap();
        for entry in state
            .committed
            .iter()
            .flat_map(|committed| &committed.tasks)
        {
            all.entry(entry.task.as_str().to_owned())
                .or_default()
                .complete
                .insert(night);
        }
        for task in &state.unfinished {
            assert_eq!(task.status, UnfinishedStatus::Deferred, "{task:?}");
            let told = all.entry(task.task.as_str().to_owned()).or_default();
            told.put_off.insert(night);
            told.due_dates_put_off.insert(task.due.unwrap().date());
        }
    }
    all
}

/// 300 targets, 2,000,000 units a month, four reports: no unit too many, everything fresh, and no target deferred more than
/// others.
#[test]
fn a_month_of_nights_keeps_its_budget_and_every_report_stays_fresh() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = fast_folder();
    let first: DateTime<Utc> = "2026-11-01T02:00:00Z".parse().unwrap();
    let store = Store::open_read_only(folder.path().join("out"));
    let (mut spent, mut deferred, mut allowances) = (0_u64, 0_u64, Vec::new());
    let config = runtime.block_on(async {
        // At the end of the month, so that no night is in its future; its reset is the same all month.
        let sandbox = sandbox_at(first + Days::new(NIGHTS - 1), 60).await;
        let config = simulated(&sandbox.url(), folder.path(), 300);
        plan::refuse_impossible(
            &config,
            &plan::tasks_of_any_night(
                &config,
                SnapshotDate::new(first.date_naive()),
                &Selection::default(),
            )
            .unwrap(),
            None,
        )
        .unwrap();
        for number in 0..NIGHTS {
            let report = night(&config, first + Days::new(number)).await;
            assert_eq!(report.status, RunStatus::Done, "{report:?}");
            let before = std::mem::replace(&mut spent, sandbox.stats().units);
            allowances.push((spent - before, (PER_MONTH - before) / (NIGHTS - number)));
            deferred += report
                .reports
                .iter()
                .map(|report| report.tasks.deferred)
                .sum::<u64>();
            assert_eq!(report.units, spent - before, "the ledger knows every unit");
        }
        config
    });
    assert!(spent <= PER_MONTH, "{spent}");
    assert!(deferred > 0, "the month was never tight: {allowances:?}");
    let last = first.date_naive() + Days::new(NIGHTS - 1);
    for report in &config.reports {
        let period = i64::from(report.every.nights());
        let told = told(&store, &report.name);
        assert_eq!(told.len(), report.targets.len());
        let mut turns = BTreeSet::new();
        for (
            task,
            Told {
                complete,
                put_off,
                due_dates_put_off,
            },
        ) in &told
        {
            // Fresh within its cadence, and one night: from the first night on, between any two, and at the end.
            let mut since = first.date_naive();
            for night in complete.iter().chain([&last]) {
                let age = (*night - since).num_days();
                assert!(
                    age <= period + 1,
                    "{} {task}: {complete:?}, put off {put_off:?}",
                    report.name
                );
                since = *night;
            }
            turns.insert(due_dates_put_off.len());
        }
        let (least, most) = (turns.first().unwrap(), turns.last().unwrap());
        assert!(
            most - least <= 1,
            "{}: put off {turns:?} times",
            report.name
        );
    }
}

/// With half of what it needs every task comes, the first report of the file no later than the last, and no unit is spent
/// that the month does not have.
#[test]
fn with_half_of_the_units_needed_no_task_waits_forever() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = fast_folder();
    let first: DateTime<Utc> = "2026-11-01T02:00:00Z".parse().unwrap();
    let store = Store::open_read_only(folder.path().join("out"));
    let (number, price) = (6, 50);
    let per_month = NIGHTS * 3 * number * price / 2;
    let reports: String = [
        ("first", "backlinks-stats"),
        ("second", "outlinks-stats"),
        ("third", "metrics"),
    ]
    .map(|(name, endpoint)| {
        format!("[[report]]\nname = \"{name}\"\nendpoint = \"site-explorer/{endpoint}\"\n\n")
    })
    .concat();
    let spent = runtime.block_on(async {
        let sandbox = sandbox_at(first + Days::new(NIGHTS - 1), 60).await;
        let text = format!(
            "[source]\nbase_url = \"{}\"\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n\n[source.limits]\n\
             requests_per_minute = 60000\n\n[budget]\nper_month = {per_month}\npace = true\n\n[destination]\nurl = \"out\"\n\n\
             {}{reports}",
            sandbox.url(),
            numbered_targets(usize::try_from(number).unwrap())
        );
        let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
        let config = config::parse(&text, &folder.path().join("backhaul.toml"), &environment);
        let config = config.map_err(|errors| errors.render()).unwrap();
        for number in 0..NIGHTS {
            let report = night(&config, first + Days::new(number)).await;
            let month = report.month.unwrap();
            assert_eq!((month.limit, month.left), (per_month, per_month - sandbox.stats().units));
            assert_eq!(month.reset, "2026-12-01");
        }
        sandbox.stats().units
    });
    assert!(
        spent <= per_month && spent * 10 >= per_month * 9,
        "{spent} of {per_month}"
    );
    let mut counts = BTreeMap::new();
    for report in ["first", "second", "third"] {
        let told = told(&store, report);
        assert_eq!(told.len() as u64, number);
        for Told { complete, .. } in told.values() {
            let ends = complete
                .iter()
                .copied()
                .chain([first.date_naive() + Days::new(NIGHTS)]);
            let mut since = first.date_naive();
            for night in ends {
                assert!((night - since).num_days() <= 4, "{report}: {complete:?}");
                since = night;
            }
        }
        counts.insert(
            report,
            told.values().map(|told| told.complete.len()).sum::<usize>(),
        );
    }
    assert!(
        counts["first"] >= counts["third"],
        "the order of the file is the priority: {counts:?}"
    );
}
