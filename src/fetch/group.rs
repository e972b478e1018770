//! What is bought together, from claim to finished tasks: a question with its twins, or a pack of questions.
//!
//! A claim on the question is held while it is bought, so that no two processes buy it for different tasks; a claim on
//! each task until its partition is committed.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use crate::context::fetched_task::Finished;
use crate::context::run_context::Stage;
use crate::error::{Code, Error, Result};
use crate::fetch::batch;
use crate::fetch::batch::{Packer, Served, Wanting};
use crate::fetch::body::blocking;
use crate::fetch::circuit_breaker::{Breaker, Reason};
use crate::fetch::shared_answers::{Siblings, adopt};
use crate::fetch::task::Fetch;
use crate::limits::Shares;
use crate::plan::{self, Lot};
use crate::state::periods;
use crate::state::task_state;
use crate::store::Hold;
use crate::table::manifest::TaskEntry;

/// How a task ended.
pub(crate) enum Ended {
    Finished(Box<Finished>),
    Failed(Error),
    /// The task that was to pay for its answers failed: it would fail alike.
    FailedAlike(Error),
    /// Not begun: the report's tasks all fail alike.
    NotTried(Reason),
    /// Another process is at it.
    Claimed(String),
    /// Another process finished it in the meantime.
    AlreadyThere,
}

/// The end of a task, with the claim on it, which must live until the task's partition is committed.
pub(crate) struct End {
    pub index: usize,
    pub ended: Ended,
    pub claim: Option<Hold>,
}

/// Claims on a task and on what it asks, taken before its lot begins.
pub(crate) struct Claim {
    question: Hold,
    task: Hold,
}

/// A claim on a job and on its question, or who has one of them.
///
/// # Errors
/// [`Code::Destination`].
pub(crate) fn claim(stage: &Stage, index: usize) -> Result<std::result::Result<Claim, String>> {
    let question = match claim_question(stage, index)? {
        Ok(question) => question,
        Err(holder) => return Ok(Err(holder)),
    };
    Ok(claim_task(stage, index)?.map(|task| Claim { question, task }))
}

fn claim_task(stage: &Stage, index: usize) -> Result<std::result::Result<Hold, String>> {
    let (job, _) = stage.job(index)?;
    stage.store.claim(
        &crate::state::names::claim_name(job.night, &job.task.id),
        &stage.run_id,
        &stage.who,
    )
}

fn claim_question(stage: &Stage, index: usize) -> Result<std::result::Result<Hold, String>> {
    let (job, _) = stage.job(index)?;
    let name = format!(
        "{}/question-{}",
        job.night,
        plan::question(&stage.config, &job.task)
    );
    stage.store.claim(&name, &stage.run_id, &stage.who)
}

/// What the lots of a run share.
pub(crate) struct Desk<'a> {
    pub stage: &'a Arc<Stage>,
    pub refetch: bool,
    /// Ends the work where no further task can succeed.
    pub cancel: CancellationToken,
    pub breaker: Arc<Breaker>,
    /// Claims that were taken before the work began.
    pub early: Mutex<BTreeMap<usize, Claim>>,
    pub siblings: Siblings,
    /// The workspace's plan lacks requests for many targets.
    pub lacks_batches: Arc<AtomicBool>,
}

/// A task that may be fetched.
struct Ready {
    claim: Hold,
    /// What is committed of it.
    entry: Option<TaskEntry>,
    /// Units that this run has paid for it in a pack.
    units: u64,
}

enum Opened {
    Ready(Box<Ready>),
    Ended(Ended, Option<Box<Hold>>),
}

/// A group of a lot on its way.
struct Group {
    tasks: Vec<usize>,
    /// Claims on tasks that were taken beforehand.
    early: BTreeMap<usize, Hold>,
    /// Held until all of them have ended.
    _question: Hold,
    /// Its first task, once it was opened.
    first: Option<Result<Opened>>,
}

impl Desk<'_> {
    /// Brings every task of a lot to its end.
    pub async fn work(&self, lot: Lot) -> Vec<End> {
        let mut ends = Vec::new();
        let mut groups = Vec::new();
        for tasks in lot.groups {
            match self.group(&tasks).await {
                Ok(Ok(group)) => groups.push(group),
                Ok(Err(holder)) => {
                    let claimed = |index| End {
                        index,
                        ended: Ended::Claimed(holder.clone()),
                        claim: None,
                    };
                    ends.extend(tasks.into_iter().map(claimed));
                }
                Err(error) => {
                    let failed = |index| End {
                        index,
                        ended: Ended::Failed(alike(&error)),
                        claim: None,
                    };
                    ends.extend(tasks.into_iter().map(failed));
                }
            }
        }
        if groups.len() > 1 {
            self.buy_pack(&mut groups).await;
            // What was paid for comes first: targets without a row fail alike, which must not keep the others back.
            groups.sort_by_key(|group| !matches!(group.first, Some(Ok(Opened::Ready(_)))));
        }
        // The ends are told together: what fails alike meanwhile must not be tried a hundred times.
        let failures = Breaker::default();
        for group in groups {
            let of_report = group
                .tasks
                .first()
                .and_then(|index| self.stage.job(*index).ok())
                .map(|(job, _)| job.task.report);
            let broken = of_report.and_then(|report| failures.broken(report));
            if let Some(reason) = broken {
                let not_tried = |index| End {
                    index,
                    ended: Ended::NotTried(reason.clone()),
                    claim: None,
                };
                ends.extend(group.tasks.into_iter().map(not_tried));
                continue;
            }
            let ended = self.fetch_group(group).await;
            for End { ended, .. } in &ended {
                match (ended, of_report) {
                    (Ended::Failed(error), Some(report)) => failures.failed(report, error),
                    (Ended::Finished(_), Some(report)) => failures.succeeded(report),
                    _ => {}
                }
            }
            ends.extend(ended);
        }
        ends
    }

    async fn group(&self, tasks: &[usize]) -> Result<std::result::Result<Group, String>> {
        let mut early: BTreeMap<usize, Hold> = BTreeMap::new();
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
            (Some(question), _) => Ok(question),
            (None, Some(index)) => {
                let stage = Arc::clone(self.stage);
                blocking(move || claim_question(&stage, index)).await?
            }
            (None, None) => return Err(Error::new(Code::Internal, "a lot without a task")),
        };
        Ok(question.map(|question| Group {
            tasks: tasks.to_vec(),
            early,
            _question: question,
            first: None,
        }))
    }

    /// Opens the first task of each group and buys in packs what they have no answer to.
    async fn buy_pack(&self, groups: &mut [Group]) {
        let mut wanting = Vec::new();
        for group in groups.iter_mut() {
            let Some(index) = group.tasks.first().copied() else {
                continue;
            };
            let opened = self.open(index, group.early.remove(&index)).await;
            if let Ok(Opened::Ready(ready)) = &opened
                && let Ok(Some(question)) = self.question(index, ready).await
            {
                wanting.push(Wanting { index, question });
            }
            group.first = Some(opened);
        }
        let first = wanting
            .first()
            .and_then(|one| self.stage.job(one.index).ok());
        let packer = first.and_then(|(job, report)| {
            Packer::new(
                self.stage,
                report,
                job.night,
                &self.cancel,
                &self.lacks_batches,
            )
        });
        let Some(packer) = packer else { return };
        let mut served: BTreeMap<usize, Served> = packer.buy(wanting).await.into_iter().collect();
        for group in groups {
            let outcome = group.tasks.first().and_then(|index| served.remove(index));
            group.first = match (group.first.take(), outcome) {
                (Some(Ok(Opened::Ready(mut ready))), Some(Served::Units(units))) => {
                    ready.units = units;
                    Some(Ok(Opened::Ready(ready)))
                }
                (Some(Ok(Opened::Ready(ready))), Some(Served::Failed(error))) => Some(Ok(
                    Opened::Ended(Ended::Failed(error), Some(Box::new(ready.claim))),
                )),
                (first, _) => first,
            };
        }
    }

    async fn question(
        &self,
        index: usize,
        ready: &Ready,
    ) -> Result<Option<crate::fetch::task::Question>> {
        Fetch::new(self.stage, index, ready.entry.as_ref())?
            .first_question()
            .await
    }

    /// Fetches the first task that can be, and gives its answers to the others.
    async fn fetch_group(&self, mut group: Group) -> Vec<End> {
        let mut ends = Vec::with_capacity(group.tasks.len());
        let mut failed: Option<(Error, Shares)> = None;
        let mut first = group.first.take();
        for index in std::mem::take(&mut group.tasks) {
            let shares = self
                .stage
                .job(index)
                .map(|(job, _)| self.stage.shares(job))
                .unwrap_or_default();
            // Where a budget of its own stopped the first, another may still pay.
            let is_alike = |(error, spent): &&(Error, Shares)| {
                error.code() != Code::Budget || *spent == shares
            };
            if let Some((error, _)) = failed.as_ref().filter(is_alike) {
                ends.push(End {
                    index,
                    ended: Ended::FailedAlike(alike(error)),
                    claim: None,
                });
                continue;
            }
            let opened = match first.take() {
                Some(opened) => opened,
                None => self.open(index, group.early.remove(&index)).await,
            };
            let (ended, claim) = match opened {
                Ok(Opened::Ready(ready)) => self.fetch(index, *ready).await,
                Ok(Opened::Ended(ended, claim)) => (ended, claim.map(|claim| *claim)),
                Err(error) => (Ended::Failed(error), None),
            };
            if let Ended::Failed(error) = &ended {
                failed = Some((alike(error), shares));
            }
            ends.push(End {
                index,
                ended,
                claim,
            });
        }
        ends
    }

    /// Claims a task and finds out whether it is still to be fetched; answers of its twins become its own.
    async fn open(&self, index: usize, early: Option<Hold>) -> Result<Opened> {
        let (job, _) = self.stage.job(index)?;
        if let Some(reason) = self.breaker.broken(job.task.report) {
            return Ok(Opened::Ended(Ended::NotTried(reason), early.map(Box::new)));
        }
        if self.cancel.is_cancelled() {
            let error = Error::new(Code::Interrupted, "not begun: the run was ending");
            return Ok(Opened::Ended(Ended::Failed(error), None));
        }
        let shared = Arc::clone(self.stage);
        let claimed = blocking(move || {
            early.map_or_else(|| claim_task(&shared, index), |early| Ok(Ok(early)))
        })
        .await?;
        let claim = match claimed {
            Ok(claim) => claim,
            Err(holder) => return Ok(Opened::Ended(Ended::Claimed(holder), None)),
        };
        // Under the claim: whoever had it may have committed the task, or left its part of a pack.
        let (stage, is_first) = (Arc::clone(self.stage), claim.is_first());
        let (entry, is_whole) = blocking(move || {
            if !is_first {
                batch::settle_left(&stage)?;
            }
            let (job, report) = stage.job(index)?;
            stage.landing.hold(job.night, &job.task.id, is_first)?;
            // Days of a history are committed under the claims of other nights too.
            let entry = if is_first && !periods::is_history(report) {
                stage.entry_seen(job, report)?
            } else {
                task_state::entry(
                    &stage.store,
                    &stage.landing,
                    job.night,
                    report,
                    &job.task.id,
                )?
            };
            Ok((
                entry,
                task_state::is_answered(&stage.store, report, &job.task)?,
            ))
        })
        .await?;
        // What another process has paid for since this run began is not paid for again, not even by `--refetch`.
        if let Some(entry) = entry
            .as_ref()
            .filter(|entry| !self.refetch || entry.exported_at >= self.stage.started_at)
        {
            let changed = job
                .task
                .unanswered_by(&entry.asked, task_state::is_capped_by_max_rows(entry));
            if changed.is_empty()
                && is_whole
                && !task_state::is_open(&self.stage.landing, job.night, &job.task.id, Some(entry))?
            {
                return Ok(Opened::Ended(Ended::AlreadyThere, None));
            }
        }
        adopt(
            self.stage,
            index,
            entry.as_ref(),
            &self.siblings,
            self.refetch,
        )?;
        Ok(Opened::Ready(Box::new(Ready {
            claim,
            entry,
            units: 0,
        })))
    }

    async fn fetch(&self, index: usize, ready: Ready) -> (Ended, Option<Hold>) {
        let Ready {
            claim,
            entry,
            units,
        } = ready;
        let outcome = match Fetch::new(self.stage, index, entry.as_ref()) {
            Ok(fetch) => fetch.run(index, &self.cancel).await,
            Err(error) => Err(error),
        };
        let ended = match outcome {
            Ok(mut finished) => {
                finished.new_units += units;
                Ended::Finished(Box::new(finished))
            }
            Err(error) => {
                let units = error.units() + units;
                Ended::Failed(error.with_units(units))
            }
        };
        (ended, Some(claim))
    }
}

/// The same error for another task: what it is about and what it cost stay with the first.
pub(crate) fn alike(error: &Error) -> Error {
    let new = Error::new(error.code(), error.one_line()).with_next(error.next());
    let is_of_the_first = |key: &str| matches!(key, "report" | "target");
    let context = error
        .context()
        .iter()
        .filter(|(key, _)| !is_of_the_first(key));
    context.fold(new, |new, (key, value)| {
        new.with_context(key, value.as_str())
    })
}
