//! Nights to come, and what became of the tasks of each.

use std::collections::BTreeMap;

use backhaul::sandbox::Options;
use chrono::{DateTime, Utc};

use crate::support::{TestContext, now, read_rows, unlimited};

/// A source that can be asked about days to come.
pub fn days_ahead(rows: u64) -> Options {
    Options {
        row_cap: Some(250),
        clock_offset: chrono::Duration::days(10),
        ..unlimited(rows)
    }
}

/// Sets the program's clock so many days ahead.
pub fn at_day(context: &mut TestContext, days: i64) -> DateTime<Utc> {
    let time = now() + chrono::Duration::days(days);
    context.set_time(time);
    time
}

/// Rows of one partition, all columns, as sorted text.
pub fn partition(context: &TestContext, table: &str, night: DateTime<Utc>) -> Vec<String> {
    read_rows(
        &context
            .destination()
            .join(table)
            .join(format!("snapshot_date={}", night.date_naive())),
    )
}

pub fn statuses(context: &TestContext) -> BTreeMap<String, String> {
    let key = |row: &BTreeMap<String, String>| {
        format!(
            "{} {} {}",
            row["_snapshot_date"], row["report"], row["target"]
        )
    };
    context
        .text_rows("coverage")
        .iter()
        .map(|row| (key(row), row["status"].clone()))
        .collect()
}

pub fn notes(report: &serde_json::Value) -> String {
    report["notes"].to_string()
}

/// Saved answers of the destination.
pub fn count_responses(context: &TestContext) -> usize {
    fn count(folder: &std::path::Path) -> usize {
        std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| match entry.path() {
                path if path.is_dir() => count(&path),
                path => usize::from(
                    path.extension()
                        .is_some_and(|extension| extension == "response"),
                ),
            })
            .sum()
    }
    count(&context.destination().join("_backhaul/responses"))
}
