//! A question that several tasks of a night have in common is asked once, whatever ends the process.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

use backhaul::sandbox::{Options, Quirk};
use serde_json::Value as Json;

use super::support::{
    DOMAIN_RATING, bought, covered_units, errors, five_clients, killed_at_any_step, requests,
};
use crate::support::{ANCHORS, RATING, TestContext, parquet_files, read_rows, unlimited};

#[test]
fn a_competitor_of_five_clients_is_fetched_once_and_exported_for_all_five() {
    let context = TestContext::new(Options {
        row_cap: Some(250),
        ..unlimited(1_200)
    });
    context.configure_with(
        "[[target]]\nname = \"alone\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    context.backhaul(&["check", "--live"]).expect(0);
    let alone = bought(&context, || context.run().expect(0));
    let rows = context.text_rows("anchors").len();
    std::fs::remove_dir_all(context.destination()).unwrap();
    let mut context = context;
    context.restart(Options {
        row_cap: Some(250),
        ..unlimited(1_200)
    });
    let second = ANCHORS.replace("\"anchors\"", "\"again\"");
    context.configure_with(&five_clients(), &format!("{ANCHORS}{second}"));
    context.backhaul(&["check", "--live"]).expect(0);
    assert_eq!(bought(&context, || context.run().expect(0)), alone);
    let stats = context.stats();
    assert_eq!(stats.cache_hits, 0);
    for table in ["anchors", "again"] {
        let counts = context.text_rows(table).iter().fold(
            BTreeMap::new(),
            |mut counts: BTreeMap<_, usize>, row| {
                *counts.entry(row["_target"].clone()).or_default() += 1;
                counts
            },
        );
        assert_eq!(counts.len(), 5);
        assert!(counts.values().all(|count| *count == rows), "{counts:?}");
    }
    assert_eq!(covered_units(&context), stats.units);
    let copied = context
        .text_rows("coverage")
        .iter()
        .filter(|row| row["evidence"].contains("answers_of_task"))
        .count();
    assert_eq!(copied, 9);
    context.backhaul(&["verify"]).expect(0);
    context.run().expect(0);
    assert_eq!(context.stats().requests, stats.requests, "complete");
    let before = read_rows(&context.destination().join("again"));
    std::fs::remove_file(&parquet_files(&context.destination().join("again"))[0]).unwrap();
    context
        .backhaul(&["rebuild", "--report", "again"])
        .expect(0);
    assert_eq!(
        read_rows(&context.destination().join("again")),
        before,
        "from copies that lie beside it"
    );
}

#[test]
fn a_later_task_of_a_night_shares_saved_answers_and_refetching_pays_once() {
    let context = TestContext::new(unlimited(300));
    context.configure_with(
        "[[target]]\nname = \"first\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    context.backhaul(&["check", "--live"]).expect(0);
    let (once, _) = bought(&context, || context.run().expect(0));
    let requests = context.stats().requests;
    context.configure_with(
        "[[target]]\nname = \"first\"\nurl = \"rival.org\"\n[[target]]\nname = \"later\"\nurl = \"rival.org\"\n",
        ANCHORS,
    );
    let estimate: Json =
        serde_json::from_str(&context.backhaul(&["estimate", "--json"]).expect(0).stdout).unwrap();
    assert_eq!(estimate["units"].as_u64(), Some(0), "{estimate}");
    let report = context.run().expect(0).json();
    assert_eq!(
        (report["units"].as_u64(), context.stats().requests),
        (Some(0), requests),
        "{report}"
    );
    assert_eq!(context.text_rows("anchors").len(), 2 * 300);
    let report = context
        .backhaul(&["run", "--json", "--refetch"])
        .expect(0)
        .json();
    assert_eq!(
        report["reports"][0]["tasks"]["complete"].as_u64(),
        Some(2),
        "{report}"
    );
    assert_eq!(context.stats().requests, requests + once);
    assert_eq!(context.text_rows("anchors").len(), 2 * 300);
    context.backhaul(&["verify"]).expect(0);
}

#[test]
fn a_run_that_is_killed_while_answers_are_copied_pays_nothing_twice() {
    let steps = [
        "landing.saved",
        "landing.saved:3",
        "twin.copied",
        "twin.copied:2",
        "landing.attempt:2",
        "landing.received:4",
    ];
    killed_at_any_step(&five_clients(), ANCHORS, "anchors", &steps);
}

#[test]
fn two_processes_with_the_same_question_for_different_tables_pay_once() {
    let context = TestContext::new(unlimited(400));
    let second = ANCHORS.replace("\"anchors\"", "\"again\"");
    context.configure_with(&five_clients(), &format!("{ANCHORS}{second}{RATING}"));
    context.backhaul(&["check", "--live"]).expect(0);
    let start = |report: &str| {
        let mut command = context.command(&["run", "--json", "--report", report]);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let running: Vec<_> = ["anchors", "again"].map(start).into();
    let codes: BTreeSet<_> = running
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().status.code().unwrap())
        .collect();
    assert!(codes.iter().all(|code| [0, 5].contains(code)), "{codes:?}");
    context.run().expect(0);
    let stats = context.stats();
    let alone = TestContext::new(unlimited(400));
    alone.configure_with(
        "[[target]]\nurl = \"rival.org\"\n",
        &format!("{ANCHORS}{RATING}"),
    );
    alone.backhaul(&["check", "--live"]).expect(0);
    alone.run().expect(0);
    assert_eq!(
        (stats.cache_hits, stats.units),
        (0, alone.stats().units),
        "nothing was asked twice"
    );
    assert_eq!(
        requests(&context, DOMAIN_RATING),
        1 + 1,
        "a probe of its columns is one"
    );
    for table in ["anchors", "again"] {
        assert_eq!(context.text_rows(table).len(), 5 * 400);
    }
    assert_eq!(covered_units(&context), stats.units);
}

#[test]
fn what_fails_for_one_of_the_clients_fails_for_all_without_being_asked_again() {
    let context = TestContext::new(Options {
        quirks: vec![Quirk::BadValue],
        ..unlimited(300)
    });
    let reports = ANCHORS.replace("[\"minimal\"]", "[\"minimal\", \"+links_to_target\"]");
    context.configure_with(&five_clients(), &format!("{reports}{RATING}"));
    let report = context.run().expect(3).json();
    assert_eq!(
        report["reports"][0]["tasks"]["failed"].as_u64(),
        Some(5),
        "{report}"
    );
    assert_eq!(
        report["reports"][1]["tasks"]["complete"].as_u64(),
        Some(5),
        "{report}"
    );
    let targets: BTreeSet<_> = errors(&report)
        .iter()
        .map(|error| error["target"].to_string())
        .collect();
    assert_eq!(targets.len(), 5, "{report}");
    assert_eq!(context.stats().cache_hits, 0);
}
