//! What earlier runs cost, for estimates: figures of a committed task.

use crate::model::SnapshotDate;
use chrono::DateTime;

use crate::config::Report;
use crate::plan::{self, LastRun, Task};
use crate::state::task_state;
use crate::table::manifest::TaskEntry;

/// The cost of the last run of the task, as far as it still applies: columns may differ, rows may not.
pub(crate) fn last_run_cost(
    report: &Report,
    task: &Task,
    entry: &TaskEntry,
    varies: impl Fn(&str) -> bool,
) -> Option<LastRun> {
    let was_capped = task_state::is_capped_by_max_rows(entry);
    for name in task.spec.stale_fields(&entry.spec, was_capped) {
        if !name.starts_with("column ") && !varies(&name) {
            return None;
        }
    }
    let then = Report {
        columns: entry.spec.columns.clone(),
        ..report.clone()
    };
    let exported_at = DateTime::from_timestamp_micros(entry.exported_at).unwrap_or_default();
    let last_run = LastRun {
        rows: entry.rows,
        reread: evidence_number(entry, "rows_reread"),
        requests: entry.requests,
        last_rows: rows_of_last_answers(entry),
        units: entry.units,
        units_per_row: plan::price_per_row(&then, SnapshotDate::new(exported_at.date_naive())),
    };
    match report.max_rows {
        Some(most) if most < last_run.rows => Some(cut_to(last_run, most)),
        _ => Some(last_run),
    }
}

fn evidence_number(entry: &TaskEntry, name: &str) -> u64 {
    let value = entry.evidence.get(name);
    match value {
        Some(value) => value.as_u64().unwrap_or(0),
        None => 0,
    }
}

fn rows_of_last_answers(entry: &TaskEntry) -> u64 {
    let Some(serde_json::Value::Array(answers)) = entry.evidence.get("last_answers") else {
        return 0;
    };
    let mut rows = 0;
    for answer in answers {
        rows += answer.as_u64().unwrap_or(0);
    }
    rows
}

/// A new `max_rows` below what there was cuts it in proportion.
fn cut_to(last_run: LastRun, most: u64) -> LastRun {
    let share = |number: u64| number.saturating_mul(most) / last_run.rows.max(1);
    LastRun {
        rows: most,
        reread: share(last_run.reread),
        requests: share(last_run.requests).max(1),
        last_rows: 0,
        units: share(last_run.units),
        ..last_run
    }
}

/// Whether a night of changes brought all live rows.
pub(crate) fn is_base(entry: &TaskEntry) -> bool {
    entry.spec.is_changes_base()
}

/// Rows that came again, and the page boundaries at which they did.
pub(crate) fn reread_stats(entry: &TaskEntry) -> Option<(u64, u64)> {
    let reread = entry.evidence.get("rows_reread")?.as_u64()?;
    // One request asked for nulls, and the first page has no boundary before it.
    if entry.requests <= 2 {
        return None;
    }
    Some((reread, entry.requests - 2))
}
