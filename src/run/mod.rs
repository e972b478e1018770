//! A night, told in order: what is due, what is known of the API, fetch, commit, report. The room that joins all others.
//!
//! ```text
//! tasks ─▶ due? ─▶ probes ─▶ fetch (several at a time) ─▶ the last task of a partition ─▶ assemble ─▶ report
//! ```
//! A task that fails leaves the others alone: its error is reported, its partition is committed without it, and its saved
//! answers stay for the next run.

mod assemble;
mod book;
mod check;
mod fetch;
mod probes;
mod progress;
mod request;
mod stage;
mod verify;
mod workers;
mod workspace;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

pub use check::{Live, check};
pub use probes::probe_now;
pub use progress::{Progress, Snapshot};
pub use stage::Tuning;
pub use verify::{Verified, verify};

use self::assemble::assemble;
use self::book::Book;
use self::fetch::{Fetch, Finished, blocking};
use self::stage::Stage;
use self::workers::heavy;
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Errors, Result};
use crate::model::{Night as Date, TaskId};
use crate::plan::Task;
use crate::report::RunReport;
use crate::store::FileLock;
use crate::table::{TableSchema, segment};

/// Tasks under way at a time: enough to fill a minute's requests while some answers take 20 s, few enough to bound memory.
const TASKS_AT_A_TIME: usize = 4;

/// One night's work, ready to run.
#[derive(Debug)]
pub struct Night {
    config: Arc<RunConfig>,
    date: Date,
    tasks: Vec<Task>,
    budget: u64,
    clock: SharedClock,
    tuning: Tuning,
}

/// How a task ended.
enum Ended {
    Finished(Box<Finished>),
    Failed(Error),
    /// Another process is at it.
    Claimed(String),
    /// Another process finished it in the meantime.
    AlreadyThere,
}

impl Night {
    /// The work: `tasks` of `config` for `date`, for at most `budget` units.
    pub fn new(config: RunConfig, date: Date, tasks: Vec<Task>, budget: u64, clock: SharedClock) -> Self {
        Self { config: Arc::new(config), date, tasks, budget, clock, tuning: Tuning::default() }
    }

    /// Switches of tests.
    #[must_use]
    pub fn with_tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Does it. The report comes with every error that a task ended with.
    ///
    /// # Errors
    /// What kept the night from beginning: destination, key, or every due task claimed by others ([`Code::Locked`]).
    pub async fn run(self, progress: Arc<Progress>, cancel: CancellationToken) -> Result<(RunReport, Errors), Errors> {
        let started = self.clock.instant();
        let Self { config, date, tasks, budget, clock, tuning } = self;
        let stage = Stage::open(config, date, tasks, budget, Arc::clone(&clock), tuning, progress).await?;
        let stage = Arc::new(stage);
        let mut book = Book::new(&stage);
        let due = due(&stage, &mut book)?;
        stage.progress.expect_tasks(due.len());
        if !due.is_empty() {
            let paged = due.iter().any(|index| stage.task(*index).is_ok_and(|(task, _)| !task.order_key.is_empty()));
            if paged {
                probes::ensure(&stage, &mut book.report.notes).await?;
            }
            fetch_and_commit(&stage, due, &cancel, &mut book).await?;
        }
        crate::store::remove_tree(&stage.scratch)?;
        book.close(&stage, (clock.instant() - started).as_secs_f64(), cancel.is_cancelled())
    }
}

/// The tasks that the night's partitions do not hold yet.
fn due(stage: &Stage, book: &mut Book) -> Result<Vec<usize>> {
    let mut held: BTreeMap<usize, BTreeSet<TaskId>> = BTreeMap::new();
    let mut due = Vec::new();
    for index in 0..stage.tasks.len() {
        let (task, report) = stage.task(index)?;
        let held = match held.entry(task.report) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(held_tasks(stage, report)?),
        };
        if held.contains(&task.id) {
            book.summary(report).tasks.skipped += 1;
        } else {
            due.push(index);
        }
    }
    Ok(due)
}

/// The tasks whose rows a report's partition of the night holds. A pending commit may hold more: recovery tells when the
/// partition is next begun.
fn held_tasks(stage: &Stage, report: &Report) -> Result<BTreeSet<TaskId>> {
    let state = stage.store.partition(&report.name, &partition_name(stage.night))?;
    let committed = state.and_then(|state| state.committed);
    Ok(committed.into_iter().flat_map(|committed| committed.tasks).map(|entry| entry.task).collect())
}

/// Fetches tasks side by side; a partition is committed once, when its last task has ended.
async fn fetch_and_commit(
    stage: &Arc<Stage>,
    due: Vec<usize>,
    cancel: &CancellationToken,
    book: &mut Book,
) -> Result<(), Errors> {
    let mut open: BTreeMap<usize, usize> = BTreeMap::new();
    for index in &due {
        *open.entry(stage.task(*index)?.0.report).or_default() += 1;
    }
    let num_due = due.len();
    let stop = cancel.child_token();
    let cancel = &stop;
    let mut claims = Vec::new();
    let mut claimed = Vec::new();
    let mut waiting: BTreeMap<usize, Vec<Finished>> = BTreeMap::new();
    let mut ends = stream::iter(due)
        .map(|index| async move { (index, fetch_one(stage, index, cancel).await) })
        .buffer_unordered(TASKS_AT_A_TIME);
    while let Some((index, (ended, claim))) = ends.next().await {
        claims.extend(claim);
        let (task, report) = stage.task(index)?;
        match ended {
            Ended::Finished(finished) => waiting.entry(task.report).or_default().push(*finished),
            Ended::Failed(error) => {
                // No other task can succeed where the key is dead or the units are used up.
                if matches!(error.code(), Code::Unauthorized | Code::Units) {
                    stop.cancel();
                }
                book.failed(stage, task, report, error);
            }
            Ended::AlreadyThere => book.summary(report).tasks.skipped += 1,
            Ended::Claimed(holder) => {
                claimed.push(format!("{} {}: {holder}", report.name, stage.target_name(task)));
                book.summary(report).tasks.skipped += 1;
            }
        }
        stage.progress.task_ended();
        let left = open.entry(task.report).or_default();
        *left = left.saturating_sub(1);
        if *left == 0
            && let Some(finished) = waiting.remove(&task.report)
        {
            commit(stage, task.report, finished, book).await?;
        }
    }
    if claimed.len() == num_due {
        return Err(Error::new(Code::Locked, "every due task is claimed by another process")
            .with_context("claims", claimed.join("; "))
            .with_next("wait for it to end; this run has nothing to do")
            .into());
    }
    book.report.notes.extend(claimed.into_iter().map(|claim| format!("left to another process: {claim}")));
    Ok(())
}

/// Claims a task and fetches it. The claim must live until the task's partition is committed.
async fn fetch_one(stage: &Arc<Stage>, index: usize, cancel: &CancellationToken) -> (Ended, Option<FileLock>) {
    match try_fetch(stage, index, cancel).await {
        Ok(ended) => ended,
        Err(error) => (Ended::Failed(error), None),
    }
}

async fn try_fetch(stage: &Arc<Stage>, index: usize, cancel: &CancellationToken) -> Result<(Ended, Option<FileLock>)> {
    let (task, report) = stage.task(index)?;
    if cancel.is_cancelled() {
        return Ok((Ended::Failed(Error::new(Code::Interrupted, "interrupted before it began")), None));
    }
    let path = stage.store.system("claims").join(stage.night.to_string()).join(&task.id.0);
    let who = format!("run {} since {}", stage.run_id, stage.clock.now().format("%Y-%m-%dT%H:%M:%SZ"));
    let claim = match FileLock::try_acquire(&path, &who)? {
        Ok(claim) => claim,
        Err(holder) => return Ok((Ended::Claimed(holder), None)),
    };
    if held_tasks(stage, report)?.contains(&task.id) {
        return Ok((Ended::AlreadyThere, None));
    }
    let ended = match Fetch::new(stage, index)?.run(index, cancel).await {
        Ok(finished) => Ended::Finished(Box::new(finished)),
        Err(error) => Ended::Failed(error),
    };
    Ok((ended, Some(claim)))
}

/// Commits the finished tasks of one report.
async fn commit(stage: &Arc<Stage>, report: usize, finished: Vec<Finished>, book: &mut Book) -> Result<(), Errors> {
    let Some(of) = stage.config.reports.get(report) else { return Ok(()) };
    book.notes(of, &finished);
    let num_tasks = u64::try_from(finished.len()).unwrap_or(u64::MAX);
    let units: u64 = finished.iter().map(|task| task.units).sum();
    let shared = Arc::clone(stage);
    let assembled = heavy(move || match shared.config.reports.get(report) {
        Some(report) => assemble(&shared, report, finished),
        None => Err(Error::new(Code::Internal, format!("there is no report {report}"))),
    });
    match assembled.await.flatten() {
        Ok(assembled) => book.committed(of, assembled),
        Err(error) => {
            book.summary(of).tasks.failed += num_tasks;
            book.errors.push(error.with_context("report", &of.name).with_units(units));
        }
    }
    Ok(())
}

/// The schema that a report wants for its table.
///
/// # Errors
/// [`Code::Column`] or [`Code::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    let parameters: Vec<String> = report.varying.iter().map(|(name, _)| name.clone()).collect();
    TableSchema::new(&report.name, report.endpoint, &report.columns, &parameters)
}

/// Folder of a night's partition.
fn partition_name(night: Date) -> String {
    segment("snapshot_date", &night.to_string())
}
