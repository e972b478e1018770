//! A run, told in order: what is open and due, what is known of the API, fetch, commit, what is left to be said, report.
//! The room that joins all others.
//!
//! ```text
//! agenda ─▶ probes ─▶ fetch (several at a time) ─▶ the last task of a partition ─▶ assemble ─▶ coverage, targets ─▶ report
//! ```
//! A task that fails leaves the others alone: its error is reported, its partition is committed without it, and its saved
//! answers stay for the next run.

mod agenda;
mod assemble;
mod bodies;
mod book;
mod check;
mod coverage;
mod fetch;
mod ledger;
mod nights;
mod probes;
mod progress;
mod rebuild;
mod request;
mod rewrite;
mod stage;
mod tables;
mod verify;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

pub use agenda::Agenda;
pub use check::{Live, check};
pub use probes::probe_now;
pub use progress::{Progress, Snapshot};
pub use rebuild::rebuild;
pub use stage::Tuning;
pub use verify::{Verified, verify};

use self::assemble::assemble;
use self::bodies::blocking;
use self::book::Book;
use self::fetch::{Fetch, Finished};
use self::ledger::UnitLedger;
use self::stage::Stage;
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Errors, Result};
use crate::landing::Landing;
use crate::limits::{Ledger, UnitMeter};
use crate::model::{Night as Date, TaskId};
use crate::report::RunReport;
use crate::store::{FileLock, Store};
use crate::table::manifest::UnfinishedStatus;
use crate::table::{TableSchema, segment};

/// Tasks under way at a time: enough to fill a minute's requests while some answers take 20 s, few enough to bound memory.
const TASKS_AT_A_TIME: usize = 4;

/// A run, ready to begin.
#[derive(Debug)]
pub struct Night {
    config: Arc<RunConfig>,
    agenda: Agenda,
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
    /// What `agenda` says of `config`, for at most `budget` units.
    pub fn new(config: RunConfig, agenda: Agenda, budget: u64, clock: SharedClock) -> Self {
        Self { config: Arc::new(config), agenda, budget, clock, tuning: Tuning::default() }
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
    /// What kept the run from beginning: destination, key, or every due task claimed by others ([`Code::Locked`]).
    pub async fn run(self, progress: Arc<Progress>, cancel: CancellationToken) -> Result<(RunReport, Errors), Errors> {
        let started = self.clock.instant();
        let Self { config, mut agenda, budget, clock, tuning } = self;
        let run_id = stage::run_id(&clock);
        let ledger = Arc::new(UnitLedger::new(&Store::at(&config.destination.path), &run_id));
        let promises = Arc::clone(&ledger) as Arc<dyn Ledger>;
        let client = stage::client(&config, UnitMeter::with_ledger(Some(budget), promises), &clock, tuning).await?;
        let jobs = std::mem::take(&mut agenda.jobs);
        let opening = (Arc::clone(&config), Arc::clone(&clock));
        let stage = blocking(move || Stage::open(opening.0, run_id, jobs, Some(client), opening.1, progress)).await?;
        let stage = Arc::new(stage);
        let mut book = Book::new(&stage, &agenda);
        book.report.notes.extend(ledger::close_books_of_the_dead(&stage.store, &stage.who)?);
        nights::begin(&stage.store, &config, &stage.jobs, &stage.who)?;
        stage.progress.expect_tasks(stage.jobs.len());
        if !stage.jobs.is_empty() {
            let claims = first_claim(&stage)?;
            let paged = stage.jobs.iter().any(|job| !job.task.order_key.is_empty());
            if paged {
                probes::ensure(&stage, &mut book.report.notes).await?;
            }
            Shift::new(&stage, agenda.refetch, &cancel, claims).work(&mut book).await?;
        }
        let closing = Arc::clone(&stage);
        let unfinished = book.take_unfinished();
        let tonight = agenda.tonight;
        let notes = blocking(move || close(&closing, tonight, unfinished)).await?;
        book.report.notes.extend(notes);
        book.close(&stage, &ledger, (clock.instant() - started).as_secs_f64(), cancel.is_cancelled())
    }
}

/// A claim on the first job that nobody else is at.
///
/// # Errors
/// [`Code::Locked`] if there is none: then this run has nothing to do, and nothing was sent.
fn first_claim(stage: &Stage) -> Result<BTreeMap<usize, FileLock>> {
    let mut holders = Vec::new();
    for index in 0..stage.jobs.len() {
        match claim(stage, index)? {
            Ok(claim) => return Ok([(index, claim)].into()),
            Err(holder) => holders.push(named(stage, index, &holder)?),
        }
    }
    Err(all_claimed(&holders))
}

fn all_claimed(holders: &[String]) -> Error {
    /// Enough to see who it is.
    const SHOWN: usize = 5;
    let more = if holders.len() > SHOWN { format!("; and {} more", holders.len() - SHOWN) } else { String::new() };
    let shown = holders.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("; ");
    Error::new(Code::Locked, "every due task is claimed by another process")
        .with_context("claims", shown + &more)
        .with_next("wait for it to end; this run has nothing to do")
}

fn named(stage: &Stage, index: usize, holder: &str) -> Result<String> {
    let (job, report) = stage.job(index)?;
    Ok(format!("{} {} of night {}: {holder}", report.name, stage.target_name(&job.task), job.night))
}

fn claim(stage: &Stage, index: usize) -> Result<std::result::Result<FileLock, String>> {
    let (job, _) = stage.job(index)?;
    let path = stage.store.system("claims").join(job.night.to_string()).join(&job.task.id.0);
    FileLock::try_acquire(&path, &stage.who)
}

/// A partition: a night of a report of the configuration.
type Place = (Date, usize);

/// Fetches jobs side by side; a partition is committed once, when its last job has ended.
struct Shift<'a> {
    stage: &'a Arc<Stage>,
    refetch: bool,
    cancel: &'a CancellationToken,
    /// Claims that were taken before their job began.
    early: std::sync::Mutex<BTreeMap<usize, FileLock>>,
    /// Claims live until their partition is committed.
    claims: Vec<FileLock>,
    open: BTreeMap<Place, usize>,
    waiting: BTreeMap<Place, Vec<Finished>>,
    claimed: BTreeMap<usize, String>,
}

impl<'a> Shift<'a> {
    fn new(
        stage: &'a Arc<Stage>,
        refetch: bool,
        cancel: &'a CancellationToken,
        early: BTreeMap<usize, FileLock>,
    ) -> Self {
        let mut open: BTreeMap<Place, usize> = BTreeMap::new();
        for job in stage.jobs.iter() {
            *open.entry((job.night, job.task.report)).or_default() += 1;
        }
        let early = std::sync::Mutex::new(early);
        let (claims, waiting, claimed) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { stage, refetch, cancel, early, claims, open, waiting, claimed }
    }

    async fn work(mut self, book: &mut Book) -> Result<(), Errors> {
        let all: Vec<usize> = (0..self.stage.jobs.len()).collect();
        self.pass(all, book).await?;
        // Whoever held a task may have died since, or have finished it: then it is free.
        let left = std::mem::take(&mut self.claimed);
        if !left.is_empty() && !self.cancel.is_cancelled() {
            for index in left.keys() {
                let (job, _) = self.stage.job(*index)?;
                *self.open.entry((job.night, job.task.report)).or_default() += 1;
            }
            self.pass(left.into_keys().collect(), book).await?;
        } else {
            self.claimed = left;
        }
        if self.claimed.len() == self.stage.jobs.len() {
            let holders = self.claimed.iter().map(|(index, holder)| named(self.stage, *index, holder));
            return Err(all_claimed(&holders.collect::<Result<Vec<_>>>()?).into());
        }
        for (index, holder) in &self.claimed {
            let (job, report) = self.stage.job(*index)?;
            book.summary(report).tasks.skipped += 1;
            book.unfinished(self.stage, job, report, UnfinishedStatus::Skipped, &format!("claimed by {holder}"), 0);
            book.report.notes.push(format!("left to another process: {}", named(self.stage, *index, holder)?));
        }
        Ok(())
    }

    async fn pass(&mut self, jobs: Vec<usize>, book: &mut Book) -> Result<(), Errors> {
        let stage = self.stage;
        let (refetch, early) = (self.refetch, std::mem::take(&mut self.early));
        let stop = self.cancel.child_token();
        let begin = |index| {
            let early = early.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&index);
            let cancel = stop.clone();
            async move { (index, fetch_one(stage, index, refetch, early, &cancel).await) }
        };
        let mut ends = stream::iter(jobs).map(begin).buffer_unordered(TASKS_AT_A_TIME);
        while let Some((index, (ended, claim))) = ends.next().await {
            self.claims.extend(claim);
            let (job, report) = stage.job(index)?;
            let place = (job.night, job.task.report);
            match ended {
                Ended::Finished(finished) => self.waiting.entry(place).or_default().push(*finished),
                Ended::Failed(error) => {
                    // No other task can succeed where the key is dead or the units are used up.
                    if matches!(error.code(), Code::Unauthorized | Code::Units) {
                        stop.cancel();
                    }
                    book.failed(stage, job, report, error);
                }
                Ended::AlreadyThere => book.summary(report).tasks.skipped += 1,
                Ended::Claimed(holder) => {
                    self.claimed.insert(index, holder);
                }
            }
            stage.progress.task_ended();
            let left = self.open.entry(place).or_default();
            *left = left.saturating_sub(1);
            if *left == 0
                && let Some(finished) = self.waiting.remove(&place)
            {
                commit(stage, place, finished, self.cancel, book).await?;
            }
        }
        Ok(())
    }
}

/// Claims a task and fetches it. The claim must live until the task's partition is committed.
async fn fetch_one(
    stage: &Arc<Stage>,
    index: usize,
    refetch: bool,
    early: Option<FileLock>,
    cancel: &CancellationToken,
) -> (Ended, Option<FileLock>) {
    match try_fetch(stage, index, refetch, early, cancel).await {
        Ok(ended) => ended,
        Err(error) => (Ended::Failed(error), None),
    }
}

async fn try_fetch(
    stage: &Arc<Stage>,
    index: usize,
    refetch: bool,
    early: Option<FileLock>,
    cancel: &CancellationToken,
) -> Result<(Ended, Option<FileLock>)> {
    let (job, report) = stage.job(index)?;
    if cancel.is_cancelled() {
        return Ok((Ended::Failed(Error::new(Code::Interrupted, "interrupted before it began")), None));
    }
    let claim = match early.map_or_else(|| claim(stage, index), |early| Ok(Ok(early)))? {
        Ok(claim) => claim,
        Err(holder) => return Ok((Ended::Claimed(holder), None)),
    };
    let state = agenda::held(&stage.store, job.night, report)?;
    let entry = state.as_ref().and_then(|state| state.task(&job.task.id));
    if let Some(entry) = entry.filter(|entry| !refetch || entry.run == stage.run_id) {
        let changed = job.task.unanswered_by(&entry.asked, agenda::is_capped_by_max_rows(entry));
        if changed.is_empty() && !agenda::is_open(&stage.landing, job.night, &job.task.id, Some(entry))? {
            return Ok((Ended::AlreadyThere, None));
        }
    }
    let ended = match Fetch::new(stage, index, entry)?.run(index, cancel).await {
        Ok(finished) => Ended::Finished(Box::new(finished)),
        Err(error) => Ended::Failed(error),
    };
    Ok((ended, Some(claim)))
}

/// Commits the finished tasks of one partition.
async fn commit(
    stage: &Arc<Stage>,
    (night, report): Place,
    finished: Vec<Finished>,
    cancel: &CancellationToken,
    book: &mut Book,
) -> Result<(), Errors> {
    let Some(of) = stage.config.reports.get(report) else { return Ok(()) };
    book.notes(of, &finished);
    let ended: Vec<(usize, u64)> = finished.iter().map(|task| (task.job, task.new_units)).collect();
    let shared = Arc::clone(stage);
    let cancel = cancel.clone();
    let assembled = blocking(move || match shared.config.reports.get(report) {
        Some(report) => assemble(&shared, report, night, finished, &cancel),
        None => Err(Error::new(Code::Internal, format!("there is no report {report}"))),
    });
    match assembled.await {
        Ok(assembled) => book.committed(of, assembled, ended.iter().map(|(_, units)| units).sum()),
        Err(error) => book.not_committed(stage, of, &ended, error)?,
    }
    Ok(())
}

/// Says for every night that this run touched or found open what became of its tasks, brings the table of targets up to
/// date, closes finished nights and lets go of old answers. Gives what is worth knowing.
fn close(stage: &Stage, tonight: Date, unfinished: book::Unfinished) -> Result<Vec<String>> {
    for ((night, report), tasks) in unfinished {
        stage.store.note_unfinished(&report, &partition_name(night), tasks, &stage.who)?;
    }
    let begun = nights::begun(&stage.store)?;
    let mut touched: BTreeSet<Date> = stage.jobs.iter().map(|job| job.night).chain([tonight]).collect();
    touched.extend(begun.keys());
    touched.iter().try_for_each(|night| coverage::write(stage, *night))?;
    tables::write_targets(stage)?;
    let today = stage.clock.today();
    let mut needed: BTreeSet<(Date, TaskId)> = BTreeSet::new();
    for (night, record) in begun {
        let is_given_up = !agenda::is_resumed(&stage.config, night, today);
        let known = agenda::known_tasks(&stage.config, night)?;
        let is_open = |task: &TaskId, planned: &nights::Planned| {
            if is_given_up || agenda::is_gone(&stage.config, &known, task, planned) {
                return Ok(false);
            }
            let state = stage.store.partition(&planned.report, &partition_name(night))?;
            agenda::is_open(&stage.landing, night, task, state.as_ref().and_then(|state| state.task(task)))
        };
        nights::settle(&stage.store, night, is_open, &stage.who)?;
        needed.extend(record.tasks.into_keys().filter(|_| !is_given_up).map(|task| (night, task)));
    }
    let keep = stage.config.destination.keep_responses;
    let is_needed = |night: Date, task: &TaskId| needed.contains(&(night, task.clone()));
    let expired = stage.landing.expire(stage.clock.now().into(), keep, is_needed)?;
    let note = format!("saved responses of {expired} tasks were older than `keep_responses` and are gone");
    Ok((expired > 0).then_some(note).into_iter().collect())
}

/// Where a configuration's saved responses lie.
pub(crate) fn landing(config: &RunConfig, store: &Store) -> Landing {
    Landing::new(config.destination.responses.clone().unwrap_or_else(|| store.system("responses")))
}

/// The schema that a report wants for its table.
///
/// # Errors
/// [`Code::Column`] or [`Code::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    table_schema_of(report, &report.columns)
}

/// The schema of a report's table with these columns of its operation.
fn table_schema_of(report: &Report, columns: &[String]) -> Result<TableSchema> {
    let parameters: Vec<String> = report.varying.iter().map(|(name, _)| name.clone()).collect();
    TableSchema::new(&report.name, report.endpoint, columns, &parameters)
}

/// Folder of a night's partition.
fn partition_name(night: Date) -> String {
    segment("snapshot_date", &night.to_string())
}
