//! The work of a run: jobs are claimed, fetched side by side, and committed a partition at a time.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::agenda;
use super::assemble::{Assembled, assemble};
use super::bodies::blocking;
use super::book::Book;
use super::breaker::{Breaker, Reason};
use super::fetch::Fetch;
use super::finished::Finished;
use super::history;
use super::stage::Stage;
use crate::error::{Code, Error, Errors, Result};
use crate::model::Night;
use crate::store::FileLock;
use crate::table::manifest::UnfinishedStatus;

/// Tasks under way at a time: enough to fill a minute's requests while some answers take 20 s, few enough to bound memory.
const TASKS_AT_A_TIME: usize = 4;

/// How a task ended.
enum Ended {
    Finished(Box<Finished>),
    Failed(Error),
    /// Not begun: the report's tasks all fail alike.
    NotTried(Reason),
    /// Another process is at it.
    Claimed(String),
    /// Another process finished it in the meantime.
    AlreadyThere,
}

/// A claim on the first job that nobody else is at.
///
/// # Errors
/// [`Code::Locked`] if there is none: then this run has nothing to do, and nothing was sent.
pub(super) fn first_claim(stage: &Stage) -> Result<BTreeMap<usize, FileLock>> {
    if stage.jobs.is_empty() {
        return Ok(BTreeMap::new());
    }
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
    let path = super::claim_path(&stage.store, job.night, &job.task.id);
    FileLock::try_acquire(&path, &stage.who)
}

/// What is committed together: a night of a report of the configuration; all nights of a history.
type Place = (Night, usize);

/// Fetches jobs side by side; a partition is committed once, when its last job has ended, while others are still fetched.
pub(super) struct Shift<'a> {
    stage: &'a Arc<Stage>,
    refetch: bool,
    cancel: &'a CancellationToken,
    /// Ends the work where no further job can succeed.
    stop: CancellationToken,
    /// Claims that were taken before their job began.
    early: std::sync::Mutex<BTreeMap<usize, FileLock>>,
    /// Claims live until their partition is committed.
    claims: BTreeMap<Place, Vec<FileLock>>,
    open: BTreeMap<Place, usize>,
    waiting: BTreeMap<Place, Vec<Finished>>,
    claimed: BTreeMap<usize, String>,
    breaker: Arc<Breaker>,
    /// Tasks that were not tried, by report.
    not_tried: BTreeMap<usize, u64>,
}

/// A commit that has ended, with its jobs and what this run spent on each.
struct Ending {
    place: Place,
    jobs: Vec<(usize, u64)>,
    outcome: Result<Assembled>,
}

impl<'a> Shift<'a> {
    /// The jobs of a stage; `early` are claims that were taken beforehand.
    pub fn new(
        stage: &'a Arc<Stage>,
        refetch: bool,
        cancel: &'a CancellationToken,
        early: BTreeMap<usize, FileLock>,
    ) -> Self {
        let mut open: BTreeMap<Place, usize> = BTreeMap::new();
        for job in stage.jobs.iter() {
            *open.entry(stage.place(job)).or_default() += 1;
        }
        let early = std::sync::Mutex::new(early);
        let (claims, waiting, claimed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (stop, breaker, not_tried) = (cancel.child_token(), Arc::default(), BTreeMap::new());
        Self { stage, refetch, cancel, stop, early, claims, open, waiting, claimed, breaker, not_tried }
    }

    /// Works until every job has ended in some way, or is another's.
    ///
    /// # Errors
    /// [`Code::Locked`] if every job is another's.
    pub async fn work(mut self, book: &mut Book) -> Result<(), Errors> {
        let all: Vec<usize> = (0..self.stage.jobs.len()).collect();
        self.pass(all, book).await?;
        // Whoever held a task may have died since, or have finished it: then it is free.
        let left = std::mem::take(&mut self.claimed);
        if !left.is_empty() && !self.cancel.is_cancelled() {
            for index in left.keys() {
                let (job, _) = self.stage.job(*index)?;
                *self.open.entry(self.stage.place(job)).or_default() += 1;
            }
            self.pass(left.into_keys().collect(), book).await?;
        } else {
            self.claimed = left;
        }
        for (report, number) in &self.not_tried {
            if let Some(reason) = self.breaker.broken(*report) {
                book.told_once(&self.stage.report(*report)?.name, &reason, *number);
            }
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
        let (refetch, early, stop) = (self.refetch, std::mem::take(&mut self.early), self.stop.clone());
        let breaker = Arc::clone(&self.breaker);
        let begin = |index| {
            let broken = stage.job(index).ok().and_then(|(job, _)| breaker.broken(job.task.report));
            let early = early.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&index);
            let cancel = stop.clone();
            async move {
                match broken {
                    Some(reason) => (index, (Ended::NotTried(reason), early)),
                    None => (index, fetch_one(stage, index, refetch, early, &cancel).await),
                }
            }
        };
        let mut ends = stream::iter(jobs).map(begin).buffer_unordered(TASKS_AT_A_TIME);
        // Beside the fetching: answers under way must not wait for rows to be written, nor for another process.
        let mut commits = FuturesUnordered::new();
        let mut is_fetching = true;
        while is_fetching || !commits.is_empty() {
            tokio::select! {
                end = ends.next(), if is_fetching => match end {
                    Some((index, (ended, claim))) => {
                        if let Some((place, finished)) = self.ended(index, ended, claim, book)? {
                            book.notes(stage.report(place.1)?, &finished);
                            commits.push(commit(stage, place, finished, self.cancel));
                        }
                    }
                    None => is_fetching = false,
                },
                Some(ending) = commits.next() => self.committed(ending, book)?,
            }
        }
        Ok(())
    }

    /// Takes note of a job's end. Gives the partition's finished tasks where it was the last of them.
    fn ended(
        &mut self,
        index: usize,
        ended: Ended,
        claim: Option<FileLock>,
        book: &mut Book,
    ) -> Result<Option<(Place, Vec<Finished>)>> {
        let stage = self.stage;
        let (job, report) = stage.job(index)?;
        let place = stage.place(job);
        match ended {
            Ended::Finished(finished) => {
                self.breaker.succeeded(job.task.report);
                self.claims.entry(place).or_default().extend(claim);
                self.waiting.entry(place).or_default().push(*finished);
            }
            Ended::NotTried(reason) => {
                *self.not_tried.entry(job.task.report).or_default() += 1;
                book.not_tried(stage, job, report, &reason);
            }
            Ended::Failed(error) => {
                self.breaker.failed(job.task.report, &error);
                // No other task can succeed where the key is dead, the units are used up, or answers cannot be saved.
                if matches!(error.code(), Code::Unauthorized | Code::Units | Code::NotFree | Code::Destination) {
                    self.stop.cancel();
                }
                book.failed(stage, job, report, error);
            }
            Ended::AlreadyThere => book.summary(report).tasks.skipped += 1,
            Ended::Claimed(holder) => {
                self.claimed.insert(index, holder);
            }
        }
        if !self.claimed.contains_key(&index) {
            stage.progress.task_ended();
        }
        let left = self.open.entry(place).or_default();
        *left = left.saturating_sub(1);
        let finished = if *left == 0 { self.waiting.remove(&place) } else { None };
        Ok(finished.map(|finished| (place, finished)))
    }

    fn committed(&mut self, ending: Ending, book: &mut Book) -> Result<(), Errors> {
        let Ending { place, jobs, outcome } = ending;
        let report = self.stage.report(place.1)?;
        match outcome {
            Ok(assembled) => book.committed(report, assembled, jobs.iter().map(|(_, units)| units).sum()),
            Err(error) => book.not_committed(self.stage, report, &jobs, error)?,
        }
        self.claims.remove(&place);
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
    let (job, _) = stage.job(index)?;
    if cancel.is_cancelled() {
        return Ok((Ended::Failed(Error::new(Code::Interrupted, "not begun: the run was ending")), None));
    }
    let shared = Arc::clone(stage);
    let claimed = blocking(move || early.map_or_else(|| claim(&shared, index), |early| Ok(Ok(early)))).await?;
    let claim = match claimed {
        Ok(claim) => claim,
        Err(holder) => return Ok((Ended::Claimed(holder), None)),
    };
    // Under the claim: whoever had it may have committed the task.
    let shared = Arc::clone(stage);
    let (entry, is_whole) = blocking(move || {
        let (job, report) = shared.job(index)?;
        let entry = agenda::entry(&shared.store, &shared.landing, job.night, report, &job.task.id)?;
        Ok((entry, history::is_answered(&shared.store, report, &job.task)?))
    })
    .await?;
    let entry = entry.as_ref();
    // What another process has paid for since this run began is not paid for again, not even by `--refetch`.
    if let Some(entry) = entry.filter(|entry| !refetch || entry.exported_at >= stage.started_at) {
        let changed = job.task.unanswered_by(&entry.asked, agenda::is_capped_by_max_rows(entry));
        if changed.is_empty() && is_whole && !agenda::is_open(&stage.landing, job.night, &job.task.id, Some(entry))? {
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
async fn commit(stage: &Arc<Stage>, place: Place, finished: Vec<Finished>, cancel: &CancellationToken) -> Ending {
    let jobs = finished.iter().map(|task| (task.job, task.new_units)).collect();
    let outcome = assemble(stage, place.0, place.1, finished, cancel).await;
    Ending { place, jobs, outcome }
}
