//! Budgets of runs, months, reports and targets are never exceeded.

use std::path::Path;
use std::process::Stdio;

use backhaul::config::{self, Environment};
use backhaul::sandbox::Options;

use crate::schedule::support::{configure, days_ahead};
use crate::support::{KEY, LINKS, RATING, Relay, TestContext, numbered_targets, read_rows};

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
            &numbered_targets(2),
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
    context.configure_with(&numbered_targets(1), competitors);
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
        &numbered_targets(12),
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
        &numbered_targets(12),
        &format!("{LINKS}\n"),
    );
    context.run().expect(4);
    assert!(context.stats().units < 200, "{}", context.stats().units);
    // A larger budget lets the night finish.
    configure(
        &context,
        "per_month = 1_000_000\n",
        &numbered_targets(12),
        &format!("{LINKS}\n"),
    );
    context.run().expect(0);
    assert_eq!(
        read_rows(&context.destination().join("links")).len(),
        12 * 150
    );
}

#[test]
fn reserved_units_of_the_workspace_stay_free() {
    let context = TestContext::new(Options {
        units: Some(5_000),
        ..days_ahead(150)
    });
    configure(
        &context,
        "per_run = 100_000\nkeep_free = \"40%\"\n",
        &numbered_targets(12),
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
fn a_workspace_that_does_not_answer_leaves_the_ledger_and_its_last_report() {
    for status in ["500 Internal Server Error", "403 Forbidden"] {
        let context = TestContext::new(days_ahead(150));
        let limit = 4_000;
        let blind = |context: &TestContext| {
            configure(
                context,
                &format!("per_month = {limit}\n"),
                &numbered_targets(12),
                &format!("{LINKS}\n"),
            );
            let relay = Relay::start(&context.url(), Some(("limits-and-usage", status)));
            context.edit_configuration(&context.url(), &relay.url());
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
fn shares_of_what_is_not_there_are_refused_with_the_nearest_name() {
    let text = format!(
        "[source]\napi_key = {{ env = \"AHREFS_API_KEY\" }}\n[budget]\nkeep_free = \"120%\"\nper_report = {{ link = 20_000 }}\n\
         per_target = {{ t9x = 5, t0 = 0 }}\n[destination]\nurl = \"out\"\n{}{}\nevery = \"weeks\"\n",
        numbered_targets(1),
        LINKS.trim_end()
    );
    let environment: Environment = [("AHREFS_API_KEY", KEY)].into_iter().collect();
    let faults = |text: &str| {
        config::parse(text, Path::new("backhaul.toml"), &environment)
            .expect_err("faults")
            .render()
    };
    insta::assert_snapshot!(faults(&text), @r#"
    error[BH-CONFIG]: invalid value `weeks` for `every`
      --> backhaul.toml:18:9
       | every = "weeks"
       |         ^^^^^^^ day, week, month, or days such as `10d`
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: invalid value for `keep_free`
      --> backhaul.toml:4:13
       | keep_free = "120%"
       |             ^^^^^^ use units, or a share of the workspace's limit below 100%, such as "10%"
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG]: invalid value `0` for `t0`
      --> backhaul.toml:6:30
       | per_target = { t9x = 5, t0 = 0 }
       |                              ^ an integer of at least 1
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    "#);
    let text = text
        .replace("weeks", "week")
        .replace("120%", "12%")
        .replace(", t0 = 0", "");
    insta::assert_snapshot!(faults(&text), @r"
    error[BH-CONFIG-KEY]: unknown report `link` in `per_report`
      --> backhaul.toml:5:16
       | per_report = { link = 20_000 }
       |                ^^^^ did you mean `links`?
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent

    error[BH-CONFIG-KEY]: unknown target `t9x` in `per_target`
      --> backhaul.toml:6:16
       | per_target = { t9x = 5 }
       |                ^^^ the configuration has no target of a similar name
    next: fix the line, then: backhaul check --offline
    cost: 0 units, nothing was sent
    ");
}
