//! What a run has to do: what is left of nights that were begun, oldest first, then what tonight still lacks.
//!
//! Reads the destination and changes nothing, so that it can be shown and priced before anything is spent.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::config::RunConfig;
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, ScheduledTask, Selection, Task};
use crate::report::format_count;
use crate::schedule::task_history::TaskHistory;
use crate::state::night_record::PlannedTask;

/// What a run has to do, and what it found out on the way.
#[derive(Debug, Clone, Default)]
pub struct RunPlan {
    /// The night that the run is for.
    pub tonight: SnapshotDate,
    /// Pay again for what is complete.
    pub refetch: bool,
    /// What is to be done, in order.
    pub(crate) jobs: Vec<ScheduledTask>,
    /// Tasks of tonight that are complete, by report.
    pub(crate) complete: BTreeMap<usize, u64>,
    /// Reports that the selection names.
    pub(crate) reports: BTreeSet<usize>,
    /// What was asked for by name is fetched whatever cadence and pace say.
    pub(crate) is_forced: bool,
    /// Nights or days of the past were asked for by name: nothing of them is deferred.
    pub(crate) is_range: bool,
    /// Since when tasks of tonight are due, and what is known of them.
    pub(crate) due_tasks: BTreeMap<TaskId, DueTask>,
    /// Tasks that are not due tonight, by the night on which they are.
    pub(super) not_due: BTreeMap<SnapshotDate, u64>,
    /// What is worth knowing of it.
    pub notes: Vec<String>,
}

impl RunPlan {
    /// The tasks that are due, for their price.
    pub fn tasks(&self) -> Vec<Task> {
        self.jobs.iter().map(|job| job.task.clone()).collect()
    }

    /// Takes out, for a [sample](RunConfig::sample), what the source does not promise to answer for free, with a note for
    /// each of its reports.
    pub fn retain_free_tasks(&mut self, config: &RunConfig) {
        let mut billed = BTreeSet::new();
        for job in &self.jobs {
            if !job.task.costs_nothing() {
                billed.insert(job.task.report);
            }
        }
        self.jobs.retain(|job| job.task.costs_nothing());
        for index in billed {
            let Some(report) = config.reports.get(index) else {
                continue;
            };
            self.notes.push(format!(
                "{}: left out of the sample, since answers of {} are not promised to be free",
                report.name, report.endpoint.name
            ));
        }
    }

    /// Tasks of tonight that are complete: they cost nothing.
    pub fn num_complete(&self) -> u64 {
        self.complete.values().sum()
    }

    /// How many tasks are not due, and when the next are; `None` where all are due.
    pub fn not_due(&self) -> Option<String> {
        let (next, first) = self.not_due.first_key_value()?;
        let number: u64 = self.not_due.values().sum();
        let (tasks, are) = if number == 1 {
            ("task", "is")
        } else {
            ("tasks", "are")
        };
        Some(format!(
            "{} {tasks} {are} not due; the next {} on {next}",
            format_count(number),
            format_count(*first)
        ))
    }
}

/// A task that is due.
#[derive(Debug, Clone, Default)]
pub(crate) struct DueTask {
    /// Since when.
    pub since: SnapshotDate,
    /// What earlier nights know of it.
    pub history: TaskHistory,
}

/// Whether what is left of a night is still to be done.
pub(crate) fn is_resumed(config: &RunConfig, night: SnapshotDate, today: NaiveDate) -> bool {
    let age = u64::try_from((today - night.date()).num_days()).unwrap_or(0);
    age * 24 * 3600 <= config.run.resume_within.as_secs()
}

/// The tasks that the configuration knows.
pub(crate) fn known_tasks(config: &RunConfig, night: SnapshotDate) -> Result<BTreeSet<TaskId>> {
    let tasks = plan::tasks_of_any_night(config, night, &Selection::default())?;
    Ok(tasks.into_iter().map(|task| task.id).collect())
}

/// Whether a task was taken out of the configuration. A report that it does not have may belong to another configuration
/// that fills the same destination.
pub(crate) fn is_removed_from_config(
    config: &RunConfig,
    known: &BTreeSet<TaskId>,
    task: &TaskId,
    planned: &PlannedTask,
) -> bool {
    let has_report = config
        .reports
        .iter()
        .any(|report| report.name == planned.report);
    has_report && !known.contains(task)
}
