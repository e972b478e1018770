//! What earlier nights say of a task, as far back as it is needed: when it was last complete, what it cost then, and for
//! which dates it was deferred.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::{Cadence, Report};
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::state::names::partition_name;
use crate::state::periods;
use crate::store::Store;
use crate::table::manifest::{PartitionState, TaskEntry, UnfinishedStatus};

/// Nights over which deferrals are counted, so that it is another's turn the next time.
const LOOKBACK_NIGHTS: u32 = 35;

/// What is known of one task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TaskHistory {
    /// The last night on which it was complete.
    pub last: Option<SnapshotDate>,
    /// What it cost then.
    pub units: Option<u64>,
    /// Since when it was due when it was last deferred, if it was not complete since.
    pub waiting_since: Option<SnapshotDate>,
    /// The due dates for which it was deferred.
    pub deferred_on: BTreeSet<SnapshotDate>,
}

/// Histories of tasks.
pub(crate) type TaskHistories = BTreeMap<TaskId, TaskHistory>;

/// Reads the states of a report's partitions before `night`, newest first, until every one of `tasks` is accounted for.
/// With `with_turns` also what was deferred.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn load_task_history(
    store: &Store,
    report: &Report,
    night: SnapshotDate,
    tasks: &BTreeSet<&TaskId>,
    with_turns: bool,
) -> Result<TaskHistories> {
    if periods::is_history(report) {
        return load_history_of_periods(store, report, night);
    }
    let mut histories = TaskHistories::new();
    let names: BTreeSet<String> = store.partitions(&report.name)?.into_iter().collect();
    let mut missing = tasks.len();
    for back in 1..=lookback(report, with_turns) {
        // A task of every night that was deferred is older than those of tonight: turns need no memory.
        if missing == 0 && (!with_turns || report.every == Cadence::DAY) {
            break;
        }
        let Some(before) = night.minus_days(u64::from(back)) else {
            break;
        };
        let name = partition_name(before);
        if !names.contains(&name) {
            continue;
        }
        let Some(state) = store.partition(&report.name, &name)? else {
            continue;
        };
        add_deferrals(&mut histories, &state, before);
        for entry in committed_tasks(&state) {
            let history = histories.entry(entry.task.clone()).or_default();
            if history.last.is_none() {
                missing -= usize::from(tasks.contains(&entry.task));
                (history.last, history.units) = (Some(before), Some(entry.units));
            }
        }
    }
    Ok(histories)
}

/// How many nights are read: whatever is older is due in any case.
fn lookback(report: &Report, with_turns: bool) -> u32 {
    let periods = report.every.nights().saturating_mul(2).saturating_add(1);
    if with_turns {
        periods.max(LOOKBACK_NIGHTS)
    } else {
        periods
    }
}

fn add_deferrals(histories: &mut TaskHistories, state: &PartitionState, night: SnapshotDate) {
    for task in &state.unfinished {
        if task.status != UnfinishedStatus::Deferred {
            continue;
        }
        let history = histories.entry(task.task.clone()).or_default();
        let due = task.due.unwrap_or(night);
        history.deferred_on.insert(due);
        if history.last.is_none() {
            history.waiting_since.get_or_insert(due);
        }
    }
}

fn committed_tasks(state: &PartitionState) -> &[TaskEntry] {
    match &state.committed {
        Some(committed) => &committed.tasks,
        None => &[],
    }
}

/// The same of a report that fills a history: its partitions say of each task when it was last complete and when it was
/// last deferred.
fn load_history_of_periods(
    store: &Store,
    report: &Report,
    night: SnapshotDate,
) -> Result<TaskHistories> {
    let mut histories = TaskHistories::new();
    let mut deferrals: BTreeMap<TaskId, (SnapshotDate, SnapshotDate)> = BTreeMap::new();
    for partition in store.partitions(&report.name)? {
        let Some(state) = store.partition(&report.name, &partition)? else {
            continue;
        };
        for task in &state.unfinished {
            let (UnfinishedStatus::Deferred, Some(then)) = (task.status, task.night) else {
                continue;
            };
            if then < night {
                let known = deferrals.entry(task.task.clone()).or_insert((then, then));
                *known = (*known).max((then, task.due.unwrap_or(then)));
            }
        }
        for entry in committed_tasks(&state) {
            let Some(then) = last_covered_day(entry, night) else {
                continue;
            };
            let history = histories.entry(entry.task.clone()).or_default();
            if Some(then) > history.last {
                (history.last, history.units) = (Some(then), Some(entry.units));
            }
        }
    }
    for (task, (then, due)) in deferrals {
        let history = histories.entry(task).or_default();
        history.deferred_on.insert(due);
        if Some(then) > history.last {
            history.waiting_since = Some(due);
        }
    }
    Ok(histories)
}

/// The last day before a night that ends a range of answered days: days that were fetched again by name do not turn the
/// clock back.
fn last_covered_day(entry: &TaskEntry, night: SnapshotDate) -> Option<SnapshotDate> {
    let mut last = None;
    for days in &entry.history.as_ref()?.covered {
        let day = SnapshotDate::new(days.last);
        if day < night {
            last = last.max(Some(day));
        }
    }
    last
}
