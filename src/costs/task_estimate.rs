//! What one task will cost, from the cheapest sound source: a fixed size, the last commit of the same task, a row count, a
//! bound, other targets of the report. Answers that are saved are not paid again.

use std::collections::BTreeMap;

use crate::catalog::{Pricing, Shape};
use crate::config::{Report, RunConfig};
use crate::costs::knowledge::Knowledge;
use crate::error::Result;
use crate::fetch::pager_plan::AttemptInputs;
use crate::model::TaskId;
use crate::plan::{self, Cost, Purchase, ScheduledTask, Task};
use crate::schedule::last_run::{is_base, last_run_cost, reread_stats};
use crate::state::task_state;
use crate::table::manifest::TaskEntry;

/// Parameters in which tasks of two targets differ.
const OF_TARGET: [&str; 5] = ["target", "mode", "protocol", "targets", "keywords"];

/// What the figures of a task are based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Basis {
    Fixed,
    Price,
    LastRun,
    Counted,
    Bound,
    OtherTargets,
    Unknown,
}

impl Basis {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed size",
            Self::Price => "price of a request",
            Self::LastRun => "last run",
            Self::Counted => "row count",
            Self::Bound => "upper bound",
            Self::OtherTargets => "mean of other targets",
            Self::Unknown => "unknown",
        }
    }
}

/// What a task is estimated to cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimated {
    pub cost: Cost,
    pub basis: Basis,
    /// Some of its answers are saved.
    pub is_begun: bool,
}

/// Estimates the tasks of one report.
pub(super) struct TaskEstimator<'a> {
    report: &'a Report,
    knowledge: &'a Knowledge,
    entries: &'a BTreeMap<TaskId, TaskEntry>,
    cap: Option<u64>,
}

impl<'a> TaskEstimator<'a> {
    /// An estimator that rests on these committed tasks.
    pub fn new(
        report: &'a Report,
        knowledge: &'a Knowledge,
        entries: &'a BTreeMap<TaskId, TaskEntry>,
    ) -> Self {
        Self {
            report,
            knowledge,
            entries,
            cap: knowledge.row_cap(report),
        }
    }

    /// What is left of a scheduled task, given how it gets its answers.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if saved answers cannot be read.
    pub fn scheduled(&self, job: &ScheduledTask) -> Result<Estimated> {
        let estimated = self.estimate_by_similar_tasks(&job.task, self.left(job)?);
        Ok(after_sharing(&job.task, &estimated))
    }

    /// What a task costs on a night on which nothing of it is saved, without the first load of a history.
    pub fn steady(&self, config: &RunConfig, task: &Task) -> Estimated {
        let steady = plan::steady_state(config, task);
        let (cost, basis) = self.full_cost(steady.as_ref().unwrap_or(task));
        let estimated = Estimated {
            cost,
            basis,
            is_begun: false,
        };
        after_sharing(task, &self.estimate_by_similar_tasks(task, estimated))
    }

    fn left(&self, job: &ScheduledTask) -> Result<Estimated> {
        let (mut cost, basis) = self.full_cost(&job.task);
        let saved = self.saved(job)?;
        if saved.requests > 0 && self.is_one_answer(&job.task) {
            (cost.requests, cost.units) = (0, 0);
        } else {
            // What is saved is not asked again, but for the rows at its end.
            cost.requests = cost.requests.saturating_sub(saved.requests);
            cost.units = cost.units.saturating_sub(saved.units);
        }
        Ok(Estimated {
            cost,
            basis,
            is_begun: saved.requests > 0,
        })
    }

    /// What the task costs as if nothing of it were saved.
    pub fn full_cost(&self, task: &Task) -> (Cost, Basis) {
        let endpoint = self.report.endpoint;
        if endpoint.pricing != Pricing::PerRow {
            // The units are known, whatever the rows.
            let basis = if task.bound_rows.is_some() {
                Basis::Fixed
            } else {
                Basis::Price
            };
            return (self.of_rows(task, task.bound_rows.unwrap_or(0)), basis);
        }
        if self.is_one_answer(task)
            && let Some(rows) = task.bound_rows
        {
            // A history that does not say what its rows stand for has at most a row a day.
            let granularity = plan::Granularity::of(self.report, &task.parameters);
            let is_stated = !endpoint.is_history() || granularity != plan::Granularity::Unstated;
            let basis = if is_stated {
                Basis::Fixed
            } else {
                Basis::Bound
            };
            return (self.of_rows(task, rows), basis);
        }
        if let Some(entry) = self.entries.get(&task.id)
            && let Some(last_run) = last_run_cost(self.report, task, entry, |_| false)
        {
            // Changes since a base are fewer rows than the base, and how many is not known yet.
            let basis = if self.report.changes.is_some() && is_base(entry) {
                Basis::Bound
            } else {
                Basis::LastRun
            };
            return (plan::scaled_from_last_run(endpoint, task, &last_run), basis);
        }
        if let Some(rows) = self.knowledge.counts.of(self.report, task) {
            let cost = match task.bound_rows {
                Some(most) if most <= rows => self.of_rows(task, most),
                _ => self.of_some(task, rows, false),
            };
            return (cost, Basis::Counted);
        }
        match task.bound_rows {
            Some(rows) => (self.of_rows(task, rows), Basis::Bound),
            None => (Cost::default(), Basis::Unknown),
        }
    }

    /// Whether the first answer to a task is all of it, and how large is known.
    fn is_one_answer(&self, task: &Task) -> bool {
        let endpoint = self.report.endpoint;
        let is_one_row = endpoint.shape == Shape::Record || endpoint.takes_many_targets();
        is_one_row || (self.report.since.is_some() && task.order_key.is_empty())
    }

    /// Of the most rows that a task can have.
    fn of_rows(&self, task: &Task, rows: u64) -> Cost {
        self.of_some(task, rows, true)
    }

    fn of_some(&self, task: &Task, rows: u64, is_limited: bool) -> Cost {
        let (mut rows_again, mut pages) = (0, 0);
        for entry in self.entries.values() {
            if let Some((rows, of_pages)) = reread_stats(entry) {
                rows_again += rows;
                pages += of_pages;
            }
        }
        let again = rows_again.checked_div(pages).unwrap_or(1).max(1);
        plan::of_rows(
            self.report.endpoint,
            task,
            rows,
            self.cap,
            is_limited,
            again,
        )
    }

    /// Requests and units of the answers that an unfinished attempt has saved.
    fn saved(&self, job: &ScheduledTask) -> Result<Cost> {
        let mut saved = Cost::default();
        if self
            .knowledge
            .unsplit
            .contains(&(job.night, job.task.id.clone()))
        {
            return Ok(Cost {
                requests: 1,
                ..saved
            });
        }
        let Some((attempt, _)) = self
            .knowledge
            .landing
            .latest_listed(job.night, &job.task.id)?
        else {
            return Ok(saved);
        };
        let held = task_state::committed_entry(
            &self.knowledge.store,
            &self.knowledge.landing,
            job.night,
            self.report,
            &job.task.id,
        )?;
        if held.is_some_and(|entry| entry.attempt >= attempt.number) {
            return Ok(saved);
        }
        let headers = self.knowledge.landing.headers(&attempt)?;
        let Some(first) = headers.iter().find(|header| header.sequence == 0) else {
            return Ok(saved);
        };
        let Ok(inputs) = serde_json::from_value::<AttemptInputs>(first.inputs.clone()) else {
            return Ok(saved);
        };
        if !inputs.unanswered(job).is_empty() {
            return Ok(saved);
        }
        for header in headers {
            saved.requests += 1;
            saved.units += header.units;
        }
        Ok(saved)
    }

    /// A task of which nothing is known is taken to be like those of the report's other targets and parameters.
    fn estimate_by_similar_tasks(&self, task: &Task, estimated: Estimated) -> Estimated {
        if estimated.basis != Basis::Unknown {
            return estimated;
        }
        let mut sum = Cost::default();
        let mut number = 0;
        for entry in self.entries.values() {
            let last_run = last_run_cost(self.report, task, entry, |name| self.varies(name));
            if let Some(last_run) = last_run {
                let cost = plan::scaled_from_last_run(self.report.endpoint, task, &last_run);
                sum.rows += cost.rows;
                sum.requests += cost.requests;
                sum.units += cost.units;
                number += 1;
            }
        }
        if number == 0 {
            return estimated;
        }
        Estimated {
            cost: Cost {
                rows: sum.rows / number,
                requests: sum.requests / number,
                units: sum.units / number,
            },
            basis: Basis::OtherTargets,
            is_begun: estimated.is_begun,
        }
    }

    fn varies(&self, name: &str) -> bool {
        let mut varying = self.report.varying.iter();
        OF_TARGET.contains(&name) || varying.any(|(varying, _)| varying == name)
    }
}

/// What a task adds to the cost of a run, given how it gets its answers.
fn after_sharing(task: &Task, estimated: &Estimated) -> Estimated {
    let Estimated {
        cost,
        basis,
        is_begun,
    } = *estimated;
    let cost = match task.purchase {
        Purchase::Own => cost,
        Purchase::Shared => Cost {
            requests: 0,
            units: 0,
            ..cost
        },
        // What is saved already is paid.
        Purchase::Batched { .. } if is_begun => cost,
        Purchase::Batched { is_first } => Cost {
            requests: u64::from(is_first),
            units: task.bound_units.unwrap_or(cost.units),
            ..cost
        },
    };
    Estimated {
        cost,
        basis,
        is_begun,
    }
}
