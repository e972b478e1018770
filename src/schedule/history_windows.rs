//! What tasks of histories lack, by what is committed of them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::NaiveDate;

use crate::config::{Report, RunConfig};
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Granularity, Task};
use crate::state::periods::is_history;
use crate::state::task_state::covered_spans;
use crate::store::Store;
use crate::table::manifest::TaskEntry;
use crate::table::{DateRange, merge_ranges};

/// The histories of a configuration, each read when it is first needed.
pub(crate) struct HistoryWindows<'a> {
    config: &'a RunConfig,
    store: Store,
    /// By report: what each period says of each task.
    held: BTreeMap<usize, BTreeMap<TaskId, Vec<TaskEntry>>>,
}

impl<'a> HistoryWindows<'a> {
    /// Nothing is read yet.
    pub fn of(config: &'a RunConfig, store: &Store) -> Self {
        Self {
            config,
            store: store.clone(),
            held: BTreeMap::new(),
        }
    }

    /// The days that a task asks for in a night; `None` for a task of no history.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the states cannot be read.
    pub fn window(
        &mut self,
        night: SnapshotDate,
        task: &Task,
        refetch: bool,
    ) -> Result<Option<DateRange>> {
        let Some((granularity, since)) = self.beginning(task) else {
            return Ok(None);
        };
        let whole = plan::whole_window(granularity, since, night);
        if refetch {
            return Ok(whole);
        }
        // Where nothing is missing an attempt was begun that is not committed: it says itself what it asked for.
        Ok(plan::window(granularity, since, &self.answered(task)?, night).or(whole))
    }

    /// Whether a task has the days up to a night and lacks earlier ones: `since` was set to an earlier day.
    ///
    /// # Errors
    /// As [`HistoryWindows::window`].
    pub fn is_missing_older_days(&mut self, night: SnapshotDate, task: &Task) -> Result<bool> {
        let Some((granularity, since)) = self.beginning(task) else {
            return Ok(false);
        };
        let answered = self.answered(task)?;
        let has_night = answered.iter().any(|days| days.contains(night.date()));
        Ok(has_night && plan::window(granularity, since, &answered, night).is_some())
    }

    /// The days of a range that was asked for by name, as a task asks for them.
    pub fn range(
        &self,
        task: &Task,
        from: NaiveDate,
        to: NaiveDate,
        today: NaiveDate,
    ) -> Option<DateRange> {
        plan::asked_window(self.beginning(task)?.0, from, to, today)
    }

    /// Whether these days of a task are answered.
    ///
    /// # Errors
    /// As [`HistoryWindows::window`].
    pub fn is_answered(&mut self, task: &Task, days: DateRange) -> Result<bool> {
        Ok(plan::is_answered(&self.answered(task)?, days))
    }

    fn report(&self, task: &Task) -> Option<&'a Report> {
        let report = self.config.reports.get(task.report)?;
        if is_history(report) {
            Some(report)
        } else {
            None
        }
    }

    fn beginning(&self, task: &Task) -> Option<(Granularity, NaiveDate)> {
        let report = self.report(task)?;
        Some((Granularity::of(report, &task.parameters), report.since?))
    }

    /// The days for which there are rows that answer a task.
    fn answered(&mut self, task: &Task) -> Result<Vec<DateRange>> {
        let report = self.report(task);
        let held = match self.held.entry(task.report) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(match report {
                Some(report) => read(&self.store, report)?,
                None => BTreeMap::new(),
            }),
        };
        let mut answered = Vec::new();
        for entry in held.get(&task.id).into_iter().flatten() {
            answered.extend(covered_spans(entry, task));
        }
        Ok(merge_ranges(answered))
    }
}

fn read(store: &Store, report: &Report) -> Result<BTreeMap<TaskId, Vec<TaskEntry>>> {
    let mut held: BTreeMap<TaskId, Vec<TaskEntry>> = BTreeMap::new();
    for partition in store.partitions(&report.name)? {
        let state = store.partition(&report.name, &partition)?;
        let Some(committed) = state.and_then(|state| state.committed) else {
            continue;
        };
        for entry in committed.tasks {
            held.entry(entry.task.clone()).or_default().push(entry);
        }
    }
    Ok(held)
}
