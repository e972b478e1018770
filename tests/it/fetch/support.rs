//! Targets that share answers, and counts of their tables and requests.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::support::{TestContext, unlimited};

pub const BATCH_ANALYSIS: &str = "batch-analysis/batch-analysis";

pub const DOMAIN_RATING: &str = "site-explorer/domain-rating";

/// Five clients who watch one competitor, each under a name of its own.
pub fn five_clients() -> String {
    (0..5).fold(String::new(), |mut text, client| {
        let _ = write!(
            text,
            "[[target]]\nname = \"client{client}-rival\"\nurl = \"rival.org\"\n\n"
        );
        text
    })
}

pub fn sites(number: usize) -> String {
    (0..number).fold(String::new(), |mut text, site| {
        let _ = write!(
            text,
            "[[target]]\nname = \"site{site}\"\nurl = \"site{site}.com\"\n\n"
        );
        text
    })
}

/// Units of all tasks in `coverage`.
pub fn covered_units(context: &TestContext) -> u64 {
    context
        .text_rows("coverage")
        .iter()
        .map(|row| row["units"].parse::<u64>().unwrap())
        .sum()
}

/// Requests and units that something takes.
pub fn bought<T>(context: &TestContext, what: impl FnOnce() -> T) -> (u64, u64) {
    let before = context.stats();
    what();
    let after = context.stats();
    (after.requests - before.requests, after.units - before.units)
}

pub fn requests(context: &TestContext, endpoint: &str) -> u64 {
    context
        .stats()
        .endpoints
        .get(endpoint)
        .map_or(0, |stats| stats.requests)
}

/// The values of some columns of a table, by target.
pub fn by_target(
    context: &TestContext,
    table: &str,
    columns: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let values = |row: &BTreeMap<String, String>| {
        columns.iter().map(|column| row[*column].clone()).collect()
    };
    context
        .text_rows(table)
        .iter()
        .map(|row| (row["_target"].clone(), values(row)))
        .collect()
}

pub fn errors(report: &Json) -> Vec<Json> {
    report["errors"].as_array().cloned().unwrap_or_default()
}

/// Kills the run at steps of saving, dividing and copying, and again in the run that goes on: nothing is charged twice,
/// nothing is lost. One lot at a time, so that no answer is in flight when the process ends.
pub fn killed_at_any_step(targets: &str, reports: &str, table: &str, steps: &[&str]) {
    let start = || {
        let context = TestContext::new(unlimited(150));
        context.configure_with(targets, reports);
        context.backhaul(&["check", "--live"]).expect(0);
        context
    };
    let undisturbed = start();
    let (expected_requests, _) = bought(&undisturbed, || undisturbed.run().expect(0));
    let expected = undisturbed.stats();
    let rows = undisturbed.text_rows(table).len();
    for step in steps {
        let mut context = start();
        context.env("BACKHAUL_TEST_CRASH_AT", step);
        assert_eq!(context.backhaul(&["run"]).code, -1, "{step} is passed");
        context.backhaul(&["run"]);
        context.unset("BACKHAUL_TEST_CRASH_AT");
        context.run().expect(0);
        assert_eq!(context.stats(), expected, "{step}");
        assert_eq!(context.text_rows(table).len(), rows, "{step}");
        assert_eq!(covered_units(&context), expected.units, "{step}");
        let packs = context.destination().join("_backhaul/responses/packs");
        assert!(packs.read_dir().map_or(0, Iterator::count) == 0, "{step}");
        context.backhaul(&["verify"]).expect(0);
        let usage = context.backhaul(&["usage", "--json"]).expect(0);
        let usage: Json = serde_json::from_str(&usage.stdout).unwrap();
        assert_eq!(
            usage["here"]["requests"].as_u64(),
            Some(expected_requests),
            "{step}: {usage}"
        );
        assert_eq!(
            usage["here"]["units"].as_u64(),
            Some(expected.units),
            "{step}: {usage}"
        );
    }
}

/// Files of a destination that hold a text.
pub fn holding(context: &TestContext, text: &str) -> Vec<std::path::PathBuf> {
    let mut left = Vec::new();
    let mut folders = vec![context.destination()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if String::from_utf8_lossy(&std::fs::read(&path).unwrap()).contains(text) {
                left.push(path);
            }
        }
    }
    left
}
