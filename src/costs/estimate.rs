//! What the next run will cost. Sends nothing.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::config::{Report, RunConfig};
use crate::costs::durations::{RequestDurations, as_float};
use crate::costs::knowledge::Knowledge;
use crate::costs::task_estimate::{Basis, Estimated, TaskEstimator};
use crate::error::Result;
use crate::ledger::month;
use crate::plan::{Cost, ScheduledTask, Selection, Task};
use crate::report::{
    Estimate, MonthLeft, ReportEstimate, TargetEstimate, TaskEstimate, format_count,
};
use crate::schedule::plan_run;
use crate::schedule::run_plan::RunPlan;
use crate::store::Store;

/// Tasks under way at a time.
const AT_A_TIME: f64 = 4.0;

/// Estimates the next run.
///
/// # Errors
/// As [`plan_run`].
pub fn estimate(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
    with_tasks: bool,
) -> Result<Estimate> {
    let run_plan = plan_run(config, today, selection, false)?;
    let knowledge = Knowledge::read(config, today)?;
    let mut estimate = Estimate {
        notes: run_plan.notes.clone(),
        ..Estimate::default()
    };
    let mut durations = RequestDurations::default();
    for (index, report) in config.reports.iter().enumerate() {
        if !run_plan.reports.contains(&index) {
            continue;
        }
        let jobs = jobs_of(&run_plan, index);
        let entries = knowledge.last_entries(report, &jobs)?;
        for entry in entries.values() {
            durations.add(entry);
        }
        let estimator = TaskEstimator::new(report, &knowledge, &entries);
        let mut tasks = Vec::with_capacity(jobs.len());
        for job in jobs {
            tasks.push((job, estimator.scheduled(job)?));
        }
        add_report(&mut estimate, config, report, &tasks, with_tasks);
        note_complete(
            &mut estimate,
            report,
            run_plan.complete.get(&index).copied(),
        );
    }
    let note = month_note(config, &knowledge.store, today, estimate.units)?;
    estimate.notes.extend(note);
    let per_minute = f64::from(config.source.requests_per_minute.max(1));
    let at_the_limit = as_float(estimate.requests) / per_minute - 1.0;
    let at_their_speed = durations.mean() * as_float(estimate.requests) / AT_A_TIME / 60.0;
    estimate.minutes = at_their_speed.max(at_the_limit);
    Ok(estimate)
}

fn jobs_of(run_plan: &RunPlan, report: usize) -> Vec<&ScheduledTask> {
    let jobs = run_plan.jobs.iter();
    jobs.filter(|job| job.task.report == report).collect()
}

fn note_complete(estimate: &mut Estimate, report: &Report, complete: Option<u64>) {
    let tasks = match complete {
        None | Some(0) => return,
        Some(1) => "1 task of tonight is complete and costs nothing".to_owned(),
        Some(number) => format!("{number} tasks of tonight are complete and cost nothing"),
    };
    estimate.notes.push(format!("{}: {tasks}", report.name));
}

/// What the month has left beside the cost of the next run, by what is known here.
fn month_note(
    config: &RunConfig,
    store: &Store,
    today: NaiveDate,
    units: u64,
) -> Result<Option<String>> {
    let Some(account) = month::remembered(config, store, today, &mut Vec::new())? else {
        return Ok(None);
    };
    let MonthLeft {
        budget,
        limit,
        left,
        reset,
    } = account.left();
    let verdict = if units > left {
        "; the next run may cost more"
    } else {
        ""
    };
    let (left, limit) = (format_count(left), format_count(limit));
    Ok(Some(format!(
        "{left} of {limit} units are left until {reset} ({budget}), by what is known here{verdict}"
    )))
}

/// The due tasks whose size neither an earlier run, nor a fixed size, nor a count says.
///
/// # Errors
/// As [`plan_run`].
pub(crate) fn tasks_without_estimate(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let run_plan = plan_run(config, today, selection, false)?;
    let knowledge = Knowledge::read(config, today)?;
    let mut tasks = Vec::new();
    for (index, report) in config.reports.iter().enumerate() {
        let jobs = jobs_of(&run_plan, index);
        let entries = knowledge.last_entries(report, &jobs)?;
        let estimator = TaskEstimator::new(report, &knowledge, &entries);
        for job in jobs {
            let (_, basis) = estimator.full_cost(&job.task);
            if matches!(basis, Basis::Bound | Basis::Unknown) {
                tasks.push(job.task.clone());
            }
        }
    }
    Ok(tasks)
}

/// What each task of a selection costs on a night on which it is due, whether it is tonight or not.
///
/// # Errors
/// As [`plan_run`].
pub(crate) fn of_all_tasks(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<(Task, Cost)>> {
    let run_plan = plan_run(config, today, selection, true)?;
    let knowledge = Knowledge::read(config, today)?;
    let mut all = Vec::with_capacity(run_plan.jobs.len());
    for (index, report) in config.reports.iter().enumerate() {
        if !run_plan.reports.contains(&index) {
            continue;
        }
        let mut jobs = jobs_of(&run_plan, index);
        jobs.retain(|job| job.night == run_plan.tonight);
        let entries = knowledge.last_entries(report, &jobs)?;
        let estimator = TaskEstimator::new(report, &knowledge, &entries);
        for job in jobs {
            let cost = estimator.steady(config, &job.task).cost;
            all.push((job.task.clone(), cost));
        }
    }
    Ok(all)
}

/// Sum of some tasks.
#[derive(Default)]
struct Totals {
    cost: Cost,
    bases: BTreeMap<Basis, u64>,
    is_begun: bool,
}

impl Totals {
    fn add(&mut self, estimated: &Estimated) {
        self.cost.rows += estimated.cost.rows;
        self.cost.requests += estimated.cost.requests;
        self.cost.units += estimated.cost.units;
        *self.bases.entry(estimated.basis).or_default() += 1;
        self.is_begun |= estimated.is_begun;
    }

    /// `last run (3), unknown (1)`.
    fn describe_bases(&self) -> String {
        let mut parts = Vec::new();
        for (basis, number) in &self.bases {
            if self.bases.len() == 1 {
                parts.push(basis.as_str().to_owned());
            } else {
                parts.push(format!("{} ({number})", basis.as_str()));
            }
        }
        let saved = if self.is_begun {
            ", less what is saved"
        } else {
            ""
        };
        format!("{}{saved}", parts.join(", "))
    }
}

fn add_report(
    estimate: &mut Estimate,
    config: &RunConfig,
    report: &Report,
    tasks: &[(&ScheduledTask, Estimated)],
    with_tasks: bool,
) {
    let mut own = Totals::default();
    let mut by_target: BTreeMap<Option<usize>, Totals> = BTreeMap::new();
    for (job, estimated) in tasks {
        own.add(estimated);
        by_target.entry(job.task.target).or_default().add(estimated);
        estimate.unknown_tasks += u64::from(estimated.basis == Basis::Unknown);
        if with_tasks {
            estimate
                .tasks
                .push(task_estimate(config, report, job, estimated));
        }
    }
    let mut targets = Vec::with_capacity(by_target.len());
    for (target, totals) in by_target {
        targets.push(TargetEstimate {
            name: config.target_name(target).to_owned(),
            basis: totals.describe_bases(),
            rows: totals.cost.rows,
            requests: totals.cost.requests,
            units: totals.cost.units,
        });
    }
    estimate.units += own.cost.units;
    estimate.rows += own.cost.rows;
    estimate.requests += own.cost.requests;
    estimate.reports.push(ReportEstimate {
        name: report.name.clone(),
        due: u64::try_from(tasks.len()).unwrap_or(u64::MAX),
        basis: if tasks.is_empty() {
            "nothing is due".to_owned()
        } else {
            own.describe_bases()
        },
        rows: own.cost.rows,
        requests: own.cost.requests,
        units: own.cost.units,
        targets,
    });
}

fn task_estimate(
    config: &RunConfig,
    report: &Report,
    job: &ScheduledTask,
    estimated: &Estimated,
) -> TaskEstimate {
    let parameters = job.task.parameters.iter();
    TaskEstimate {
        task: job.task.id.as_str().to_owned(),
        night: job.night.to_string(),
        report: report.name.clone(),
        target: config.target_name(job.task.target).to_owned(),
        parameters: parameters
            .map(|(name, value)| format!("{name}={value}"))
            .collect(),
        units: estimated.cost.units,
        rows: estimated.cost.rows,
        requests: estimated.cost.requests,
        basis: estimated.basis.as_str().to_owned(),
    }
}
