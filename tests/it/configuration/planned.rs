//! What a configuration means: its tasks, dates, bounds and description.

use std::collections::BTreeSet;

use backhaul::error::ErrorCode;
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection};

use super::{KEY, day, errors_of, planned, report, valid};

#[test]
fn dates_are_days_of_the_calendar_and_never_in_the_future() {
    let text = report(
        "name = \"history\"\nendpoint = \"site-explorer/domain-rating-history\"\nsince = \"2024-02-30\"",
    );
    insta::assert_snapshot!(errors_of(&text), @r#"
    error[BH-DATE]: invalid value `2024-02-30` for `since`
      --> backhaul.toml:19:9
       | since = "2024-02-30"
       |         ^^^^^^^^^^^^ use a day of the calendar, such as "2024-01-31"
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let late =
        plan::resolve_date(Some(day("2026-11-24")), day("2026-11-23")).expect_err("the future");
    insta::assert_snapshot!(late.render(), @r#"
    error[BH-DATE]: the night 2026-11-24 lies in the future
       = today: 2026-11-23 (UTC)
    next: give a day up to today, or none
    cost: 0 units, nothing was sent
    "#);
    assert_eq!(
        plan::resolve_date(None, day("2026-11-23")).expect("today"),
        SnapshotDate::new(day("2026-11-23"))
    );
}

#[test]
fn an_operation_without_a_date_answers_for_the_last_days_only() {
    let config = valid(&report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"",
    ));
    let plan = |night| {
        plan::tasks(
            &config,
            SnapshotDate::new(day(night)),
            day("2026-11-23"),
            &Selection::default(),
        )
    };
    assert!(plan("2026-11-21").is_ok());
    let late = plan("2026-11-20").expect_err("too late");
    insta::assert_snapshot!(late.render(), @r#"
    error[BH-DATE]: site-explorer/all-backlinks only knows the present, not the night 2026-11-20: it takes no date
       = report: links
    next: choose nights from 2026-11-21 on, or only reports that can: --report rating
    cost: 0 units, nothing was sent
    "#);
    let dated = Selection {
        reports: vec!["rating".to_owned()],
        ..Selection::default()
    };
    assert!(
        plan::tasks(
            &config,
            SnapshotDate::new(day("2026-11-20")),
            day("2026-11-23"),
            &dated
        )
        .is_ok()
    );
}

#[test]
fn tasks_are_reports_times_targets_times_countries_with_ids_that_last() {
    let text = report(
        "name = \"keywords\"\nendpoint = \"site-explorer/organic-keywords\"\ncountries = [\"US\", \"gb\"]",
    );
    let config = valid(&text);
    let tasks = planned(&config);
    assert_eq!(tasks.len(), 3);
    assert_eq!(
        tasks[2].parameters,
        [("country".to_owned(), "gb".to_owned())]
    );
    for pair in [
        ("target", "acme.com"),
        ("country", "gb"),
        ("date", "2026-11-23"),
        ("mode", "subdomains"),
    ] {
        assert!(
            tasks[2]
                .query
                .contains(&(pair.0.to_owned(), pair.1.to_owned())),
            "{pair:?}"
        );
    }
    assert!(
        tasks[2]
            .query
            .iter()
            .all(|(name, _)| !["select", "where", "order_by", "limit"].contains(&name.as_str()))
    );
    let ids: BTreeSet<_> = tasks.iter().map(|task| task.id.clone()).collect();
    assert_eq!(ids.len(), 3);

    let relabelled = valid(&text.replace("role = \"own\"", "role = \"other\""));
    assert_eq!(planned(&relabelled), tasks);
    let renamed = valid(&text.replace("url = \"acme.com\"", "url = \"acme.com\"\nname = \"acme\""));
    assert!(planned(&renamed).iter().all(|task| !ids.contains(&task.id)));
}

#[test]
fn a_selection_narrows_the_plan_and_refuses_what_it_does_not_find() {
    let config = valid(
        &(report("name = \"links\"\nendpoint = \"site-explorer/anchors\"")
            + "[[target]]\nurl = \"b.com\"\n"),
    );
    let select = |reports: &[&str], targets: &[&str]| {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let selection = Selection {
            reports: own(reports),
            targets: own(targets),
            ..Selection::default()
        };
        plan::tasks(
            &config,
            SnapshotDate::new(day("2026-11-23")),
            day("2026-11-23"),
            &selection,
        )
        .map(|tasks| tasks.len())
    };
    assert_eq!(select(&[], &[]).expect("all"), 4);
    assert_eq!(select(&["links"], &["b.com"]).expect("one"), 1);
    assert_eq!(select(&[], &["role=own"]).expect("by label"), 2);
    assert_eq!(
        select(&["link"], &[]).expect_err("unknown").code(),
        ErrorCode::Usage
    );
    assert_eq!(
        select(&[], &["c.com"]).expect_err("unknown").code(),
        ErrorCode::Target
    );
}

#[test]
fn an_unbounded_run_needs_a_budget() {
    let links = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]",
    );
    let tasks = planned(&valid(&links));
    insta::assert_snapshot!(plan::require_budget(&tasks, None).expect_err("no budget").render(), @r#"
    error[BH-BUDGET]: the run has no upper bound: without `top` or `max_rows` all rows are fetched, and no budget covers more than 10000 units
    next: add under [budget]: per_run = 60000   or give --max-units 60000
    cost: 0 units, nothing was sent
    "#);
    plan::require_budget(&tasks, Some(1)).expect("the budget is kept while the run spends");
    let small = planned(&valid(&format!("{links}max_rows = 1000\n")));
    plan::require_budget(&small, None).expect("bounded");
    let large = planned(&valid(&format!("{links}max_rows = 100000\n")));
    assert_eq!(
        plan::require_budget(&large, None)
            .expect_err("too large")
            .code(),
        ErrorCode::Budget
    );
}

#[test]
fn free_targets_cost_nothing_up_to_a_hundred_rows() {
    let links = "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\"]\nmax_rows = ";
    let bounds = |rows: u64| -> Vec<_> {
        let text = report(&format!("{links}{rows}")).replace("acme.com", "ahrefs.com");
        planned(&valid(&text))
            .iter()
            .map(|task| task.bound_units)
            .collect()
    };
    assert_eq!(bounds(100), [Some(0), Some(0)]);
    assert!(bounds(101)[1] > Some(100));
}

#[test]
fn what_will_be_exported_is_described_with_history_stated() {
    let text = report(
        "name = \"links\"\nendpoint = \"site-explorer/all-backlinks\"\ncolumns = [\"url_from\", \"url_to\"]\nmax_rows = 1000",
    );
    let config = valid(&text);
    let shown = plan::describe(&config, &planned(&config));
    // The catalog chooses what paging adds; everything else is fixed here.
    let shown: String = shown
        .lines()
        .map(|line| {
            if line.contains("units a row;") || line.contains("for paging") {
                "  (a price)"
            } else {
                line
            }
        })
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(shown, @r#"
    configuration backhaul.toml: correct
    source        https://api.ahrefs.com/v3 with the key from the variable AHREFS_API_KEY
    destination   data
    targets       1

    rating  (site-explorer/domain-rating)
      2 columns, 1 targets, 1 tasks
      (a price)

    links  (site-explorer/all-backlinks)
      2 columns, 1 targets, 1 tasks
      (a price)
      history = live  (the API's own default is all_time, which costs more)
      at most 1000 rows a task; reaching it is reported as capped

    2 tasks a night, at most 3100 units; no budget is set, so at most 10000 units would run
    "#);
    assert!(!shown.contains(KEY));
}
