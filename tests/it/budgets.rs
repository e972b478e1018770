//! Units are money: cadence, budgets of run, month, report and target, pacing, and a month of nights in one test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use backhaul::clock::ShiftedClock;
use backhaul::config::{self, Environment, RunConfig};
use backhaul::context::progress::Progress;
use backhaul::plan::{self, Selection};
use backhaul::report::{RunReport, RunStatus};
use backhaul::run::ExportRun;
use backhaul::sandbox::{Options, Sandbox};
use backhaul::store::Store;
use backhaul::table::manifest::UnfinishedStatus;
use chrono::{DateTime, Datelike as _, Days, Months, NaiveDate, Utc};
use tokio_util::sync::CancellationToken;

use crate::relay::Relay;
use crate::support::{KEY, TestContext, parquet_files, read_rows, unlimited};

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
    let agenda =
        backhaul::schedule::plan_run(config, time.date_naive(), &Selection::default(), false)
            .unwrap();
    let night = ExportRun::new(config.clone(), agenda, u64::MAX, clock);
    let (report, errors) = night
        .run(Arc::new(Progress::default()), CancellationToken::new())
        .await
        .unwrap();
    assert!(errors.0.is_empty(), "{}", errors.render());
    report
}

async fn sandbox_at(time: DateTime<Utc>, rows: u64) -> Sandbox {
    // A source that could change answers nothing from its cache: each night pays for itself.
    let (clock_offset, units, churn) = (time - Utc::now(), Some(PER_MONTH), f64::MIN_POSITIVE);
    let options = Options {
        clock_offset,
        units,
        churn,
        ..unlimited(rows)
    };
    backhaul::sandbox::start(options).await.unwrap()
}

/// What became of the tasks of a report: the nights of which it has them, and the nights on which they were put off.
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
            all.entry(entry.task.0.clone())
                .or_default()
                .complete
                .insert(night);
        }
        for task in &state.unfinished {
            assert_eq!(task.status, UnfinishedStatus::Deferred, "{task:?}");
            let told = all.entry(task.task.0.clone()).or_default();
            told.put_off.insert(night);
            told.due_dates_put_off.insert(task.due.unwrap());
        }
    }
    all
}

/// 300 targets, 2,000,000 units a month, four reports: no unit too many, everything fresh, and nobody put off more than
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
    let store = Store::at(folder.path().join("out"));
    let (mut spent, mut deferred, mut allowances) = (0_u64, 0_u64, Vec::new());
    let config = runtime.block_on(async {
        // At the end of the month, so that no night lies in its future; its reset is the same all month.
        let sandbox = sandbox_at(first + Days::new(NIGHTS - 1), 60).await;
        let config = simulated(&sandbox.url(), folder.path(), 300);
        plan::refuse_impossible(
            &config,
            &plan::tasks_of_any_night(&config, first.date_naive(), &Selection::default()).unwrap(),
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

const LINKS: &str = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\naggregation = \"all\"\n\
                     columns = [\"minimal\"]\n";
const RATING: &str =
    "[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n\n";

fn targets(number: usize) -> String {
    let target =
        |number| format!("[[target]]\nname = \"t{number}\"\nurl = \"t{number}.example\"\n\n");
    (0..number).map(target).collect()
}

/// A source that can be asked about days to come, and answers nothing for free.
fn days_ahead(rows: u64) -> Options {
    Options {
        clock_offset: chrono::Duration::days(40),
        churn: f64::MIN_POSITIVE,
        ..unlimited(rows)
    }
}

fn at_day(context: &mut TestContext, days: u64) -> NaiveDate {
    let time = Utc::now()
        .date_naive()
        .and_hms_opt(2, 0, 0)
        .unwrap()
        .and_utc()
        + Days::new(days);
    context.env("BACKHAUL_TEST_CLOCK", &time.to_rfc3339());
    time.date_naive()
}

/// Writes a configuration with this budget.
fn configure(context: &TestContext, budget: &str, targets: &str, reports: &str) {
    context.configure_with(targets, reports);
    let path = context.folder.path().join("backhaul.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    context.write_configuration(&text.replace("per_run = 1_000_000_000\n", budget));
}

fn nights_of(context: &TestContext, table: &str) -> BTreeSet<String> {
    let files = parquet_files(&context.destination().join(table));
    files
        .iter()
        .map(|file| {
            file.parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

#[test]
fn a_weekly_report_comes_once_a_week_and_missed_nights_are_caught_up_once() {
    let mut context = TestContext::new(days_ahead(150));
    context.configure_with(&targets(3), &format!("{LINKS}every = \"week\"\n\n{RATING}"));
    let first = at_day(&mut context, 0);
    context.run().expect(0);
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        3 * 150,
        "what is new is due at once"
    );
    let complete =
        |report: &serde_json::Value| report["reports"][0]["tasks"]["complete"].as_u64().unwrap();
    let mut fetched = Vec::new();
    for day in 1..=17 {
        at_day(&mut context, day);
        let dry = context.backhaul(&["run", "--dry-run"]).expect(0).stdout;
        let report = context.run().expect(0).json();
        fetched.push(complete(&report));
        for text in [report["notes"].to_string(), dry] {
            assert_eq!(
                text.contains("not due; the next"),
                fetched.last() < Some(&3),
                "{text}"
            );
        }
        assert_eq!(
            report["reports"][1]["tasks"]["complete"], 3,
            "what is daily is daily: {report}"
        );
    }
    assert_eq!(
        fetched[..3],
        [0, 0, 0],
        "half a period at least: {fetched:?}"
    );
    assert!(
        (6..=9).contains(&fetched.iter().sum::<u64>()),
        "{fetched:?}"
    );
    let coverage = context.destination().join("coverage");
    assert!(
        read_rows(&coverage)
            .iter()
            .all(|row| row.contains("\"complete\"")),
        "{:?}",
        read_rows(&coverage)
    );
    at_day(&mut context, 38);
    assert_eq!(
        complete(&context.run().expect(0).json()),
        3,
        "caught up once, not thrice"
    );
    let day = at_day(&mut context, 39);
    assert_eq!(
        context.run().expect(0).json()["reports"][0]["tasks"]["complete"],
        0
    );
    // What is asked for by name is fetched all the same.
    let named = [
        "run",
        "--json",
        "--refetch",
        "--date",
        &day.to_string(),
        "--report",
        "links",
    ];
    assert_eq!(
        context.backhaul(&named).expect(0).json()["reports"][0]["tasks"]["complete"],
        3
    );
    assert!(nights_of(&context, "links").contains(&format!("snapshot_date={first}")));
    let shown = context.backhaul(&["check", "--offline"]).expect(0).stdout;
    assert!(
        shown.contains("every week: about 1 of its tasks a night"),
        "{shown}"
    );
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn a_weekly_night_that_was_stopped_is_finished_and_not_fetched_again_for_the_next() {
    let mut context = TestContext::new(days_ahead(400));
    context.configure_with(&targets(2), &format!("{LINKS}every = \"week\"\n"));
    let first = at_day(&mut context, 0);
    context
        .backhaul(&["run", "--json", "--max-units", "500"])
        .expect(4);
    at_day(&mut context, 1);
    context.run().expect(0);
    assert_eq!(
        nights_of(&context, "links"),
        [format!("snapshot_date={first}")].into()
    );
    assert_eq!(read_rows(&context.destination().join("links")).len(), 800);
}

#[test]
fn shares_of_reports_and_targets_are_kept_and_the_others_go_on() {
    for (budget, stopped) in [
        ("per_report = { links = 700 }\n", "links"),
        ("per_target = { t1 = 700 }\n", "t1"),
    ] {
        let context = TestContext::new(days_ahead(400));
        configure(
            &context,
            &format!("per_run = 1_000_000\n{budget}"),
            &targets(2),
            &format!("{LINKS}\n{RATING}"),
        );
        let ran = context.run().expect(4);
        assert!(
            ran.stderr.contains(&format!("{stopped} to ")),
            "{}",
            ran.stderr
        );
        assert!(ran.stderr.contains("raise [budget] per_"), "{}", ran.stderr);
        let report = ran.json();
        let tasks = |index: usize| {
            report["reports"][index]["tasks"]["complete"]
                .as_u64()
                .unwrap()
        };
        if stopped == "links" {
            assert_eq!((tasks(0), tasks(1)), (0, 2), "{report}");
            assert!(
                report["reports"][0]["units"].as_u64().unwrap() <= 700,
                "{report}"
            );
        } else {
            assert_eq!(tasks(0), 1, "{report}");
            assert_eq!(
                read_rows(&context.destination().join("links")).len(),
                400,
                "the other target is whole"
            );
            let spent_on_t1: u64 = report["errors"]
                .as_array()
                .unwrap()
                .iter()
                .map(|error| error["units"].as_u64().unwrap())
                .sum();
            assert!(spent_on_t1 <= 700, "{report}");
        }
    }
}

#[test]
fn an_answer_without_a_second_page_is_not_cut_short_by_what_is_left_of_a_budget() {
    let context = TestContext::new(days_ahead(400));
    let competitors = "[[report]]\nname = \"competitors\"\nendpoint = \"site-explorer/organic-competitors\"\n\
                       countries = [\"us\"]\ncolumns = [\"minimal\"]\n";
    context.configure_with(&targets(1), competitors);
    let run = |units: &str| context.backhaul(&["run", "--json", "--max-units", units]);
    let ran = run("1000").expect(4);
    assert_eq!(
        (
            &ran.json()["reports"][0]["tasks"]["stopped"],
            context.stats().units
        ),
        (&1.into(), 0),
        "{ran:?}"
    );
    run("4000").expect(0);
    assert_eq!(
        read_rows(&context.destination().join("competitors")).len(),
        400
    );
}

#[test]
fn the_month_is_kept_to_by_runs_one_after_another_and_side_by_side() {
    let limit = 4_000;
    let context = TestContext::new(days_ahead(150));
    configure(
        &context,
        &format!("per_month = {limit}\n"),
        &targets(12),
        &format!("{LINKS}\n"),
    );
    let start = || {
        context
            .command(&["run", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    for round in 0..3 {
        let codes: Vec<Option<i32>> = [start(), start(), start()]
            .map(|child| child.wait_with_output().unwrap())
            .iter()
            .inspect(|output| {
                assert!(
                    !String::from_utf8_lossy(&output.stderr).contains("BH-UNITS"),
                    "{output:?}"
                );
            })
            .map(|output| output.status.code())
            .collect();
        assert!(
            codes.iter().all(|code| matches!(code, Some(4 | 5))),
            "{round}: {codes:?}"
        );
        assert!(
            context.stats().units <= limit,
            "{} of {limit}",
            context.stats().units
        );
    }
    let ran = context.run().expect(4);
    assert!(
        ran.stderr.contains("raise [budget] per_month to"),
        "{}",
        ran.stderr
    );
    let told = ran.json();
    let (errors, stopped) = (
        told["errors"].as_array().unwrap(),
        &told["reports"][0]["tasks"]["stopped"],
    );
    assert!(
        errors.len() == 1 && stopped.as_u64() > Some(1),
        "a budget is told of once: {told}"
    );
    assert!(
        ran.stderr
            .contains(&format!("tasks: {stopped} stopped alike")),
        "{}",
        ran.stderr
    );
    assert!(
        context.stats().units <= limit && context.stats().units > limit - 200,
        "{}",
        context.stats().units
    );
    // The sandbox has forgotten what was used; the ledger has not.
    let mut context = context;
    context.restart(days_ahead(150));
    configure(
        &context,
        &format!("per_month = {limit}\n"),
        &targets(12),
        &format!("{LINKS}\n"),
    );
    context.run().expect(4);
    assert!(context.stats().units < 200, "{}", context.stats().units);
    // A larger budget lets the night finish.
    configure(
        &context,
        "per_month = 1_000_000\n",
        &targets(12),
        &format!("{LINKS}\n"),
    );
    context.run().expect(0);
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        12 * 150
    );
}

#[test]
fn what_must_stay_free_of_the_workspaces_limit_stays_free() {
    let context = TestContext::new(Options {
        units: Some(5_000),
        ..days_ahead(150)
    });
    configure(
        &context,
        "per_run = 100_000\nkeep_free = \"40%\"\n",
        &targets(12),
        &format!("{LINKS}\n"),
    );
    let ran = context.run().expect(4);
    assert!(
        ran.stderr
            .contains("the workspace's limit of 5,000, less [budget] keep_free,"),
        "{}",
        ran.stderr
    );
    assert!(context.stats().units <= 3_000, "{}", context.stats().units);
}

#[test]
fn what_a_night_cannot_afford_is_put_off_whole_and_comes_first_the_next_night() {
    let mut context = TestContext::new(days_ahead(100));
    let reports = format!("{LINKS}max_rows = 100\nevery = \"week\"\n\n{RATING}");
    // The price of a task, and the reset as the source tells it.
    configure(&context, "", &targets(6), &reports);
    // Far enough from the reset for two nights.
    let today = Utc::now().date_naive();
    let start = (0..10)
        .find(|days| (today + Days::new(*days)).day() < 20)
        .unwrap_or(0);
    let night = at_day(&mut context, start);
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let config = config::load(&context.folder.path().join("backhaul.toml"), &environment).unwrap();
    let price = plan::tasks_of_any_night(&config, night, &Selection::default()).unwrap()[0]
        .bound_units
        .unwrap();
    let reset = night.with_day(1).unwrap() + Months::new(1);
    let nights = u64::try_from((reset - night).num_days()).unwrap();
    let tonight = 3 * price + 6 * 50;
    configure(
        &context,
        &format!("per_month = {}\npace = true\n", nights * tonight),
        &targets(6),
        &reports,
    );
    let counts = |report: &serde_json::Value, index: usize| {
        let tasks = &report["reports"][index]["tasks"];
        (
            tasks["complete"].as_u64().unwrap() + tasks["capped"].as_u64().unwrap(),
            tasks["deferred"].as_u64().unwrap(),
        )
    };
    let ran = context.run().expect(0);
    let report = ran.json();
    assert_eq!(
        (counts(&report, 0), counts(&report, 1)),
        ((3, 3), (6, 0)),
        "{report}"
    );
    assert!(
        report["notes"]
            .to_string()
            .contains("3 of the due tasks are deferred"),
        "{report}"
    );
    let rows = read_rows(&context.destination().join("coverage"));
    assert_eq!(
        rows.iter()
            .filter(|row| row.contains("\"deferred\"") && row.contains("deferred by `pace`"))
            .count(),
        3
    );
    let again = context.run().expect(0).json();
    assert_eq!(
        (counts(&again, 0), again["units"].as_u64()),
        ((0, 3), Some(0)),
        "a second run has no second night"
    );
    at_day(&mut context, start + 1);
    let next = context.run().expect(0).json();
    assert_eq!(
        (counts(&next, 0), counts(&next, 1)),
        ((3, 0), (6, 0)),
        "{next}"
    );
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        600,
        "each of them once"
    );
}

#[test]
fn what_is_put_off_is_not_bought_by_a_report_that_asks_the_same() {
    let mut context = TestContext::new(days_ahead(100));
    let again = LINKS.replace("\"links\"", "\"again\"");
    let reports = format!("{LINKS}max_rows = 100\n\n{again}max_rows = 100\n\n");
    configure(&context, "", &targets(4), &reports);
    let today = Utc::now().date_naive();
    let start = (0..10)
        .find(|days| (today + Days::new(*days)).day() < 20)
        .unwrap_or(0);
    let night = at_day(&mut context, start);
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let config = config::load(&context.folder.path().join("backhaul.toml"), &environment).unwrap();
    let price = plan::tasks_of_any_night(&config, night, &Selection::default()).unwrap()[0]
        .bound_units
        .unwrap();
    let reset = night.with_day(1).unwrap() + Months::new(1);
    let nights = u64::try_from((reset - night).num_days()).unwrap();
    configure(
        &context,
        &format!("per_month = {}\npace = true\n", nights * 2 * price),
        &targets(4),
        &reports,
    );
    let report = context.run().expect(0).json();
    let deferred = |at: usize| report["reports"][at]["tasks"]["deferred"].as_u64();
    assert_eq!((deferred(0), deferred(1)), (Some(2), Some(2)), "{report}");
    assert!(context.stats().units <= 2 * price, "{report}");
    let sites = |table: &str| {
        let rows = read_rows(&context.destination().join(table));
        (0..4)
            .filter(|site| rows.iter().any(|row| row.contains(&format!("\"t{site}\""))))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        sites("links"),
        sites("again"),
        "both tables have the same sites"
    );
}

/// With half of what it needs every task comes, the first report of the file no later than the last, and no unit is spent
/// that the month does not have.
#[test]
fn under_a_month_of_half_of_what_is_needed_nobody_waits_for_ever() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let folder = fast_folder();
    let first: DateTime<Utc> = "2026-11-01T02:00:00Z".parse().unwrap();
    let store = Store::at(folder.path().join("out"));
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
            targets(usize::try_from(number).unwrap())
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

#[test]
fn a_dry_run_names_what_tonight_cannot_afford_and_sends_nothing() {
    let mut context = TestContext::new(days_ahead(100));
    let reports = format!("{LINKS}max_rows = 100\n\n{RATING}");
    let today = Utc::now().date_naive();
    let start = (0..10)
        .find(|days| (today + Days::new(*days)).day() < 20)
        .unwrap_or(0);
    at_day(&mut context, start);
    configure(
        &context,
        "per_month = 30_000\npace = true\n",
        &targets(6),
        &reports,
    );
    let dry = context.backhaul(&["run", "--dry-run"]).expect(0).stdout;
    assert_eq!(context.stats().requests, 0, "not even a free request");
    let report = context.run().expect(0).json();
    let of = |report: &serde_json::Value| report["tasks"]["deferred"].as_u64().unwrap();
    let deferred: u64 = report["reports"].as_array().unwrap().iter().map(of).sum();
    assert!(deferred > 0, "{report}");
    assert!(
        dry.contains(&format!(", {deferred} are deferred, at most ")),
        "{dry}"
    );
    assert_eq!(
        dry.matches("units, due since ").count() as u64,
        deferred,
        "{dry}"
    );
    assert!(dry.contains("  links t"), "{dry}");
}

#[test]
fn a_workspace_that_cannot_be_asked_leaves_the_ledger_and_what_it_last_said() {
    for status in ["500 Internal Server Error", "403 Forbidden"] {
        let context = TestContext::new(days_ahead(150));
        let limit = 4_000;
        let blind = |context: &TestContext| {
            configure(
                context,
                &format!("per_month = {limit}\n"),
                &targets(12),
                &format!("{LINKS}\n"),
            );
            let path = context.folder.path().join("backhaul.toml");
            let text = std::fs::read_to_string(&path).unwrap();
            let relay = Relay::start(&context.url(), Some(("limits-and-usage", status)));
            context.write_configuration(&text.replace(&context.url(), &relay.url()));
        };
        blind(&context);
        for _ in 0..3 {
            let ran = context.run().expect(4);
            let notes = ran.json()["notes"].to_string();
            assert!(
                notes.contains("the workspace could not be asked for its usage"),
                "{status}: {notes}"
            );
            assert!(
                notes.contains("the month is counted by this destination's own ledger alone"),
                "{notes}"
            );
        }
        assert!(
            context.stats().units <= limit && context.stats().units > limit - 200,
            "{}",
            context.stats().units
        );
    }
}

#[test]
fn a_plan_that_can_never_complete_is_refused_with_what_would_make_it_fit() {
    let context = TestContext::new(unlimited(10));
    configure(
        &context,
        "per_month = 10_000\n",
        &targets(10),
        &format!("{LINKS}\n{RATING}"),
    );
    let ran = context.backhaul(&["check", "--offline"]).expect(2);
    insta::assert_snapshot!(ran.stderr, @r#"
    error[BH-BUDGET]: the plan can never complete: it needs at least 16500 units in 30 nights, and per_month allows 10000
    next: set every = "2d" on the report `links`, or keep 6 of the 10 targets, or raise per_month to 16500
    cost: 0 units, nothing was sent
    "#);
    let told = ran.stdout.split("\nunits a month").nth(1).unwrap();
    let links = "at least 15,000: the minimum of one request a task, since without `max_rows` all rows are fetched";
    let lines = [
        " (30 nights, at this cadence): at least 16,500, with no upper bound",
        &format!("  links (every day): {links}"),
        "  rating (every day): at most 1,500",
        "",
    ];
    assert_eq!(told, lines.join("\n"));
    for budget in [
        "per_run = 40\n",
        "per_run = 1000\nper_target = { t3 = 60 }\n",
        "per_run = 1000\nper_report = { rating = 40 }\n",
    ] {
        configure(
            &context,
            budget,
            &targets(10),
            &format!("{LINKS}\n{RATING}"),
        );
        let ran = context.backhaul(&["check", "--offline"]).expect(2);
        assert!(
            ran.stderr
                .contains("error[BH-BUDGET]: the plan can never complete"),
            "{}",
            ran.stderr
        );
    }
    configure(
        &context,
        "per_month = 10_000\n",
        &targets(10),
        &format!("{LINKS}every = \"10d\"\n\n{RATING}every = \"week\"\n"),
    );
    context.backhaul(&["check", "--offline"]).expect(0);
}

#[test]
fn each_proposed_change_makes_the_plan_fit() {
    let context = TestContext::new(unlimited(10));
    let reports = |links: &str, rating: &str| {
        format!(
            "{LINKS}{links}\n[[report]]\nname = \"rating\"\nendpoint = \"site-explorer/domain-rating\"\n{rating}\n"
        )
    };
    for limit in [700, 3_000, 9_000, 15_500, 16_499] {
        configure(
            &context,
            &format!("per_month = {limit}\n"),
            &targets(10),
            &reports("", ""),
        );
        let said = context.backhaul(&["check", "--offline"]).expect(2).stderr;
        let next = said
            .lines()
            .find_map(|line| line.strip_prefix("next: "))
            .unwrap()
            .to_owned();
        for way in next.split(", or ") {
            let word = |before: &str| {
                way.split(before)
                    .nth(1)
                    .map(|rest| rest.split([' ', '"']).next().unwrap().to_owned())
            };
            let (mut budget, mut number, mut links, mut rating) =
                (limit, 10, String::new(), String::new());
            if let Some(units) = word("raise per_month to ") {
                budget = units.parse().unwrap();
            } else if let Some(kept) = word("keep ") {
                number = kept.parse().unwrap();
            } else {
                let every = format!("every = \"{}\"\n", word("every = \"").unwrap());
                links = if way.contains("`links`") || way.contains("all reports") {
                    every.clone()
                } else {
                    links
                };
                rating = if way.contains("`rating`") || way.contains("all reports") {
                    every
                } else {
                    rating
                };
            }
            configure(
                &context,
                &format!("per_month = {budget}\n"),
                &targets(number),
                &reports(&links, &rating),
            );
            let ran = context.backhaul(&["check", "--offline"]);
            assert_eq!(ran.code, 0, "{limit}: {way}: {}", ran.stderr);
        }
    }
}

#[test]
fn shares_of_what_is_not_there_are_refused_with_the_nearest_name() {
    let text = format!(
        "[source]\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n[budget]\nkeep_free = \"120%\"\nper_report = {{ link = 20_000 }}\n\
         per_target = {{ t9x = 5, t0 = 0 }}\n[destination]\nurl = \"out\"\n{}{LINKS}every = \"weeks\"\n",
        targets(1)
    );
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let faults = |text: &str| {
        config::parse(text, Path::new("backhaul.toml"), &environment)
            .expect_err("faults")
            .render()
    };
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-CONFIG]: `every` cannot be `weeks`
      --> backhaul.toml:18:9
       | every = "weeks"
       |         ^^^^^^^ day, week, month, or days such as `10d`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `keep_free` is neither units nor a share below 100%
      --> backhaul.toml:4:13
       | keep_free = "120%"
       |             ^^^^^^ units, or a share of the workspace's limit such as "10%"
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: `t0` is 0
      --> backhaul.toml:6:30
       | per_target = { t9x = 5, t0 = 0 }
       |                              ^ a whole number of at least 1
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let text = text
        .replace("weeks", "week")
        .replace("120%", "12%")
        .replace(", t0 = 0", "");
    insta::assert_snapshot!(faults(&text), @r"
    error[BH-CONFIG-KEY]: `per_report` names no report `link`
      --> backhaul.toml:5:16
       | per_report = { link = 20_000 }
       |                ^^^^ did you mean `links`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: `per_target` names no target `t9x`
      --> backhaul.toml:6:16
       | per_target = { t9x = 5 }
       |                ^^^ no target of the configuration is near it in spelling
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    ");
}
