//! The work of a run: jobs are claimed, fetched side by side, and committed a partition at a time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::fetch::group::GroupFetcher;
use crate::fetch::shared_answers::SharedAnswers;
use crate::fetch::task_claim::{TaskClaim, claim};
use crate::fetch::task_outcome::{TaskOutcome, TaskResult};
use crate::model::SnapshotDate;
use crate::plan::{FetchGroup, Task, group_for_fetching};
use crate::publish::partition::{Assembled, assemble};
use crate::run::report_builder::RunReportBuilder;
use crate::store::{ClaimResult, Lease};
use crate::table::manifest::UnfinishedStatus;

/// Lots under way at a time: enough to fill a minute's requests while some answers take 20 s, few enough to bound memory.
const GROUPS_AT_A_TIME: usize = 4;

/// A claim on the first job that nobody else is at.
///
/// # Errors
/// [`ErrorCode::Locked`] if there is none: then this run has nothing to do, and nothing was sent.
pub(crate) fn first_claim(context: &RunContext) -> Result<BTreeMap<usize, TaskClaim>> {
    if context.jobs.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut holders = Vec::new();
    for index in 0..context.jobs.len() {
        match claim(context, index)? {
            ClaimResult::Claimed(claim) => return Ok([(index, claim)].into()),
            ClaimResult::HeldBy(holder) => holders.push(named(context, index, &holder)?),
        }
    }
    Err(all_claimed(&holders))
}

fn all_claimed(holders: &[String]) -> Error {
    /// Enough to see who it is.
    const SHOWN: usize = 5;
    let more = if holders.len() > SHOWN {
        format!("; and {} more", holders.len() - SHOWN)
    } else {
        String::new()
    };
    let shown = holders
        .iter()
        .take(SHOWN)
        .cloned()
        .collect::<Vec<_>>()
        .join("; ");
    Error::new(
        ErrorCode::Locked,
        "every due task is claimed by another process",
    )
    .with_context("claims", shown + &more)
    .with_hint("wait for it to end; this run has nothing to do")
}

fn named(context: &RunContext, index: usize, holder: &str) -> Result<String> {
    let (job, report) = context.job(index)?;
    Ok(format!(
        "{} of night {}: {holder}",
        context.task_name(report, &job.task),
        job.night
    ))
}

/// Said once a run.
const LACKS_BATCHES: &str = "the plan of the workspace does not include requests for many targets (batch-analysis): each \
                             target was asked about by itself, at the minimum price of a request";

/// What is committed together: a night of a report of the configuration; all nights of a history.
type CommitKey = (SnapshotDate, usize);

/// Fetches jobs side by side; a partition is committed once, when its last job has ended, while others are still fetched.
pub(crate) struct PartitionScheduler<'a> {
    context: &'a Arc<RunContext>,
    cancel: &'a CancellationToken,
    fetcher: Arc<GroupFetcher<'a>>,
    /// Claims live until their partition is committed.
    claims: BTreeMap<CommitKey, Vec<Lease>>,
    open: BTreeMap<CommitKey, usize>,
    waiting: BTreeMap<CommitKey, Vec<FetchedTask>>,
    claimed: BTreeMap<usize, String>,
    /// Tasks that were not tried, by report.
    not_tried: BTreeMap<usize, u64>,
}

/// A commit that has ended, with its jobs and what this run spent on each.
struct CommitOutcome {
    place: CommitKey,
    jobs: Vec<(usize, u64)>,
    outcome: Result<Assembled>,
}

impl<'a> PartitionScheduler<'a> {
    /// The jobs of a stage; `early` are claims that were taken beforehand.
    pub fn new(
        context: &'a Arc<RunContext>,
        refetch: bool,
        cancel: &'a CancellationToken,
        early: BTreeMap<usize, TaskClaim>,
    ) -> Self {
        let mut open: BTreeMap<CommitKey, usize> = BTreeMap::new();
        for job in context.jobs.iter() {
            *open.entry(context.commit_key(job)).or_default() += 1;
        }
        let fetcher = GroupFetcher {
            context,
            refetch,
            cancel: cancel.child_token(),
            breaker: Arc::default(),
            preclaimed: std::sync::Mutex::new(early),
            shared_answers: SharedAnswers::default(),
            lacks_batches: Arc::default(),
        };
        let (claims, waiting, claimed) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self {
            context,
            cancel,
            fetcher: Arc::new(fetcher),
            claims,
            open,
            waiting,
            claimed,
            not_tried: BTreeMap::new(),
        }
    }

    /// Works until every job has ended in some way, or is another's.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if every job is another's.
    pub async fn work(mut self, report_builder: &mut RunReportBuilder) -> Result<(), Errors> {
        let all: Vec<usize> = (0..self.context.jobs.len()).collect();
        self.pass(all, report_builder).await?;
        // Whoever held a task may have died since, or have finished it: then it is free.
        let left = std::mem::take(&mut self.claimed);
        if !left.is_empty() && !self.cancel.is_cancelled() {
            for index in left.keys() {
                let (job, _) = self.context.job(*index)?;
                *self.open.entry(self.context.commit_key(job)).or_default() += 1;
            }
            self.pass(left.into_keys().collect(), report_builder)
                .await?;
        } else {
            self.claimed = left;
        }
        if self.fetcher.lacks_batches.load(Ordering::Relaxed) {
            report_builder.report.notes.push(LACKS_BATCHES.to_owned());
        }
        for (index, report) in self.context.config.reports.iter().enumerate() {
            let not_tried = self.not_tried.get(&index).copied().unwrap_or(0);
            if let Some(reason) = self.fetcher.breaker.broken(index)
                && (not_tried > 0 || reason.code == ErrorCode::Refused)
            {
                report_builder.merge_alike_errors(&report.name, &reason, not_tried);
            }
        }
        if self.claimed.len() == self.context.jobs.len() {
            let holders = self
                .claimed
                .iter()
                .map(|(index, holder)| named(self.context, *index, holder));
            return Err(all_claimed(&holders.collect::<Result<Vec<_>>>()?).into());
        }
        for (index, holder) in &self.claimed {
            let (job, report) = self.context.job(*index)?;
            report_builder.summary(report).tasks.skipped += 1;
            report_builder.unfinished(
                self.context,
                job,
                report,
                UnfinishedStatus::Skipped,
                &format!("claimed by {holder}"),
                0,
            );
            report_builder.report.notes.push(format!(
                "left to another process: {}",
                named(self.context, *index, holder)?
            ));
        }
        Ok(())
    }

    async fn pass(
        &mut self,
        jobs: Vec<usize>,
        report_builder: &mut RunReportBuilder,
    ) -> Result<(), Errors> {
        let context = self.context;
        let mut fetches = Vec::new();
        for group in self.fetch_groups(&jobs)? {
            let fetcher = Arc::clone(&self.fetcher);
            fetches.push(async move { Box::pin(fetcher.fetch(group)).await });
        }
        let mut ends = stream::iter(fetches).buffer_unordered(GROUPS_AT_A_TIME);
        // Beside the fetching: answers under way must not wait for rows to be written, nor for another process.
        let mut commits = FuturesUnordered::new();
        let mut is_fetching = true;
        while is_fetching || !commits.is_empty() {
            tokio::select! {
                end = ends.next(), if is_fetching => match end {
                    Some(lot) => {
                        for end in lot {
                            if let Some((place, finished)) = self.on_task_done(end, report_builder)? {
                                report_builder.record_warnings(context, context.report(place.1)?, &finished);
                                commits.push(commit(context, place, finished, self.cancel));
                            }
                        }
                    }
                    None => is_fetching = false,
                },
                Some(ending) = commits.next() => self.committed(ending, report_builder)?,
            }
        }
        Ok(())
    }

    /// The jobs in groups, with their indices among all.
    fn fetch_groups(&self, jobs: &[usize]) -> Result<Vec<FetchGroup>> {
        let mut tasks: Vec<(SnapshotDate, &Task)> = Vec::with_capacity(jobs.len());
        for index in jobs {
            let (job, _) = self.context.job(*index)?;
            tasks.push((job.night, &job.task));
        }
        let today = self.context.clock.today();
        let mut groups = group_for_fetching(&self.context.config, &tasks, today);
        for group in &mut groups {
            for index in group.questions.iter_mut().flatten() {
                *index = jobs.get(*index).copied().unwrap_or(*index);
            }
        }
        Ok(groups)
    }

    /// Takes note of a job's end. Gives the partition's finished tasks where it was the last of them.
    fn on_task_done(
        &mut self,
        end: TaskOutcome,
        report_builder: &mut RunReportBuilder,
    ) -> Result<Option<(CommitKey, Vec<FetchedTask>)>> {
        let TaskOutcome {
            index,
            result,
            claim,
        } = end;
        let context = self.context;
        let (job, report) = context.job(index)?;
        let place = context.commit_key(job);
        if !matches!(result, TaskResult::Fetched(_)) {
            context.landing.release(job.night, &job.task.id);
        }
        match result {
            TaskResult::Fetched(finished) => {
                self.fetcher.breaker.succeeded(job.task.report);
                self.claims.entry(place).or_default().extend(claim);
                self.waiting.entry(place).or_default().push(*finished);
            }
            TaskResult::SkippedByBreaker(reason) => {
                *self.not_tried.entry(job.task.report).or_default() += 1;
                report_builder.not_tried(context, job, report, &reason);
            }
            TaskResult::FailedWithGroup(error) => {
                report_builder.record_failure(context, job, report, error);
            }
            TaskResult::Failed(error) => {
                self.fetcher.breaker.failed(job.task.report, &error);
                // No other task can succeed where the key is dead, the units are used up, or answers cannot be saved.
                if matches!(
                    error.code(),
                    ErrorCode::Unauthorized
                        | ErrorCode::Units
                        | ErrorCode::NotFree
                        | ErrorCode::Destination
                ) {
                    self.fetcher.cancel.cancel();
                }
                report_builder.record_failure(context, job, report, error);
            }
            TaskResult::AlreadyCommitted => report_builder.summary(report).tasks.skipped += 1,
            TaskResult::ClaimedElsewhere(holder) => {
                self.claimed.insert(index, holder);
            }
        }
        if !self.claimed.contains_key(&index) {
            context.progress.task_ended();
        }
        let left = self.open.entry(place).or_default();
        *left = left.saturating_sub(1);
        let finished = if *left == 0 {
            self.waiting.remove(&place)
        } else {
            None
        };
        Ok(finished.map(|finished| (place, finished)))
    }

    fn committed(
        &mut self,
        ending: CommitOutcome,
        report_builder: &mut RunReportBuilder,
    ) -> Result<(), Errors> {
        let CommitOutcome {
            place,
            jobs,
            outcome,
        } = ending;
        let report = self.context.report(place.1)?;
        match outcome {
            Ok(assembled) => report_builder.committed(
                report,
                assembled,
                jobs.iter().map(|(_, units)| units).sum(),
            ),
            Err(error) => report_builder.not_committed(self.context, report, &jobs, error)?,
        }
        for (index, _) in jobs {
            let (job, _) = self.context.job(index)?;
            self.context.landing.release(job.night, &job.task.id);
        }
        Lease::release_all(self.claims.remove(&place).unwrap_or_default());
        Ok(())
    }
}

/// Commits the finished tasks of one partition.
async fn commit(
    context: &Arc<RunContext>,
    place: CommitKey,
    finished: Vec<FetchedTask>,
    cancel: &CancellationToken,
) -> CommitOutcome {
    let jobs = finished
        .iter()
        .map(|task| (task.job, task.new_units))
        .collect();
    let outcome = assemble(context, place.0, place.1, finished, cancel).await;
    CommitOutcome {
        place,
        jobs,
        outcome,
    }
}
