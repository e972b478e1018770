//! What the next run will come to, from the cheapest sound source for each task: a size that is fixed, the last commit of
//! the same task, a bound, other targets of the report. Answers that are saved already are not paid again. Sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::catalog::{Pricing, Shape};
use crate::config::{Report, RunConfig};
use crate::costs::durations::{RequestDurations, as_float};
use crate::costs::row_counts::Counts;
use crate::error::Result;
use crate::fetch::batch;
use crate::fetch::pager_plan::AttemptInputs;
use crate::landing::ResponseStore;
use crate::ledger::month;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Cost, Purchase, Selection, Task};
use crate::report::{
    Estimate, MonthLeft, ReportEstimate, TargetEstimate, TaskEstimate, format_count,
};
use crate::schedule::last_run::{is_base, last_run_cost, reread_stats};
use crate::state::task_state;
use crate::state::workspace::Workspace;
use crate::store::Store;
use crate::table::manifest::TaskEntry;

/// Partitions of a report that are looked through, the newest first: a month of nights and some.
const NIGHTS_BACK: usize = 40;

/// Tasks under way at a time.
const AT_A_TIME: f64 = 4.0;

/// What tells tasks of two targets apart in what they ask.
const OF_TARGET: [&str; 5] = ["target", "mode", "protocol", "targets", "keywords"];

/// What a task's figures rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Basis {
    Fixed,
    Price,
    LastRun,
    Counted,
    Bound,
    OtherTargets,
    Unknown,
}

impl Basis {
    fn as_str(self) -> &'static str {
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

struct Estimated {
    cost: Cost,
    basis: Basis,
    /// Part of it is saved already.
    is_begun: bool,
}

/// Estimates the next run.
///
/// # Errors
/// As [`RunPlan::make`].
pub fn estimate(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
    with_tasks: bool,
) -> Result<Estimate> {
    let run_plan = crate::schedule::plan_run(config, today, selection, false)?;
    let store = crate::state::open::open_read_only(config)?;
    let workspace = Workspace::load(&store, &config.source.base_url);
    let landing = crate::state::open::response_store(config, &store);
    let counts = Counts::read(config, &store, today)?;
    let undivided = batch::undivided(&landing)?;
    let mut estimate = Estimate {
        notes: run_plan.notes.clone(),
        ..Estimate::default()
    };
    let mut seconds = RequestDurations::default();
    for (index, report) in config
        .reports
        .iter()
        .enumerate()
        .filter(|(index, _)| run_plan.reports.contains(index))
    {
        let jobs: Vec<&ScheduledTask> = run_plan
            .jobs
            .iter()
            .filter(|job| job.task.report == index)
            .collect();
        let known = known(&store, report, &jobs)?;
        for entry in known.values() {
            seconds.add(entry);
        }
        let cap = workspace
            .row_caps
            .get(&report.endpoint.name)
            .copied()
            .map(u64::from);
        let maker = TaskEstimator {
            report,
            known: &known,
            counts: &counts,
            cap,
            landing: &landing,
            store: &store,
            undivided: &undivided,
        };
        let mut tasks = Vec::with_capacity(jobs.len());
        for job in jobs {
            tasks.push((
                job,
                as_bought(&job.task, &fill_in(report, &known, job, maker.task(job)?)),
            ));
        }
        add(&mut estimate, config, report, &tasks, with_tasks);
        let complete = run_plan.complete.get(&index).copied().unwrap_or(0);
        if complete > 0 {
            estimate.notes.push(format!(
                "{}: {complete} tasks of tonight are complete and cost nothing",
                report.name
            ));
        }
    }
    estimate
        .notes
        .extend(left(config, &store, today, estimate.units)?);
    let at_the_limit =
        as_float(estimate.requests) / f64::from(config.source.requests_per_minute.max(1));
    estimate.minutes =
        (seconds.mean() * as_float(estimate.requests) / AT_A_TIME / 60.0).max(at_the_limit - 1.0);
    Ok(estimate)
}

/// What the month has left beside what the next run comes to, by what is known here.
fn left(config: &RunConfig, store: &Store, today: NaiveDate, units: u64) -> Result<Option<String>> {
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
        "; the next run may come to more"
    } else {
        ""
    };
    let (left, limit) = (format_count(left), format_count(limit));
    Ok(Some(format!(
        "{left} of {limit} units are left until {reset} ({budget}), by what is known here{verdict}"
    )))
}

/// The due tasks of which no earlier run, no fixed size and no count tells how large they are.
///
/// # Errors
/// As [`RunPlan::make`].
pub(crate) fn guessed(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let run_plan = crate::schedule::plan_run(config, today, selection, false)?;
    let store = crate::state::open::open_read_only(config)?;
    let landing = crate::state::open::response_store(config, &store);
    let counts = Counts::read(config, &store, today)?;
    let undivided = batch::undivided(&landing)?;
    let mut guessed = Vec::new();
    for (index, report) in config.reports.iter().enumerate() {
        let jobs: Vec<&ScheduledTask> = run_plan
            .jobs
            .iter()
            .filter(|job| job.task.report == index)
            .collect();
        let known = known(&store, report, &jobs)?;
        let maker = TaskEstimator {
            report,
            known: &known,
            counts: &counts,
            cap: None,
            landing: &landing,
            store: &store,
            undivided: &undivided,
        };
        let is_guess = |job: &&&ScheduledTask| {
            matches!(maker.whole(&job.task).1, Basis::Bound | Basis::Unknown)
        };
        guessed.extend(jobs.iter().filter(is_guess).map(|job| job.task.clone()));
    }
    Ok(guessed)
}

/// What each task of a selection costs on a night on which it is due, whether it is tonight or not.
///
/// # Errors
/// As [`RunPlan::make`].
pub(crate) fn of_all_tasks(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<(Task, Cost)>> {
    let run_plan = crate::schedule::plan_run(config, today, selection, true)?;
    let store = crate::state::open::open_read_only(config)?;
    let workspace = Workspace::load(&store, &config.source.base_url);
    let landing = crate::state::open::response_store(config, &store);
    let counts = Counts::read(config, &store, today)?;
    let undivided = batch::undivided(&landing)?;
    let mut all = Vec::with_capacity(run_plan.jobs.len());
    for (index, report) in config
        .reports
        .iter()
        .enumerate()
        .filter(|(index, _)| run_plan.reports.contains(index))
    {
        let is_meant =
            |job: &&ScheduledTask| job.task.report == index && job.night == run_plan.tonight;
        let jobs: Vec<&ScheduledTask> = run_plan.jobs.iter().filter(is_meant).collect();
        let known = known(&store, report, &jobs)?;
        let cap = workspace
            .row_caps
            .get(&report.endpoint.name)
            .copied()
            .map(u64::from);
        let maker = TaskEstimator {
            report,
            known: &known,
            counts: &counts,
            cap,
            landing: &landing,
            store: &store,
            undivided: &undivided,
        };
        for job in jobs {
            // The first load of a history is paid once.
            let task = plan::steady_state(config, &job.task).unwrap_or_else(|| job.task.clone());
            let (cost, basis) = maker.whole(&task);
            let estimated = fill_in(
                report,
                &known,
                job,
                Estimated {
                    cost,
                    basis,
                    is_begun: false,
                },
            );
            all.push((job.task.clone(), as_bought(&job.task, &estimated).cost));
        }
    }
    Ok(all)
}

struct TaskEstimator<'a> {
    report: &'a Report,
    known: &'a BTreeMap<TaskId, TaskEntry>,
    counts: &'a Counts,
    cap: Option<u64>,
    landing: &'a ResponseStore,
    store: &'a Store,
    /// Tasks whose answers wait in packs that a killed run left whole.
    undivided: &'a BTreeSet<(SnapshotDate, TaskId)>,
}

impl TaskEstimator<'_> {
    fn task(&self, job: &ScheduledTask) -> Result<Estimated> {
        let (cost, basis) = self.whole(&job.task);
        let saved = self.saved(job)?;
        if saved.requests > 0 && self.is_one_answer(&job.task) {
            return Ok(Estimated {
                cost: Cost {
                    rows: cost.rows,
                    ..Cost::default()
                },
                basis,
                is_begun: true,
            });
        }
        // What is saved is not asked again, but for the seam.
        let left = Cost {
            rows: cost.rows,
            requests: cost.requests.saturating_sub(saved.requests),
            units: cost.units.saturating_sub(saved.units),
        };
        Ok(Estimated {
            cost: left,
            basis,
            is_begun: saved.requests > 0,
        })
    }

    fn whole(&self, task: &Task) -> (Cost, Basis) {
        let endpoint = self.report.endpoint;
        let is_fixed = self.is_one_answer(task);
        let bound = |basis| {
            task.bound_rows
                .map(|rows| (self.of_rows(task, rows), basis))
        };
        if endpoint.pricing != Pricing::PerRow {
            // The units are known, whatever the rows.
            let basis = if task.bound_rows.is_some() {
                Basis::Fixed
            } else {
                Basis::Price
            };
            return (self.of_rows(task, task.bound_rows.unwrap_or(0)), basis);
        }
        if is_fixed && let Some((cost, basis)) = bound(Basis::Fixed) {
            // A history that does not say what its rows stand for has at most a row a day.
            let is_stated = !endpoint.is_history()
                || plan::Granularity::of(self.report, &task.parameters)
                    != plan::Granularity::Unstated;
            return (cost, if is_stated { basis } else { Basis::Bound });
        }
        let entry = self
            .known
            .get(&task.id)
            .and_then(|entry| last_run_cost(self.report, task, entry, |_| false));
        if let Some(before) = entry {
            // Changes since a base are fewer rows than the base, and how many is not known yet.
            let is_base =
                self.report.changes.is_some() && self.known.get(&task.id).is_some_and(is_base);
            let basis = if is_base {
                Basis::Bound
            } else {
                Basis::LastRun
            };
            return (plan::scaled_from_last_run(endpoint, task, &before), basis);
        }
        if let Some(rows) = self.counts.of(self.report, task) {
            let is_fuse = task.bound_rows.is_some_and(|most| most <= rows);
            let rows = rows.min(task.bound_rows.unwrap_or(rows));
            return (self.of_some(task, rows, is_fuse), Basis::Counted);
        }
        bound(Basis::Bound).unwrap_or((Cost::default(), Basis::Unknown))
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

    fn of_some(&self, task: &Task, rows: u64, is_fuse: bool) -> Cost {
        let seams: Vec<(u64, u64)> = self.known.values().filter_map(reread_stats).collect();
        let (rows_again, pages) = seams
            .iter()
            .fold((0, 0), |sum, seam| (sum.0 + seam.0, sum.1 + seam.1));
        let seam = rows_again.checked_div(pages).unwrap_or(1).max(1);
        plan::of_rows(self.report.endpoint, task, rows, self.cap, is_fuse, seam)
    }

    /// Requests and units of the answers that an unfinished attempt has saved.
    fn saved(&self, job: &ScheduledTask) -> Result<Cost> {
        let mut saved = Cost::default();
        if self.undivided.contains(&(job.night, job.task.id.clone())) {
            return Ok(Cost {
                requests: 1,
                ..saved
            });
        }
        let Some((attempt, _)) = self.landing.latest_listed(job.night, &job.task.id)? else {
            return Ok(saved);
        };
        let held = task_state::committed_entry(
            self.store,
            self.landing,
            job.night,
            self.report,
            &job.task.id,
        )?;
        if held.is_some_and(|entry| entry.attempt >= attempt.number) {
            return Ok(saved);
        }
        let headers = self.landing.headers(&attempt)?;
        let first = headers.iter().find(|header| header.sequence == 0);
        let begun: Option<AttemptInputs> =
            first.and_then(|header| serde_json::from_value(header.inputs.clone()).ok());
        if begun.is_none_or(|begun| !begun.unanswered(job).is_empty()) {
            return Ok(saved);
        }
        for header in headers {
            saved.requests += 1;
            saved.units += header.units;
        }
        Ok(saved)
    }
}

/// Tasks of which nothing is known are taken to be like those of the report's other targets and countries.
fn fill_in(
    report: &Report,
    known: &BTreeMap<TaskId, TaskEntry>,
    job: &ScheduledTask,
    estimated: Estimated,
) -> Estimated {
    if estimated.basis != Basis::Unknown {
        return estimated;
    }
    let varies = |name: &str| {
        OF_TARGET.contains(&name)
            || report
                .varying
                .iter()
                .any(|(varying, _)| varying.as_str() == name)
    };
    let others: Vec<Cost> = known
        .values()
        .filter_map(|entry| last_run_cost(report, &job.task, entry, varies))
        .map(|before| plan::scaled_from_last_run(report.endpoint, &job.task, &before))
        .collect();
    let number = u64::try_from(others.len()).unwrap_or(u64::MAX);
    if number == 0 {
        return estimated;
    }
    let mean = |of: fn(&Cost) -> u64| others.iter().map(of).sum::<u64>() / number;
    let cost = Cost {
        rows: mean(|cost| cost.rows),
        requests: mean(|cost| cost.requests),
        units: mean(|cost| cost.units),
    };
    Estimated {
        cost,
        basis: Basis::OtherTargets,
        is_begun: estimated.is_begun,
    }
}

/// What a task adds to the bill, as it is bought among the others.
fn as_bought(task: &Task, estimated: &Estimated) -> Estimated {
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

/// The newest commit of each task; of a report of changes the newest that is no base, where there is one.
fn known(
    store: &Store,
    report: &Report,
    jobs: &[&ScheduledTask],
) -> Result<BTreeMap<TaskId, TaskEntry>> {
    let mut known: BTreeMap<TaskId, TaskEntry> = BTreeMap::new();
    let mut partitions = store.partitions(&report.name)?;
    partitions.sort_unstable();
    for partition in partitions.iter().rev().take(NIGHTS_BACK) {
        if !known.is_empty()
            && jobs.iter().all(|job| {
                known
                    .get(&job.task.id)
                    .is_some_and(|entry| report.changes.is_none() || !is_base(entry))
            })
        {
            break;
        }
        let committed = store
            .partition(&report.name, partition)?
            .and_then(|state| state.committed);
        for entry in committed.into_iter().flat_map(|committed| committed.tasks) {
            let held = known
                .entry(entry.task.clone())
                .or_insert_with(|| entry.clone());
            if report.changes.is_some() && is_base(held) && !is_base(&entry) {
                *held = entry;
            }
        }
    }
    Ok(known)
}

fn add(
    estimate: &mut Estimate,
    config: &RunConfig,
    report: &Report,
    tasks: &[(&ScheduledTask, Estimated)],
    with_tasks: bool,
) {
    let mut own = ReportEstimate {
        name: report.name.clone(),
        ..ReportEstimate::default()
    };
    let mut bases: BTreeMap<Basis, u64> = BTreeMap::new();
    let mut targets: BTreeMap<Option<usize>, (TargetEstimate, BTreeMap<Basis, u64>, bool)> =
        BTreeMap::new();
    let mut begun = false;
    for (
        job,
        Estimated {
            cost,
            basis,
            is_begun,
        },
    ) in tasks
    {
        let Cost {
            rows,
            requests,
            units,
        } = *cost;
        own.due += 1;
        (own.rows, own.requests, own.units) =
            (own.rows + rows, own.requests + requests, own.units + units);
        *bases.entry(*basis).or_default() += 1;
        begun |= is_begun;
        estimate.unknown_tasks += u64::from(*basis == Basis::Unknown);
        let (target, of_target, target_begun) = targets.entry(job.task.target).or_default();
        (target.rows, target.requests, target.units) = (
            target.rows + rows,
            target.requests + requests,
            target.units + units,
        );
        *of_target.entry(*basis).or_default() += 1;
        *target_begun |= is_begun;
        let name = config.target_name(job.task.target).to_owned();
        if with_tasks {
            estimate.tasks.push(TaskEstimate {
                task: job.task.id.0.clone(),
                night: job.night.to_string(),
                report: report.name.clone(),
                target: name.clone(),
                parameters: job
                    .task
                    .parameters
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect(),
                units,
                rows,
                requests,
                basis: basis.as_str().to_owned(),
            });
        }
        target.name = name;
    }
    own.basis = if tasks.is_empty() {
        "nothing is due".to_owned()
    } else {
        said(&bases, begun)
    };
    own.targets = targets
        .into_values()
        .map(|(target, bases, begun)| TargetEstimate {
            basis: said(&bases, begun),
            ..target
        })
        .collect();
    estimate.units += own.units;
    estimate.rows += own.rows;
    estimate.requests += own.requests;
    estimate.reports.push(own);
}

/// `last run (3), unknown (1)`.
fn said(bases: &BTreeMap<Basis, u64>, begun: bool) -> String {
    let parts: Vec<String> = match bases.first_key_value() {
        Some((basis, _)) if bases.len() == 1 => vec![basis.as_str().to_owned()],
        _ => bases
            .iter()
            .map(|(basis, number)| format!("{} ({number})", basis.as_str()))
            .collect(),
    };
    let saved = if begun { ", less what is saved" } else { "" };
    format!("{}{saved}", parts.join(", "))
}
