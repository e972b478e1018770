//! What the saved answers of a history can put into its partitions again.

use crate::error::Result;
use crate::fetch::pager_plan::inputs;
use crate::landing::{Attempt, ResponseStore};
use crate::model::SnapshotDate;
use crate::plan;
use crate::table::DateRange;
use crate::table::manifest::TaskEntry;

/// The nights whose saved answers can put rows into a period again: the entry of each, as it was asked then.
///
/// # Errors
/// [`crate::error::Code::Destination`] if they cannot be read.
pub(crate) fn saved_nights(
    landing: &ResponseStore,
    entry: &TaskEntry,
    period: DateRange,
) -> Result<Vec<SnapshotDate>> {
    let mut nights = Vec::new();
    for night in landing.nights()? {
        let then = saved_entry(landing, entry, night)?.and_then(|then| then.history);
        if then.is_some_and(|then| then.window.intersection(period).is_some()) {
            nights.push(night);
        }
    }
    Ok(nights)
}

/// The entry that a night's saved answer brought: it came no later than the one that is committed.
///
/// # Errors
/// [`crate::error::Code::Destination`] if it cannot be read.
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
    let begun = inputs(&first).filter(|_| first.header.received_at <= entry.exported_at);
    Ok(begun.and_then(|begun| {
        let mut then = TaskEntry {
            attempt: attempt.number,
            spec: begun.spec,
            ..entry.clone()
        };
        let history = then.history.as_mut()?;
        (history.night, history.window) = (night, begun.window?);
        Some(then)
    }))
}

/// Whether saved answers hold all days that a period holds of a task.
///
/// # Errors
/// [`crate::error::Code::Destination`] if they cannot be read.
pub(crate) fn is_saved_whole(landing: &ResponseStore, entry: &TaskEntry) -> Result<bool> {
    let mut saved = Vec::new();
    for night in landing.nights()? {
        saved.extend(
            saved_entry(landing, entry, night)?
                .and_then(|then| then.history)
                .map(|history| history.window),
        );
    }
    let covered = entry
        .history
        .as_ref()
        .map(|history| history.covered.as_slice())
        .unwrap_or_default();
    Ok(covered.iter().all(|days| plan::is_answered(&saved, *days)))
}
