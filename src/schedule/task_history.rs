//! What earlier nights came to, as far back as it is needed: when each task was last complete, what it cost then, and how
//! often it was put off.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Days};

use crate::config::{Every, Report};
use crate::error::Result;
use crate::model::{Night, TaskId};
use crate::plan::{self, LastRun, Task};
use crate::state::names::partition_name;
use crate::state::periods;
use crate::state::task_state;
use crate::store::Store;
use crate::table::manifest::{TaskEntry, UnfinishedStatus};

/// Nights over which it is counted who was put off, so that it is another's turn the next time.
const MEMORY: u32 = 35;

/// What is known of one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TaskHistory {
    /// The last night on which it was complete.
    pub last: Option<Night>,
    /// What it cost then.
    pub units: Option<u64>,
    /// Since when it was due when it was last put off, if it was not complete since.
    pub waiting_since: Option<Night>,
    /// The due dates for which it was put off.
    pub deferred_on: BTreeSet<Night>,
}

/// Reads the states of a report's partitions before `night`, newest first, until every one of `tasks` is accounted for.
/// With `with_turns` also who was put off.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(crate) fn load_task_history(
    store: &Store,
    report: &Report,
    night: Night,
    tasks: &BTreeSet<&TaskId>,
    with_turns: bool,
) -> Result<BTreeMap<TaskId, TaskHistory>> {
    if periods::is_history(report) {
        return past_of_history(store, report, night);
    }
    let mut seen: BTreeMap<TaskId, TaskHistory> = BTreeMap::new();
    // Whatever is older is due in any case.
    let period = report.every.nights().saturating_mul(2).saturating_add(1);
    let horizon = if with_turns {
        period.max(MEMORY)
    } else {
        period
    };
    let oldest = night
        .checked_sub_days(Days::new(u64::from(horizon)))
        .unwrap_or(night);
    let names: BTreeSet<String> = store.partitions(&report.name)?.into_iter().collect();
    let mut missing = tasks.len();
    for before in night
        .iter_days()
        .rev()
        .skip(1)
        .take_while(|day| *day >= oldest)
    {
        // A task of every night that was put off is older than those of tonight: turns need no memory.
        if missing == 0 && (!with_turns || report.every == Every::DAY) {
            break;
        }
        let name = partition_name(before);
        let Some(state) = names
            .contains(&name)
            .then(|| store.partition(&report.name, &name))
            .transpose()?
            .flatten()
        else {
            continue;
        };
        for task in state
            .unfinished
            .iter()
            .filter(|task| task.status == UnfinishedStatus::Deferred)
        {
            let one = seen.entry(task.task.clone()).or_default();
            let due = task.due.unwrap_or(before);
            one.deferred_on.insert(due);
            if one.last.is_none() {
                one.waiting_since.get_or_insert(due);
            }
        }
        for entry in state
            .committed
            .iter()
            .flat_map(|committed| &committed.tasks)
        {
            let one = seen.entry(entry.task.clone()).or_default();
            if one.last.is_none() {
                missing -= usize::from(tasks.contains(&entry.task));
                (one.last, one.units) = (Some(before), Some(entry.units));
            }
        }
    }
    Ok(seen)
}

/// The same of a history, whose partitions say of each task when it was last complete and when it was last put off.
fn past_of_history(
    store: &Store,
    report: &Report,
    night: Night,
) -> Result<BTreeMap<TaskId, TaskHistory>> {
    let mut seen: BTreeMap<TaskId, TaskHistory> = BTreeMap::new();
    let mut deferred: BTreeMap<TaskId, (Night, Night)> = BTreeMap::new();
    for partition in store.partitions(&report.name)? {
        let Some(state) = store.partition(&report.name, &partition)? else {
            continue;
        };
        for task in state
            .unfinished
            .into_iter()
            .filter(|task| task.status == UnfinishedStatus::Deferred)
        {
            let Some(then) = task.night.filter(|then| *then < night) else {
                continue;
            };
            let known = deferred.entry(task.task).or_insert((then, then));
            *known = (*known).max((then, task.due.unwrap_or(then)));
        }
        for entry in state
            .committed
            .into_iter()
            .flat_map(|committed| committed.tasks)
        {
            // Days that were fetched again by name do not turn the clock back.
            let days = entry
                .history
                .into_iter()
                .flat_map(|history| history.covered)
                .map(|days| days.last);
            let Some(then) = days.filter(|then| *then < night).max() else {
                continue;
            };
            let one = seen.entry(entry.task).or_default();
            if one.last.is_none_or(|last| last < then) {
                (one.last, one.units) = (Some(then), Some(entry.units));
            }
        }
    }
    for (task, (then, due)) in deferred {
        let one = seen.entry(task).or_default();
        one.deferred_on.insert(due);
        one.waiting_since = Some(due).filter(|_| one.last.is_none_or(|last| last < then));
    }
    Ok(seen)
}

/// What the last run made of the task, as far as it still tells of it: columns may differ, rows may not.
pub(crate) fn before(
    report: &Report,
    task: &Task,
    entry: &TaskEntry,
    varies: impl Fn(&str) -> bool,
) -> Option<LastRun> {
    let was_capped = task_state::is_capped_by_max_rows(entry);
    let changed = task.spec.stale_fields(&entry.spec, was_capped);
    if changed
        .iter()
        .any(|name| !name.starts_with("column ") && !varies(name))
    {
        return None;
    }
    let had = entry.spec.columns.clone();
    let then = Report {
        columns: had,
        ..report.clone()
    };
    let night = DateTime::from_timestamp_micros(entry.exported_at)
        .unwrap_or_default()
        .date_naive();
    let number = |name: &str| {
        entry
            .evidence
            .get(name)
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    };
    let last_rows: u64 = entry
        .evidence
        .get("last_answers")
        .and_then(serde_json::Value::as_array)
        .map_or(0, |answers| {
            answers.iter().filter_map(serde_json::Value::as_u64).sum()
        });
    let before = LastRun {
        rows: entry.rows,
        reread: number("rows_reread"),
        requests: entry.requests,
        last_rows,
        units: entry.units,
        units_per_row: plan::price_per_row(&then, night),
    };
    // A new fuse below what there was cuts it in proportion.
    let fuse = report.max_rows.filter(|most| *most < before.rows);
    Some(match fuse {
        Some(most) => {
            let part = |number: u64| number.saturating_mul(most) / before.rows.max(1);
            LastRun {
                rows: most,
                reread: part(before.reread),
                requests: part(before.requests).max(1),
                last_rows: 0,
                units: part(before.units),
                ..before
            }
        }
        None => before,
    })
}

/// Whether a night of changes brought all live rows.
pub(crate) fn is_base(entry: &TaskEntry) -> bool {
    entry.spec.is_changes_base()
}

/// Rows that came again and the seams at which they did.
pub(crate) fn seams(entry: &TaskEntry) -> Option<(u64, u64)> {
    let again = entry.evidence.get("rows_reread")?.as_u64()?;
    // One request was the question for nulls, and the first page has no seam.
    (entry.requests > 2).then(|| (again, entry.requests - 2))
}
