//! What is bought together, from claim to finished tasks: a question with its twins, or a pack of questions.
//!
//! A claim on the question is held while it is bought, so that no two processes buy it for different tasks; a claim on
//! each task until its partition is committed.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::batch;
use crate::fetch::batch::{BatchFetcher, BatchOutcome, PendingTask};
use crate::fetch::body::run_blocking;
use crate::fetch::circuit_breaker::{CircuitBreaker, FailureSignature};
use crate::fetch::shared_answers::{SharedAnswers, copy_shared_answers};
use crate::fetch::task::TaskFetcher;
use crate::limits::BudgetShares;
use crate::plan::{self, FetchGroup};
use crate::state::periods;
use crate::state::task_state;
use crate::store::{ClaimResult, Lease};
use crate::table::manifest::TaskEntry;

/// How a task ended.
pub(crate) enum TaskResult {
    FetchedTask(Box<FetchedTask>),
    Failed(Error),
    /// The task that was to pay for its answers failed: it would fail alike.
    FailedWithGroup(Error),
    /// Not begun: the report's tasks all fail alike.
    SkippedByBreaker(FailureSignature),
    /// Another process is at it.
    ClaimedElsewhere(String),
    /// Another process finished it in the meantime.
    AlreadyCommitted,
}

/// The end of a task, with the claim on it, which must live until the task's partition is committed.
pub(crate) struct TaskOutcome {
    pub index: usize,
    pub ended: TaskResult,
    pub claim: Option<Lease>,
}

/// Claims on a task and on what it asks, taken before its lot begins.
pub(crate) struct TaskClaim {
    question: Lease,
    task: Lease,
}

/// A claim on a job and on its question, or who has one of them.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn claim(context: &RunContext, index: usize) -> Result<ClaimResult<TaskClaim>> {
    let question = match claim_question(context, index)? {
        ClaimResult::Claimed(question) => question,
        ClaimResult::HeldBy(holder) => return Ok(ClaimResult::HeldBy(holder)),
    };
    Ok(claim_task(context, index)?.map(|task| TaskClaim { question, task }))
}

fn claim_task(context: &RunContext, index: usize) -> Result<ClaimResult<Lease>> {
    let (job, _) = context.job(index)?;
    context.store.claim(
        &crate::state::names::claim_name(job.night, &job.task.id),
        &context.run_id,
        &context.who,
    )
}

fn claim_question(context: &RunContext, index: usize) -> Result<ClaimResult<Lease>> {
    let (job, _) = context.job(index)?;
    let name = format!(
        "{}/question-{}",
        job.night,
        plan::question_fingerprint(&context.config, &job.task)
    );
    context.store.claim(&name, &context.run_id, &context.who)
}

/// What the lots of a run share.
pub(crate) struct GroupFetcher<'a> {
    pub context: &'a Arc<RunContext>,
    pub refetch: bool,
    /// Ends the work where no further task can succeed.
    pub cancel: CancellationToken,
    pub breaker: Arc<CircuitBreaker>,
    /// Claims that were taken before the work began.
    pub early: Mutex<BTreeMap<usize, TaskClaim>>,
    pub siblings: SharedAnswers,
    /// The workspace's plan lacks requests for many targets.
    pub lacks_batches: Arc<AtomicBool>,
}

/// A task that may be fetched.
struct ReadyTask {
    claim: Lease,
    /// What is committed of it.
    entry: Option<TaskEntry>,
    /// Units that this run has paid for it in a pack.
    units: u64,
}

enum ClaimedTask {
    ReadyTask(Box<ReadyTask>),
    TaskResult(TaskResult, Option<Box<Lease>>),
}

/// A group of a lot on its way.
struct SharedQuestion {
    tasks: Vec<usize>,
    /// Claims on tasks that were taken beforehand.
    early: BTreeMap<usize, Lease>,
    /// Held until all of them have ended.
    _question: Lease,
    /// Its first task, once it was opened.
    first: Option<Result<ClaimedTask>>,
}

impl GroupFetcher<'_> {
    /// Brings every task of a lot to its end.
    pub async fn work(&self, group: FetchGroup) -> Vec<TaskOutcome> {
        let mut ends = Vec::new();
        let mut groups = Vec::new();
        for tasks in group.questions {
            match self.group(&tasks).await {
                Ok(ClaimResult::Claimed(group)) => groups.push(group),
                Ok(ClaimResult::HeldBy(holder)) => {
                    let claimed = |index| TaskOutcome {
                        index,
                        ended: TaskResult::ClaimedElsewhere(holder.clone()),
                        claim: None,
                    };
                    ends.extend(tasks.into_iter().map(claimed));
                }
                Err(error) => {
                    let failed = |index| TaskOutcome {
                        index,
                        ended: TaskResult::Failed(error_for_other_task(&error)),
                        claim: None,
                    };
                    ends.extend(tasks.into_iter().map(failed));
                }
            }
        }
        if groups.len() > 1 {
            self.buy_pack(&mut groups).await;
            // What was paid for comes first: targets without a row fail alike, which must not keep the others back.
            groups.sort_by_key(|group| !matches!(group.first, Some(Ok(ClaimedTask::ReadyTask(_)))));
        }
        // The ends are told together: what fails alike meanwhile must not be tried a hundred times.
        let failures = CircuitBreaker::default();
        for group in groups {
            let of_report = group
                .tasks
                .first()
                .and_then(|index| self.context.job(*index).ok())
                .map(|(job, _)| job.task.report);
            let broken = of_report.and_then(|report| failures.broken(report));
            if let Some(reason) = broken {
                let not_tried = |index| TaskOutcome {
                    index,
                    ended: TaskResult::SkippedByBreaker(reason.clone()),
                    claim: None,
                };
                ends.extend(group.tasks.into_iter().map(not_tried));
                continue;
            }
            let ended = self.fetch_group(group).await;
            for TaskOutcome { ended, .. } in &ended {
                match (ended, of_report) {
                    (TaskResult::Failed(error), Some(report)) => failures.failed(report, error),
                    (TaskResult::FetchedTask(_), Some(report)) => failures.succeeded(report),
                    _ => {}
                }
            }
            ends.extend(ended);
        }
        ends
    }

    async fn group(&self, tasks: &[usize]) -> Result<ClaimResult<SharedQuestion>> {
        let mut early: BTreeMap<usize, Lease> = BTreeMap::new();
        let mut question = None;
        {
            let mut known = self.early.lock().unwrap_or_else(PoisonError::into_inner);
            for index in tasks {
                if let Some(claim) = known.remove(index) {
                    early.insert(*index, claim.task);
                    question = Some(claim.question);
                }
            }
        }
        let question = match (question, tasks.first().copied()) {
            (Some(question), _) => ClaimResult::Claimed(question),
            (None, Some(index)) => {
                let context = Arc::clone(self.context);
                run_blocking(move || claim_question(&context, index)).await?
            }
            (None, None) => return Err(Error::new(ErrorCode::Internal, "a lot without a task")),
        };
        Ok(question.map(|question| SharedQuestion {
            tasks: tasks.to_vec(),
            early,
            _question: question,
            first: None,
        }))
    }

    /// Opens the first task of each group and buys in packs what they have no answer to.
    async fn buy_pack(&self, groups: &mut [SharedQuestion]) {
        let mut wanting = Vec::new();
        for group in groups.iter_mut() {
            let Some(index) = group.tasks.first().copied() else {
                continue;
            };
            let opened = self.open(index, group.early.remove(&index)).await;
            if let Ok(ClaimedTask::ReadyTask(ready)) = &opened
                && let Ok(Some(question)) = self.question(index, ready).await
            {
                wanting.push(PendingTask { index, question });
            }
            group.first = Some(opened);
        }
        let first = wanting
            .first()
            .and_then(|one| self.context.job(one.index).ok());
        let packer = first.and_then(|(job, report)| {
            BatchFetcher::new(
                self.context,
                report,
                job.night,
                &self.cancel,
                &self.lacks_batches,
            )
        });
        let Some(packer) = packer else { return };
        let mut served: BTreeMap<usize, BatchOutcome> =
            packer.buy(wanting).await.into_iter().collect();
        for group in groups {
            let outcome = group.tasks.first().and_then(|index| served.remove(index));
            group.first = match (group.first.take(), outcome) {
                (Some(Ok(ClaimedTask::ReadyTask(mut ready))), Some(BatchOutcome::Units(units))) => {
                    ready.units = units;
                    Some(Ok(ClaimedTask::ReadyTask(ready)))
                }
                (Some(Ok(ClaimedTask::ReadyTask(ready))), Some(BatchOutcome::Failed(error))) => {
                    Some(Ok(ClaimedTask::TaskResult(
                        TaskResult::Failed(error),
                        Some(Box::new(ready.claim)),
                    )))
                }
                (first, _) => first,
            };
        }
    }

    async fn question(
        &self,
        index: usize,
        ready: &ReadyTask,
    ) -> Result<Option<crate::fetch::task::FirstRequest>> {
        TaskFetcher::new(self.context, index, ready.entry.as_ref())?
            .first_question()
            .await
    }

    /// Fetches the first task that can be, and gives its answers to the others.
    async fn fetch_group(&self, mut group: SharedQuestion) -> Vec<TaskOutcome> {
        let mut ends = Vec::with_capacity(group.tasks.len());
        let mut failed: Option<(Error, BudgetShares)> = None;
        let mut first = group.first.take();
        for index in std::mem::take(&mut group.tasks) {
            let shares = self
                .context
                .job(index)
                .map(|(job, _)| self.context.shares(job))
                .unwrap_or_default();
            // Where a budget of its own stopped the first, another may still pay.
            let is_alike = |(error, spent): &&(Error, BudgetShares)| {
                error.code() != ErrorCode::Budget || *spent == shares
            };
            if let Some((error, _)) = failed.as_ref().filter(is_alike) {
                ends.push(TaskOutcome {
                    index,
                    ended: TaskResult::FailedWithGroup(error_for_other_task(error)),
                    claim: None,
                });
                continue;
            }
            let opened = match first.take() {
                Some(opened) => opened,
                None => self.open(index, group.early.remove(&index)).await,
            };
            let (ended, claim) = match opened {
                Ok(ClaimedTask::ReadyTask(ready)) => self.fetch(index, *ready).await,
                Ok(ClaimedTask::TaskResult(ended, claim)) => (ended, claim.map(|claim| *claim)),
                Err(error) => (TaskResult::Failed(error), None),
            };
            if let TaskResult::Failed(error) = &ended {
                failed = Some((error_for_other_task(error), shares));
            }
            ends.push(TaskOutcome {
                index,
                ended,
                claim,
            });
        }
        ends
    }

    /// Claims a task and finds out whether it is still to be fetched; answers of its twins become its own.
    async fn open(&self, index: usize, early: Option<Lease>) -> Result<ClaimedTask> {
        let (job, _) = self.context.job(index)?;
        if let Some(reason) = self.breaker.broken(job.task.report) {
            return Ok(ClaimedTask::TaskResult(
                TaskResult::SkippedByBreaker(reason),
                early.map(Box::new),
            ));
        }
        if self.cancel.is_cancelled() {
            let error = Error::new(ErrorCode::Interrupted, "not begun: the run was ending");
            return Ok(ClaimedTask::TaskResult(TaskResult::Failed(error), None));
        }
        let shared = Arc::clone(self.context);
        let claimed = run_blocking(move || {
            early.map_or_else(
                || claim_task(&shared, index),
                |early| Ok(ClaimResult::Claimed(early)),
            )
        })
        .await?;
        let claim = match claimed {
            ClaimResult::Claimed(claim) => claim,
            ClaimResult::HeldBy(holder) => {
                return Ok(ClaimedTask::TaskResult(
                    TaskResult::ClaimedElsewhere(holder),
                    None,
                ));
            }
        };
        // Under the claim: whoever had it may have committed the task, or left its part of a pack.
        let (context, is_first) = (Arc::clone(self.context), claim.is_first_holder());
        let (entry, is_whole) = run_blocking(move || {
            if !is_first {
                batch::split_leftover_batches(&context)?;
            }
            let (job, report) = context.job(index)?;
            context
                .landing
                .mark_claimed(job.night, &job.task.id, is_first)?;
            // Days of a history are committed under the claims of other nights too.
            let entry = if is_first && !periods::is_history(report) {
                context.entry_at_first_sight(job, report)?
            } else {
                task_state::committed_entry(
                    &context.store,
                    &context.landing,
                    job.night,
                    report,
                    &job.task.id,
                )?
            };
            Ok((
                entry,
                task_state::is_answered(&context.store, report, &job.task)?,
            ))
        })
        .await?;
        // What another process has paid for since this run began is not paid for again, not even by `--refetch`.
        if let Some(entry) = entry
            .as_ref()
            .filter(|entry| !self.refetch || entry.exported_at >= self.context.started_at)
        {
            let changed = job
                .task
                .spec
                .stale_fields(&entry.spec, task_state::is_capped_by_max_rows(entry));
            if changed.is_empty()
                && is_whole
                && !task_state::is_unfinished(
                    &self.context.landing,
                    job.night,
                    &job.task.id,
                    Some(entry),
                )?
            {
                return Ok(ClaimedTask::TaskResult(TaskResult::AlreadyCommitted, None));
            }
        }
        copy_shared_answers(
            self.context,
            index,
            entry.as_ref(),
            &self.siblings,
            self.refetch,
        )?;
        Ok(ClaimedTask::ReadyTask(Box::new(ReadyTask {
            claim,
            entry,
            units: 0,
        })))
    }

    async fn fetch(&self, index: usize, ready: ReadyTask) -> (TaskResult, Option<Lease>) {
        let ReadyTask {
            claim,
            entry,
            units,
        } = ready;
        let outcome = match TaskFetcher::new(self.context, index, entry.as_ref()) {
            Ok(fetch) => fetch.run(index, &self.cancel).await,
            Err(error) => Err(error),
        };
        let ended = match outcome {
            Ok(mut finished) => {
                finished.new_units += units;
                TaskResult::FetchedTask(Box::new(finished))
            }
            Err(error) => {
                let units = error.units() + units;
                TaskResult::Failed(error.with_units(units))
            }
        };
        (ended, Some(claim))
    }
}

/// The same error for another task: what it is about and what it cost stay with the first.
pub(crate) fn error_for_other_task(error: &Error) -> Error {
    let new = Error::new(error.code(), error.one_line()).with_hint(error.hint());
    let is_of_the_first = |key: &str| matches!(key, "report" | "target");
    let context = error
        .context()
        .iter()
        .filter(|(key, _)| !is_of_the_first(key));
    context.fold(new, |new, (key, value)| {
        new.with_context(key, value.as_str())
    })
}
