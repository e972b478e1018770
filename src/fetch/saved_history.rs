//! The rows that the saved answers of a history can restore in its partitions.

use crate::error::Result;
use crate::fetch::pager_plan::inputs;
use crate::landing::{Attempt, ResponseStore};
use crate::model::SnapshotDate;
use crate::plan;
use crate::table::DateRange;
use crate::table::manifest::{HistoryEntry, TaskEntry};

/// The nights whose saved answers can restore rows of a period.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if they cannot be read.
pub(crate) fn saved_nights(
    landing: &ResponseStore,
    entry: &TaskEntry,
    period: DateRange,
) -> Result<Vec<SnapshotDate>> {
    let mut nights = Vec::new();
    for night in landing.nights()? {
        if let Some(window) = saved_window(landing, entry, night)?
            && window.intersection(period).is_some()
        {
            nights.push(night);
        }
    }
    Ok(nights)
}

/// The days that a night's saved answer covers.
fn saved_window(
    landing: &ResponseStore,
    entry: &TaskEntry,
    night: SnapshotDate,
) -> Result<Option<DateRange>> {
    let saved = saved_entry(landing, entry, night)?;
    let history = saved.and_then(|saved| saved.history);
    Ok(history.map(|history| history.window))
}

/// The entry of a night's saved answer, which was received no later than the committed one.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be read.
pub(crate) fn saved_entry(
    landing: &ResponseStore,
    entry: &TaskEntry,
    night: SnapshotDate,
) -> Result<Option<TaskEntry>> {
    let Some(history) = &entry.history else {
        return Ok(Some(entry.clone()));
    };
    let attempt = if history.night == night {
        Attempt {
            night,
            task: entry.task.clone(),
            number: entry.attempt,
        }
    } else {
        let Some(latest) = landing.latest(night, &entry.task)? else {
            return Ok(None);
        };
        latest
    };
    let Some(first) = landing.load(&attempt, 0)? else {
        return Ok(None);
    };
    let (Some(inputs), true) = (
        inputs(&first),
        first.header.received_at <= entry.exported_at,
    ) else {
        return Ok(None);
    };
    let Some(window) = inputs.window else {
        return Ok(None);
    };
    Ok(Some(TaskEntry {
        attempt: attempt.number,
        spec: inputs.spec,
        history: Some(HistoryEntry {
            night,
            window,
            ..history.clone()
        }),
        ..entry.clone()
    }))
}

/// Whether saved answers hold all days that a period holds of a task.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if they cannot be read.
pub(crate) fn has_all_responses(landing: &ResponseStore, entry: &TaskEntry) -> Result<bool> {
    let mut saved = Vec::new();
    for night in landing.nights()? {
        saved.extend(saved_window(landing, entry, night)?);
    }
    let Some(history) = &entry.history else {
        return Ok(true);
    };
    Ok(history
        .covered
        .iter()
        .all(|days| plan::is_answered(&saved, *days)))
}
