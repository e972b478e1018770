//! Tests of configuration: what a file means, and how each error in one is shown.

mod columns;
mod destination;
mod file;
mod keys;
mod planned;
mod report;
mod source;
mod starter;
mod targets;

use std::path::Path;

use backhaul::config::{self, Environment, RunConfig};
use backhaul::error::Errors;
use backhaul::model::SnapshotDate;
use backhaul::plan::{self, Selection, Task};
use chrono::NaiveDate;

/// Looks like a real key, and must never be shown.
const KEY: &str = "kQ7tZ2pWm9Xb4RvY8sLc3DfG6hJ1nA5e";

/// A configuration that is correct.
const VALID: &str = r#"
[source]
api_key = { env = "AHREFS_API_KEY" }

[destination]
url = "data"

[[target]]
url = "acme.com"
labels = { role = "own" }

[[report]]
name = "rating"
endpoint = "site-explorer/domain-rating"
"#;

fn environment() -> Environment {
    [("AHREFS_API_KEY", KEY)].into_iter().collect()
}

fn parse(text: &str) -> Result<RunConfig, Errors> {
    config::parse(text, Path::new("backhaul.toml"), &environment())
}

fn valid(text: &str) -> RunConfig {
    parse(text).unwrap_or_else(|errors| panic!("{}", errors.render()))
}

fn errors_of(text: &str) -> String {
    parse(text).expect_err("errors").render()
}

fn report(lines: &str) -> String {
    format!("{VALID}\n[[report]]\n{lines}\n")
}

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn planned(config: &RunConfig) -> Vec<Task> {
    plan::tasks(
        config,
        SnapshotDate::new(day("2026-11-23")),
        day("2026-11-23"),
        &Selection::default(),
    )
    .expect("a plan")
}
