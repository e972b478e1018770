//! What a night cannot afford is deferred whole and comes first on the next night.

use backhaul::config::{self, Environment};
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection};
use chrono::{Datelike as _, Days, Months, NaiveDate};

use super::support::{at_day, configure, days_ahead};
use crate::support::{KEY, LINKS, RATING, TestContext, numbered_targets, read_rows, today};

/// Far enough from the reset for two nights.
fn days_until_a_night_before_the_twentieth() -> u64 {
    let today = today();
    let mut days = 0;
    while (today + Days::new(days)).day() >= 20 {
        days += 1;
    }
    days
}

/// The bound of a task, and the nights until the month ends.
fn price_and_nights(context: &TestContext, night: NaiveDate) -> (u64, u64) {
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let config = config::load(&context.configuration(), &environment).unwrap();
    let tasks =
        plan::tasks_of_any_night(&config, SnapshotDate::new(night), &Selection::default()).unwrap();
    let reset = night.with_day(1).unwrap() + Months::new(1);
    let nights = u64::try_from((reset - night).num_days()).unwrap();
    (tasks[0].bound_units.unwrap(), nights)
}

#[test]
fn tasks_that_a_night_cannot_afford_are_deferred_whole_and_come_first_the_next_night() {
    let mut context = TestContext::new(days_ahead(100));
    let reports = format!("{LINKS}max_rows = 100\nevery = \"week\"\n\n{RATING}");
    configure(&context, "", &numbered_targets(6), &reports);
    let start = days_until_a_night_before_the_twentieth();
    let night = at_day(&mut context, start);
    let (price, nights) = price_and_nights(&context, night);
    let tonight = 3 * price + 6 * 50;
    configure(
        &context,
        &format!("per_month = {}\npace = true\n", nights * tonight),
        &numbered_targets(6),
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
fn a_deferred_task_is_not_fetched_by_a_report_with_the_same_question() {
    let mut context = TestContext::new(days_ahead(100));
    let again = LINKS.replace("\"links\"", "\"again\"");
    let reports = format!("{LINKS}max_rows = 100\n\n{again}max_rows = 100\n\n");
    configure(&context, "", &numbered_targets(4), &reports);
    let start = days_until_a_night_before_the_twentieth();
    let night = at_day(&mut context, start);
    let (price, nights) = price_and_nights(&context, night);
    configure(
        &context,
        &format!("per_month = {}\npace = true\n", nights * 2 * price),
        &numbered_targets(4),
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

#[test]
fn a_dry_run_names_what_tonight_cannot_afford_and_sends_nothing() {
    let mut context = TestContext::new(days_ahead(100));
    let reports = format!("{LINKS}max_rows = 100\n\n{RATING}");
    let start = days_until_a_night_before_the_twentieth();
    at_day(&mut context, start);
    configure(
        &context,
        "per_month = 30_000\npace = true\n",
        &numbered_targets(6),
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
