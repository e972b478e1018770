//! What is committed of a task.

use crate::config::Report;
use crate::error::Result;
use crate::landing::ResponseStore;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Task};
use crate::state::names::partition_of;
use crate::state::periods::{is_history, period_name};
use crate::store::Store;
use crate::table::DateRange;
use crate::table::manifest::{PartitionState, TaskEntry};

/// What the partition that holds a night says of a task: `None` if the task is not complete for the night.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if saved responses cannot be read.
pub(crate) fn committed_entry_in(
    landing: &ResponseStore,
    state: Option<&PartitionState>,
    night: SnapshotDate,
    task: &TaskId,
) -> Result<Option<TaskEntry>> {
    let Some(entry) = state.and_then(|state| state.task(task)) else {
        return Ok(None);
    };
    match &entry.history {
        Some(history)
            if !history
                .covered
                .iter()
                .any(|days| days.contains(night.date())) =>
        {
            Ok(None)
        }
        Some(history) if history.night != night => covered_by_other_night(landing, entry, night),
        _ => Ok(Some(entry.clone())),
    }
}

/// The entry of a task whose days another night's answer has covered, in this night's own count of attempts: all of them
/// are past, but for one whose answer came later.
fn covered_by_other_night(
    landing: &ResponseStore,
    entry: &TaskEntry,
    night: SnapshotDate,
) -> Result<Option<TaskEntry>> {
    let mut covered = entry.clone();
    covered.attempt = 0;
    let Some(latest) = landing.latest(night, &entry.task)? else {
        return Ok(Some(covered));
    };
    let first = landing
        .headers(&latest)?
        .into_iter()
        .find(|header| header.sequence == 0);
    covered.attempt = latest.number;
    if let Some(first) = first
        && first.received_at > entry.exported_at
    {
        let Some(before) = latest.number.checked_sub(1) else {
            return Ok(None);
        };
        covered.attempt = before;
    }
    Ok(Some(covered))
}

pub(crate) fn covered_spans<'a>(
    entry: &'a TaskEntry,
    task: &Task,
) -> impl Iterator<Item = DateRange> + 'a {
    let answers = task.spec.stale_fields(&entry.spec, false).is_empty();
    entry
        .history
        .iter()
        .filter(move |_| answers)
        .flat_map(|history| history.covered.iter().copied())
}

/// Whether all days that a task asks for are answered, as far as the table is a history.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if a state cannot be read.
pub(crate) fn is_answered(store: &Store, report: &Report, task: &Task) -> Result<bool> {
    let Some(window) = plan::window_of(task).filter(|_| is_history(report)) else {
        return Ok(true);
    };
    let mut answered = Vec::new();
    for year in window.years() {
        let state = store.partition(&report.name, &period_name(year))?;
        let Some(entry) = state.as_ref().and_then(|state| state.task(&task.id)) else {
            return Ok(false);
        };
        answered.extend(covered_spans(entry, task));
    }
    Ok(plan::is_answered(&answered, window))
}

/// State of the partition in which a report keeps a night.
pub(crate) fn partition_state_for(
    store: &Store,
    night: SnapshotDate,
    report: &Report,
) -> Result<Option<PartitionState>> {
    store.partition(&report.name, &partition_of(report, night))
}

/// What is committed of a task for a night; `None` if it is not complete.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be read.
pub(crate) fn committed_entry(
    store: &Store,
    landing: &ResponseStore,
    night: SnapshotDate,
    report: &Report,
    task: &TaskId,
) -> Result<Option<TaskEntry>> {
    committed_entry_in(
        landing,
        partition_state_for(store, night, report)?.as_ref(),
        night,
        task,
    )
}

/// Whether a task lacks its rows, or a later attempt at it was begun than the one that its rows come from.
pub(crate) fn is_unfinished(
    landing: &ResponseStore,
    night: SnapshotDate,
    task: &TaskId,
    entry: Option<&TaskEntry>,
) -> Result<bool> {
    let Some(entry) = entry else { return Ok(true) };
    match landing.latest_listed(night, task)? {
        Some((latest, _)) => Ok(latest.number > entry.attempt),
        None => Ok(false),
    }
}

/// Whether the task ended at its limit `max_rows`.
pub(crate) fn is_capped_by_max_rows(entry: &TaskEntry) -> bool {
    entry
        .evidence
        .pointer("/status/capped")
        .and_then(serde_json::Value::as_str)
        == Some("max_rows")
}
