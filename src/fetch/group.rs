//! Fetches groups of tasks, from claim to result: tasks with the same question, or questions that share a batch.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::batch::{BatchFetcher, BatchOutcome, PendingTask};
use crate::fetch::batch_split::split_leftover_batches;
use crate::fetch::body::run_blocking;
use crate::fetch::circuit_breaker::CircuitBreaker;
use crate::fetch::shared_answers::{SharedAnswers, copy_shared_answers};
use crate::fetch::task::{FirstRequest, TaskFetcher};
use crate::fetch::task_claim::{TaskClaim, claim_question, claim_task};
use crate::fetch::task_outcome::{TaskOutcome, TaskResult, error_for_other_task};
use crate::limits::BudgetShares;
use crate::plan::{FetchGroup, ScheduledTask};
use crate::state::periods;
use crate::state::task_state;
use crate::store::{ClaimResult, Lease};
use crate::table::manifest::TaskEntry;

/// What the groups of a run share.
pub(crate) struct GroupFetcher<'a> {
    pub context: &'a Arc<RunContext>,
    pub refetch: bool,
    /// Cancels the work where no further task can succeed.
    pub cancel: CancellationToken,
    pub breaker: Arc<CircuitBreaker>,
    /// Claims that were acquired before the run started to fetch.
    pub preclaimed: Mutex<BTreeMap<usize, TaskClaim>>,
    pub shared_answers: SharedAnswers,
    /// The workspace's plan lacks requests for many targets.
    pub lacks_batches: Arc<AtomicBool>,
}

/// A claimed task that is still to be fetched.
struct ClaimedTask {
    claim: Lease,
    /// Its committed entry.
    entry: Option<TaskEntry>,
    /// Units of this run for its share of a batch.
    units: u64,
}

/// How a task starts.
enum TaskStart {
    /// It can be fetched.
    Ready(Box<ClaimedTask>),
    /// It has its result, with the claim if there is one.
    Finished(TaskResult, Option<Box<Lease>>),
}

/// Tasks with the same question.
struct SharedQuestion {
    tasks: Vec<usize>,
    /// Claims on tasks that were acquired beforehand.
    preclaimed: BTreeMap<usize, Lease>,
    /// Held until all of them have a result.
    _question: Lease,
    /// The start of its first task, once that was claimed.
    first: Option<Result<TaskStart>>,
}

impl TaskStart {
    /// The start after the batch that the task was part of.
    fn after_batch(self, outcome: BatchOutcome) -> Self {
        match (self, outcome) {
            (Self::Ready(mut task), BatchOutcome::Units(units)) => {
                task.units = units;
                Self::Ready(task)
            }
            (Self::Ready(task), BatchOutcome::Failed(error)) => {
                Self::Finished(TaskResult::Failed(error), Some(Box::new(task.claim)))
            }
            (start, _) => start,
        }
    }
}

impl GroupFetcher<'_> {
    /// Fetches a group: the outcome of each of its tasks.
    pub async fn fetch(&self, group: FetchGroup) -> Vec<TaskOutcome> {
        let mut outcomes = Vec::new();
        let mut questions = Vec::new();
        for tasks in group.questions {
            match self.claim_shared_question(&tasks).await {
                Ok(ClaimResult::Claimed(question)) => questions.push(question),
                Ok(ClaimResult::HeldBy(holder)) => {
                    for index in tasks {
                        let result = TaskResult::ClaimedElsewhere(holder.clone());
                        outcomes.push(TaskOutcome::unclaimed(index, result));
                    }
                }
                Err(error) => {
                    for index in tasks {
                        let result = TaskResult::Failed(error_for_other_task(&error));
                        outcomes.push(TaskOutcome::unclaimed(index, result));
                    }
                }
            }
        }
        if questions.len() > 1 {
            self.fetch_batches(&mut questions).await;
            // Saved answers first: targets without a row fail in the same way, which must not stop the others.
            questions
                .sort_by_key(|question| !matches!(question.first, Some(Ok(TaskStart::Ready(_)))));
        }
        self.fetch_questions(questions, &mut outcomes).await;
        outcomes
    }

    /// Fetches questions one after the other. The caller gets the outcomes together, so failures are counted here too:
    /// what fails in the same way each time must not be tried a hundred times.
    async fn fetch_questions(
        &self,
        questions: Vec<SharedQuestion>,
        outcomes: &mut Vec<TaskOutcome>,
    ) {
        let breaker = CircuitBreaker::default();
        for question in questions {
            let report = self.report_of(question.tasks.first().copied());
            if let Some(report) = report
                && let Some(reason) = breaker.broken(report)
            {
                for index in question.tasks {
                    let result = TaskResult::SkippedByBreaker(reason.clone());
                    outcomes.push(TaskOutcome::unclaimed(index, result));
                }
                continue;
            }
            let fetched = self.fetch_question(question).await;
            for TaskOutcome { result, .. } in &fetched {
                match (result, report) {
                    (TaskResult::Failed(error), Some(report)) => breaker.failed(report, error),
                    (TaskResult::Fetched(_), Some(report)) => breaker.succeeded(report),
                    _ => {}
                }
            }
            outcomes.extend(fetched);
        }
    }

    fn report_of(&self, index: Option<usize>) -> Option<usize> {
        let (job, _) = self.context.job(index?).ok()?;
        Some(job.task.report)
    }

    async fn claim_shared_question(&self, tasks: &[usize]) -> Result<ClaimResult<SharedQuestion>> {
        let (preclaimed, question) = self.take_preclaimed(tasks);
        let question = match (question, tasks.first().copied()) {
            (Some(question), _) => ClaimResult::Claimed(question),
            (None, Some(index)) => {
                let context = Arc::clone(self.context);
                run_blocking(move || claim_question(&context, index)).await?
            }
            (None, None) => return Err(Error::new(ErrorCode::Internal, "a group without a task")),
        };
        Ok(question.map(|question| SharedQuestion {
            tasks: tasks.to_vec(),
            preclaimed,
            _question: question,
            first: None,
        }))
    }

    /// The claims that were acquired beforehand: on tasks, and on their question.
    fn take_preclaimed(&self, tasks: &[usize]) -> (BTreeMap<usize, Lease>, Option<Lease>) {
        let mut all = self
            .preclaimed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut preclaimed = BTreeMap::new();
        let mut question = None;
        for index in tasks {
            if let Some(claim) = all.remove(index) {
                preclaimed.insert(*index, claim.task);
                question = Some(claim.question);
            }
        }
        drop(all);
        (preclaimed, question)
    }

    /// Claims the first task of each question and fetches those without an answer in batches.
    async fn fetch_batches(&self, questions: &mut [SharedQuestion]) {
        let mut pending = Vec::new();
        for question in questions.iter_mut() {
            let Some(index) = question.tasks.first().copied() else {
                continue;
            };
            let start = self.start(index, question.preclaimed.remove(&index)).await;
            if let Ok(TaskStart::Ready(task)) = &start
                && let Ok(Some(first_request)) = self.first_request(index, task).await
            {
                pending.push(PendingTask {
                    index,
                    first_request,
                });
            }
            question.first = Some(start);
        }
        let Some(fetcher) = self.batch_fetcher(&pending) else {
            return;
        };
        let mut outcomes: BTreeMap<usize, BatchOutcome> =
            fetcher.fetch(pending).await.into_iter().collect();
        for question in questions {
            if let Some(index) = question.tasks.first()
                && let Some(outcome) = outcomes.remove(index)
            {
                question.first = match question.first.take() {
                    Some(Ok(start)) => Some(Ok(start.after_batch(outcome))),
                    other => other,
                };
            }
        }
    }

    fn batch_fetcher(&self, pending: &[PendingTask]) -> Option<BatchFetcher<'_>> {
        let (job, report) = self.context.job(pending.first()?.index).ok()?;
        BatchFetcher::new(
            self.context,
            report,
            job.night,
            &self.cancel,
            &self.lacks_batches,
        )
    }

    async fn first_request(
        &self,
        index: usize,
        task: &ClaimedTask,
    ) -> Result<Option<FirstRequest>> {
        TaskFetcher::new(self.context, index, task.entry.as_ref())?
            .first_request()
            .await
    }

    /// Fetches the first task that can be fetched, and copies its answers to the others.
    async fn fetch_question(&self, mut question: SharedQuestion) -> Vec<TaskOutcome> {
        let mut outcomes = Vec::with_capacity(question.tasks.len());
        let mut failed: Option<(Error, BudgetShares)> = None;
        let mut first = question.first.take();
        for index in std::mem::take(&mut question.tasks) {
            let shares = match self.context.job(index) {
                Ok((job, _)) => self.context.shares(job),
                Err(_) => BudgetShares::default(),
            };
            // Where a budget of its own stopped the first task, another budget may cover the next.
            if let Some((error, exhausted)) = &failed
                && (error.code() != ErrorCode::Budget || *exhausted == shares)
            {
                let result = TaskResult::FailedWithGroup(error_for_other_task(error));
                outcomes.push(TaskOutcome::unclaimed(index, result));
                continue;
            }
            let start = match first.take() {
                Some(start) => start,
                None => self.start(index, question.preclaimed.remove(&index)).await,
            };
            let (result, claim) = match start {
                Ok(TaskStart::Ready(task)) => self.fetch_task(index, *task).await,
                Ok(TaskStart::Finished(result, claim)) => (result, claim.map(|claim| *claim)),
                Err(error) => (TaskResult::Failed(error), None),
            };
            if let TaskResult::Failed(error) = &result {
                failed = Some((error_for_other_task(error), shares));
            }
            outcomes.push(TaskOutcome {
                index,
                result,
                claim,
            });
        }
        outcomes
    }

    /// Claims a task and finds out whether it is still to be fetched; answers to the same question are copied to it.
    async fn start(&self, index: usize, preclaimed: Option<Lease>) -> Result<TaskStart> {
        let (job, _) = self.context.job(index)?;
        if let Some(reason) = self.breaker.broken(job.task.report) {
            let result = TaskResult::SkippedByBreaker(reason);
            return Ok(TaskStart::Finished(result, preclaimed.map(Box::new)));
        }
        if self.cancel.is_cancelled() {
            let error = Error::new(ErrorCode::Interrupted, "not started: the run was stopping");
            return Ok(TaskStart::Finished(TaskResult::Failed(error), None));
        }
        let claimed = if let Some(claim) = preclaimed {
            ClaimResult::Claimed(claim)
        } else {
            let context = Arc::clone(self.context);
            run_blocking(move || claim_task(&context, index)).await?
        };
        let claim = match claimed {
            ClaimResult::Claimed(claim) => claim,
            ClaimResult::HeldBy(holder) => {
                let result = TaskResult::ClaimedElsewhere(holder);
                return Ok(TaskStart::Finished(result, None));
            }
        };
        let context = Arc::clone(self.context);
        let is_first_holder = claim.is_first_holder();
        let (entry, is_answered) =
            run_blocking(move || committed_state(&context, index, is_first_holder)).await?;
        if let Some(entry) = &entry
            && self.is_already_committed(job, entry, is_answered)?
        {
            return Ok(TaskStart::Finished(TaskResult::AlreadyCommitted, None));
        }
        copy_shared_answers(
            self.context,
            index,
            entry.as_ref(),
            &self.shared_answers,
            self.refetch,
        )?;
        Ok(TaskStart::Ready(Box::new(ClaimedTask {
            claim,
            entry,
            units: 0,
        })))
    }

    /// Whether a committed entry leaves nothing to be fetched. What another process has fetched since this run started is
    /// not fetched again, not even with `--refetch`.
    fn is_already_committed(
        &self,
        job: &ScheduledTask,
        entry: &TaskEntry,
        is_answered: bool,
    ) -> Result<bool> {
        if self.refetch && entry.exported_at < self.context.started_at {
            return Ok(false);
        }
        let is_capped = task_state::is_capped_by_max_rows(entry);
        let stale_fields = job.task.spec.stale_fields(&entry.spec, is_capped);
        if !stale_fields.is_empty() || !is_answered {
            return Ok(false);
        }
        let landing = &self.context.landing;
        let is_unfinished =
            task_state::is_unfinished(landing, job.night, &job.task.id, Some(entry))?;
        Ok(!is_unfinished)
    }

    async fn fetch_task(&self, index: usize, task: ClaimedTask) -> (TaskResult, Option<Lease>) {
        let outcome = match TaskFetcher::new(self.context, index, task.entry.as_ref()) {
            Ok(fetcher) => fetcher.run(index, &self.cancel).await,
            Err(error) => Err(error),
        };
        let result = match outcome {
            Ok(mut fetched) => {
                fetched.new_units += task.units;
                TaskResult::Fetched(Box::new(fetched))
            }
            Err(error) => {
                let units = error.units() + task.units;
                TaskResult::Failed(error.with_units(units))
            }
        };
        (result, Some(task.claim))
    }
}

/// The committed entry of a claimed task, and whether every day that it asks for is committed. The process that held the
/// claim before may have committed the task, or left its share of a batch unsplit.
fn committed_state(
    context: &RunContext,
    index: usize,
    is_first_holder: bool,
) -> Result<(Option<TaskEntry>, bool)> {
    if !is_first_holder {
        split_leftover_batches(context)?;
    }
    let (job, report) = context.job(index)?;
    context
        .landing
        .mark_claimed(job.night, &job.task.id, is_first_holder)?;
    // Days of a history are committed under the claims of other nights too.
    let entry = if is_first_holder && !periods::is_history(report) {
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
    let is_answered = task_state::is_answered(&context.store, report, &job.task)?;
    Ok((entry, is_answered))
}
