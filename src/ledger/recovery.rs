//! Closes the request logs of runs that were killed: what their saved answers tell is added.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate};

use crate::config::RunConfig;
use crate::error::Result;
use crate::landing::{AnswerOrigin, ResponseHeader, ResponseStore};
use crate::ledger::request_log::{FOLDER, LogLine, closed, lines, open, totals, write};
use crate::ledger::reservations::unsettled;
use crate::model::{RunId, SnapshotDate, TaskId};
use crate::plan::{Selection, tasks_of_any_night};
use crate::report::UnitUsage;
use crate::store::{SharedFiles, Store};

/// Days for which the ledger of a run is kept: three months of bills, and some to look back.
const KEPT_DAYS: u64 = 100;

/// What is read to close the logs of killed runs.
pub(crate) struct Recovery<'a> {
    /// The configuration.
    pub config: &'a RunConfig,
    /// The destination.
    pub store: &'a Store,
    /// Saved responses.
    pub landing: &'a ResponseStore,
    /// The run that does it: its own log is left alone.
    pub run_id: &'a RunId,
    /// Who holds what it holds.
    pub who: &'a str,
    /// The date.
    pub today: NaiveDate,
}

/// Report and target of each task that the configuration knows.
type TaskIndex = BTreeMap<TaskId, (String, String)>;

/// Closes the request logs of runs that were killed, with what their saved answers tell, and deletes old ones.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn close_dead_run_logs(context: &Recovery<'_>) -> Result<()> {
    let oldest = context
        .today
        .checked_sub_days(Days::new(KEPT_DAYS))
        .unwrap_or(context.today);
    let unsettled: BTreeSet<RunId> = unsettled(context.store)?.into_keys().collect();
    let mut runs = unsettled.clone();
    let files = context.store.files(FOLDER);
    for name in files.list("")? {
        if let Some(run) = name.strip_suffix(".jsonl") {
            runs.insert(RunId::new(run));
        } else if is_older(&name, oldest) {
            files.remove(&name)?;
        }
    }
    runs.remove(context.run_id);
    let mut locks = BTreeMap::new();
    for run in runs {
        // A run that is alive closes its own log.
        if let Some(lock) = context
            .store
            .take_over_dead_run(run.as_str(), context.who)?
        {
            locks.insert(run, lock);
        }
    }
    let missing = unlogged_answers(context, locks.keys())?;
    for (run, lock) in locks {
        close_log(&files, &run, missing.get(&run).map_or(&[], Vec::as_slice))?;
        // Who settles its reservations removes its lock with them.
        if !unsettled.contains(&run) {
            lock.release()?;
        }
    }
    Ok(())
}

fn is_older(name: &str, oldest: NaiveDate) -> bool {
    let Some(run) = name.strip_suffix(".json") else {
        return false;
    };
    let start = RunId::new(run).started_at();
    start.is_some_and(|start| start.date() < oldest)
}

/// Saved answers of killed runs, by run: read once for all of them. The logs that are closed need none.
fn unlogged_answers<'a>(
    context: &Recovery<'_>,
    runs: impl Iterator<Item = &'a RunId>,
) -> Result<BTreeMap<RunId, Vec<LogLine>>> {
    let files = context.store.files(FOLDER);
    let resumed = Days::new(context.config.run.resume_within.as_secs() / (24 * 3600) + 1);
    let mut open_runs = BTreeMap::new();
    let mut first = None;
    for run in runs {
        if files.load(&closed(run))?.is_some() {
            continue;
        }
        let mut start = NaiveDate::default();
        if let Some(time) = run.started_at() {
            start = time.date().checked_sub_days(resumed).unwrap_or_default();
        }
        first = Some(first.map_or(start, |first: NaiveDate| first.min(start)));
        open_runs.insert(run.clone(), Vec::new());
    }
    let Some(first) = first else {
        return Ok(open_runs);
    };
    let index = task_index(context.config);
    for (task, header) in context.landing.headers_from(SnapshotDate::new(first))? {
        // A copy was paid for by the task that it names.
        if matches!(header.origin, Some(AnswerOrigin::SameAs(_))) {
            continue;
        }
        if let Some(lines) = open_runs.get_mut(&header.run) {
            lines.push(line_of(&index, &task, &header));
        }
    }
    Ok(open_runs)
}

fn close_log(files: &SharedFiles, run: &RunId, saved: &[LogLine]) -> Result<()> {
    let mut lines = lines(files, &open(run))?;
    if files.load(&closed(run))?.is_none() {
        let mut logged: BTreeSet<(String, i64)> = BTreeSet::new();
        for line in &lines {
            // A share of an answer for many targets has units of its own, while the answer counts at one of them.
            if line.spent.answers > 0 || line.spent.units > 0 {
                logged.insert((line.task.clone(), line.at));
            }
        }
        for line in saved {
            if !logged.contains(&(line.task.clone(), line.at)) {
                lines.push(line.clone());
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        write(files, &closed(run), &totals(&lines))?;
    }
    files.remove(&open(run))
}

/// The line that was not written any more when the answer was saved.
fn line_of(index: &TaskIndex, task: &TaskId, header: &ResponseHeader) -> LogLine {
    let known = index.get(task).cloned();
    let asked = || {
        header
            .request
            .query
            .iter()
            .find(|(name, _)| name == "target")
            .map(|(_, value)| value.clone())
    };
    let (report, target) = known.unwrap_or_else(|| (String::new(), asked().unwrap_or_default()));
    let (units, is_hit) = (header.units, header.price.cache_hit);
    let is_counted = !matches!(
        header.origin,
        Some(AnswerOrigin::Batch {
            is_counted: false,
            ..
        })
    );
    let count = |number: u32| if is_counted { u64::from(number) } else { 0 };
    let spent = UnitUsage {
        requests: count(header.attempts.max(1)),
        answers: count(1),
        cache_hits: count(u32::from(is_hit)),
        free: count(u32::from(units == 0 && !is_hit)),
        expected: header.price.units_total.unwrap_or(units),
        units,
        ..UnitUsage::default()
    };
    let endpoint = match &header.origin {
        Some(AnswerOrigin::Batch { operation, .. }) => operation.clone(),
        _ => header.request.endpoint.clone(),
    };
    LogLine {
        at: header.received_at,
        task: task.as_str().to_owned(),
        report,
        endpoint,
        target,
        spent,
    }
}

fn task_index(config: &RunConfig) -> TaskIndex {
    // A configuration without tasks for a date names none: the log then has the target that was asked for.
    let tasks = tasks_of_any_night(config, SnapshotDate::default(), &Selection::default());
    let mut index = TaskIndex::new();
    for task in tasks.unwrap_or_default() {
        if let Some(report) = config.reports.get(task.report) {
            let target = config.target_name(task.target).to_owned();
            index.insert(task.id, (report.name.clone(), target));
        }
    }
    index
}
