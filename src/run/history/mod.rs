//! Histories: tables by year of their rows' dates, into which every night merges the days that it asked for.
//!
//! There is no record beside the partitions' states: each says, task by task, for which of its days rows were asked, and all
//! together say how far a task has come and what its next window is. Periods are committed in their order, that of
//! the night last, so that the night counts as complete only when all of them are.

mod answers;
mod due;
mod merge;
mod rows;

pub(super) use due::Histories;
pub(super) use merge::{assemble, rebuild};

use super::inputs::inputs;
use crate::catalog::Catalog;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Result};
use crate::landing::{Attempt, Landing};
use crate::model::{Night, TaskId};
use crate::plan::{self, Task};
use crate::store::{Store, TableRecord};
use crate::table::manifest::{PartitionState, TaskEntry};
use crate::table::{Span, parse_segment, segment};

/// Key of the partitions of a history.
const PERIOD: &str = "period";

/// Folder of a year's partition of a history.
pub(super) fn period_name(year: i32) -> String {
    segment(PERIOD, &format!("{year:04}"))
}

/// The days of a partition of a history; `None` for the name of any other.
pub(super) fn period_of(partition: &str) -> Option<Span> {
    let (key, year) = parse_segment(partition)?;
    Span::of_year(year.parse().ok()?).filter(|_| key == PERIOD)
}

/// Whether a report fills a history.
pub(super) fn is_history(report: &Report) -> bool {
    report.endpoint.history_column().is_some()
}

/// The same of a table, which need not be in the configuration.
///
/// # Errors
/// [`crate::error::Code::Destination`] if its record cannot be read.
pub(super) fn is_history_table(config: &RunConfig, store: &Store, table: &str) -> Result<bool> {
    if let Some(report) = config.reports.iter().find(|report| report.name == table) {
        return Ok(is_history(report));
    }
    let record = store.table(table)?;
    Ok(Catalog::embedded()
        .endpoint(&record.endpoint)
        .is_some_and(|of| of.history_column().is_some()))
}

/// Refuses a table that is laid out by night where the report fills a history, or the other way round: readers find the
/// partitions of a table by one key.
///
/// # Errors
/// [`Code::Schema`].
pub(super) fn check_layout(store: &Store, report: &Report, record: &TableRecord) -> Result<()> {
    let is_of_other_kind = |name: &&String| period_of(name).is_some() != is_history(report);
    let Some(other) = record.partitions.keys().find(is_of_other_kind) else {
        return Ok(());
    };
    let message = format!(
        "the table `{}` is laid out by night, a history by year",
        report.name
    );
    Err(Error::new(Code::Schema, message)
        .with_context("partition", format!("{}/{other}", report.name))
        .with_next(format!(
            "give the report a new name; {} stays as it is",
            store.place_of(&report.name)
        )))
}

/// What the partition that holds a night says of a task: `None` if the task is not complete for the night.
///
/// # Errors
/// [`crate::error::Code::Destination`] if saved responses cannot be read.
pub(super) fn entry_in(
    landing: &Landing,
    state: Option<&PartitionState>,
    night: Night,
    task: &TaskId,
) -> Result<Option<TaskEntry>> {
    let Some(entry) = state.and_then(|state| state.task(task)) else {
        return Ok(None);
    };
    match &entry.history {
        Some(history) if !history.covered.iter().any(|days| days.contains(night)) => Ok(None),
        Some(history) if history.night != night => through_others(landing, entry, night),
        _ => Ok(Some(entry.clone())),
    }
}

/// The entry of a task whose days another night's answer has covered, in this night's own count of attempts: all of them
/// are past, but for one whose answer came later.
fn through_others(landing: &Landing, entry: &TaskEntry, night: Night) -> Result<Option<TaskEntry>> {
    let past = |attempt| {
        Some(TaskEntry {
            attempt,
            ..entry.clone()
        })
    };
    let Some(latest) = landing.latest(night, &entry.task)? else {
        return Ok(past(0));
    };
    let first = landing
        .headers(&latest)?
        .into_iter()
        .find(|header| header.sequence == 0);
    Ok(match first {
        Some(first) if first.received_at > entry.exported_at => {
            latest.number.checked_sub(1).and_then(past)
        }
        _ => past(latest.number),
    })
}

fn answered_by<'a>(entry: &'a TaskEntry, task: &Task) -> impl Iterator<Item = Span> + 'a {
    let answers = task.unanswered_by(&entry.asked, false).is_empty();
    entry
        .history
        .iter()
        .filter(move |_| answers)
        .flat_map(|history| history.covered.iter().copied())
}

/// Whether all days that a task asks for are answered, as far as the table is a history.
///
/// # Errors
/// [`crate::error::Code::Destination`] if a state cannot be read.
pub(super) fn is_answered(store: &Store, report: &Report, task: &Task) -> Result<bool> {
    let Some(window) = plan::window_of(task).filter(|_| is_history(report)) else {
        return Ok(true);
    };
    let mut answered = Vec::new();
    for year in window.years() {
        let state = store.partition(&report.name, &period_name(year))?;
        let Some(entry) = state.as_ref().and_then(|state| state.task(&task.id)) else {
            return Ok(false);
        };
        answered.extend(answered_by(entry, task));
    }
    Ok(plan::is_answered(&answered, window))
}

/// The nights whose saved answers can put rows into a period again: the entry of each, as it was asked then.
///
/// # Errors
/// [`crate::error::Code::Destination`] if they cannot be read.
pub(super) fn saved_nights(
    landing: &Landing,
    entry: &TaskEntry,
    period: Span,
) -> Result<Vec<Night>> {
    let mut nights = Vec::new();
    for night in landing.nights()? {
        let then = saved_entry(landing, entry, night)?.and_then(|then| then.history);
        if then.is_some_and(|then| then.window.within(period).is_some()) {
            nights.push(night);
        }
    }
    Ok(nights)
}

/// The entry that a night's saved answer brought: it came no later than the one that is committed.
///
/// # Errors
/// [`crate::error::Code::Destination`] if it cannot be read.
pub(super) fn saved_entry(
    landing: &Landing,
    entry: &TaskEntry,
    night: Night,
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
            asked: begun.asked,
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
pub(super) fn is_saved_whole(landing: &Landing, entry: &TaskEntry) -> Result<bool> {
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
