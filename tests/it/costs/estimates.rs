//! An estimate is what the run will be charged, with the source of each figure.

use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};

use super::support::{estimated, next_day};
use crate::support::{
    ANCHORS, LINKS, MANY, RATING, TWO_TARGETS, TestContext, now, number, unlimited,
};

#[test]
fn an_estimate_from_the_last_run_is_within_two_percent_of_the_charge() {
    for (row_cap, ties) in [(None, None), (Some(500), Some(9)), (Some(100), None)] {
        let mut context = TestContext::new(Options {
            row_cap,
            ties,
            ..unlimited(2_600)
        });
        let configure = |context: &TestContext| context.configure_with(TWO_TARGETS, MANY);
        configure(&context);
        context.run().expect(0);
        let none = estimated(&context);
        assert_eq!(
            (number(&none, "/units"), number(&none, "/requests")),
            (0, 0),
            "tonight is complete: {none}"
        );
        next_day(&mut context, 1, configure);
        // What paging assumes is probed now, so that the run's own requests can be counted.
        context.backhaul(&["check", "--live"]).expect(0);
        let probes = context.stats().requests;
        let before = estimated(&context);
        assert_eq!(
            context.stats().requests,
            probes,
            "an estimate sends nothing"
        );
        assert_eq!(number(&before, "/own_units"), 0);
        let report = context.run().expect(0).json();
        let stats = context.stats();
        for (place, estimated) in before["reports"].as_array().unwrap().iter().enumerate() {
            let billed = &report["reports"][place];
            let (units, is) = (number(estimated, "/units"), number(billed, "/units"));
            assert!(
                units.abs_diff(is) * 50 <= is,
                "{row_cap:?} {}: {units} estimated, {is} billed",
                billed["name"]
            );
            assert_eq!(
                number(estimated, "/rows"),
                number(billed, "/rows"),
                "{}",
                billed["name"]
            );
        }
        let (units, is) = (number(&before, "/units"), stats.units);
        assert!(
            units.abs_diff(is) * 50 <= is,
            "{row_cap:?}: {units} estimated, {is} billed"
        );
        let (requests, is) = (number(&before, "/requests"), stats.requests - probes);
        assert!(
            requests.abs_diff(is) * 20 <= is,
            "{row_cap:?}: {requests} requests estimated, {is} sent"
        );
        assert_eq!(before["reports"][0]["basis"], "last run");
        assert_eq!(before["reports"][4]["basis"], "fixed size");
    }
}

#[test]
fn a_first_night_is_estimated_by_its_bounds_less_saved_answers() {
    let mut context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(2_600)
    });
    let bounded = format!(
        "{}max_rows = 2000\n\n{RATING}",
        LINKS.trim_end().to_owned() + "\n"
    );
    context.configure_with(TWO_TARGETS, &bounded);
    let before = estimated(&context);
    assert_eq!(before["reports"][0]["basis"], "upper bound");
    context.run().expect(0);
    let (units, is) = (number(&before, "/units"), context.stats().units);
    assert!(
        units.abs_diff(is) * 50 <= is,
        "{units} estimated, {is} billed"
    );
    // A second night stops halfway: what is saved is deducted.
    next_day(&mut context, 1, |context| {
        context.configure_with(TWO_TARGETS, &bounded);
    });
    context.backhaul(&["run", "--max-units", "9000"]).expect(4);
    let spent = context.stats().units;
    let rest = estimated(&context);
    assert!(
        rest["reports"][0]["basis"]
            .as_str()
            .unwrap()
            .contains("less what is saved"),
        "{rest}"
    );
    context.run().expect(0);
    let (units, is) = (number(&rest, "/units"), context.stats().units - spent);
    // Near the budget pages shrink to what is left of it, and small pages have more seams.
    assert!(
        units.abs_diff(is) * 10 <= is,
        "{units} estimated for the rest, {is} billed"
    );
}

#[test]
fn a_task_without_history_is_unknown_or_estimated_like_the_others() {
    let mut context = TestContext::new(unlimited(400));
    context.configure(ANCHORS);
    let blind = estimated(&context);
    assert_eq!(
        (number(&blind, "/unknown_tasks"), number(&blind, "/units")),
        (1, 0)
    );
    let text = context.backhaul(&["estimate"]).expect(0).stdout;
    assert!(
        text.contains("1 task was never fetched") && text.contains("max_rows"),
        "{text}"
    );
    context.run().expect(0);
    next_day(&mut context, 1, |context| {
        context.configure_with(TWO_TARGETS, ANCHORS);
    });
    let other = estimated(&context);
    assert_eq!(
        other["reports"][0]["basis"],
        "last run (1), mean of other targets (1)"
    );
    let targets = other["reports"][0]["targets"].as_array().unwrap();
    assert_eq!(number(&targets[0], "/units"), number(&targets[1], "/units"));
    let tasks = context
        .backhaul(&["estimate", "--tasks", "--json"])
        .expect(0)
        .json();
    let ids: Vec<&str> = tasks["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["task"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 2);
    assert!(
        ids.iter().all(|id| id.len() == 16) && ids[0] != ids[1],
        "{ids:?}"
    );
    let one = context
        .backhaul(&["estimate", "--target", "rival", "--json"])
        .expect(0)
        .json();
    assert_eq!(number(&one, "/units"), number(&targets[1], "/units"));
}

/// The API charges two units for each historical month and does not document whether the running one is among them. The price
/// counts it, so that a reservation is never too small; the sandbox does not.
#[test]
fn months_since_a_fixed_day_are_estimated_with_the_running_month_on_every_day_of_a_month() {
    const KEYWORDS: u64 = 3;
    const UNITS_OF_A_MONTH: u64 = 2;
    let keywords = "[[keyword_list]]\nname = \"shoes\"\nkeywords = [\"acme\", \"acme shoes\", \"red shoes\"]\n\n";
    let report = "[[report]]\nname = \"volumes\"\nendpoint = \"keywords-explorer/overview\"\n\
                  keyword_lists = [\"shoes\"]\ncountries = [\"us\"]\n\
                  columns = [\"keyword\", \"volume_monthly_history\"]\nvolume_monthly_date_from = \"2016-01-01\"\n\n";
    for (first, months) in [
        ("2026-11-11", 130),
        ("2026-11-29", 130),
        ("2026-11-30", 131),
        ("2026-12-01", 131),
        ("2026-12-31", 132),
        ("2028-02-28", 145),
        ("2028-02-29", 146),
    ] {
        let time: DateTime<Utc> = format!("{first}T12:00:00Z").parse().unwrap();
        let mut context = TestContext::new(Options {
            clock_offset: time - now(),
            churn: f64::MIN_POSITIVE,
            ..unlimited(50)
        });
        context.set_time(time);
        context.configure_with(keywords, report);
        context.run().expect(0);
        let time = time + chrono::Duration::days(1);
        context.restart(Options {
            clock_offset: time - now(),
            ..context.options.clone()
        });
        context.set_time(time);
        context.configure_with(keywords, report);
        let estimate = context.backhaul(&["estimate", "--json"]).expect(0).json();
        assert_eq!(estimate["reports"][0]["basis"], "last run", "{estimate}");
        let charged = number(&context.run().expect(0).json(), "/units");
        assert_eq!(
            charged,
            KEYWORDS * (1 + months * UNITS_OF_A_MONTH),
            "the day after {first}"
        );
        assert_eq!(
            number(&estimate, "/units"),
            charged + KEYWORDS * UNITS_OF_A_MONTH,
            "the day after {first}: {estimate}"
        );
    }
}

#[test]
fn grouped_rows_are_paged_and_estimated() {
    let report = "[[report]]\nname = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\n";
    let mut context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(3_000)
    });
    let configure = |context: &TestContext| context.configure(report);
    configure(&context);
    let first = context.run().expect(0).json();
    assert_eq!(number(&first, "/reports/0/tasks/complete"), 1, "{first}");
    next_day(&mut context, 1, configure);
    let units = number(&estimated(&context), "/units");
    let is = number(&context.run().expect(0).json(), "/units");
    assert!(
        units.abs_diff(is) * 50 <= is,
        "{units} estimated, {is} billed"
    );
}
