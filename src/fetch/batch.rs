//! Batches: one request for many targets, whose answer is split among their tasks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio_util::sync::CancellationToken;

use crate::api::{AttemptRecord, BodyCheck, KeyRing, Outcome, Quote};
use crate::catalog::{Endpoint, Pricing};
use crate::config::Report;
use crate::context::fetched_task::interrupted_error;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::batch_body::{self, AnswerTemplate, normalized_target, query_value, split_body};
use crate::fetch::batch_split::{BatchMember, MemberAnswer, save_batch};
use crate::fetch::body::{decompressed_without_key, run_blocking, with_interrupt_grace};
use crate::fetch::task::FirstRequest;
use crate::fetch::task_outcome::error_for_other_task;
use crate::ledger::request_log::RequestLabels;
use crate::limits::BudgetShares;
use crate::model::{Answer, Request, SnapshotDate};
use crate::plan::{batch_columns, batch_operation_for, batch_units};
use crate::report::{UnitOverhead, UnitUsage};

/// A task that waits for its share of a batch.
pub(crate) struct PendingTask {
    /// Index into the run's jobs.
    pub index: usize,
    /// What it would request alone.
    pub first_request: FirstRequest,
}

/// The outcome of a batch for one of its tasks.
pub(crate) enum BatchOutcome {
    /// Its answer is saved; its share of the units.
    Units(u64),
    /// It has to send a request of its own.
    FetchAlone,
    /// It failed.
    Failed(Error),
}

/// Fetches batches for tasks of one report and night.
pub(crate) struct BatchFetcher<'a> {
    context: &'a Arc<RunContext>,
    report: &'a Report,
    /// The operation that answers for many targets.
    endpoint: &'static Endpoint,
    /// The report's columns, each with its name in the batch.
    columns: Vec<(String, String)>,
    cancel: &'a CancellationToken,
    /// The workspace's plan lacks the operation.
    lacks_batches: &'a AtomicBool,
}

impl<'a> BatchFetcher<'a> {
    /// Batches for a report; `None` where each of its tasks sends a request of its own.
    pub fn new(
        context: &'a Arc<RunContext>,
        report: &'a Report,
        night: SnapshotDate,
        cancel: &'a CancellationToken,
        lacks_batches: &'a AtomicBool,
    ) -> Option<Self> {
        let is_today = night.date() == context.clock.today();
        let (endpoint, columns) = batch_operation_for(report, is_today)?;
        if lacks_batches.load(Ordering::Relaxed) {
            return None;
        }
        Some(Self {
            context,
            report,
            endpoint,
            columns,
            cancel,
            lacks_batches,
        })
    }

    /// Fetches the tasks in as few requests as the API, its limits and the budget allow. A request that is refused is
    /// free, so a rejected target is found by requesting fewer at a time.
    pub async fn fetch(&self, pending: Vec<PendingTask>) -> Vec<(usize, BatchOutcome)> {
        let mut outcomes = Vec::new();
        let mut queue = VecDeque::from([pending]);
        while let Some(mut batch) = queue.pop_front() {
            if batch.len() < 2 || self.lacks_batches.load(Ordering::Relaxed) {
                for task in batch {
                    outcomes.push((task.index, BatchOutcome::FetchAlone));
                }
                continue;
            }
            let error = match self.send(&batch).await {
                Ok(sent) => {
                    outcomes.extend(sent);
                    continue;
                }
                Err(error) => error,
            };
            let Some(first_len) = self.smaller_batch(&mut batch, &error) else {
                outcomes.extend(all_failed(&batch, &error));
                continue;
            };
            let rest = batch.split_off(first_len.min(batch.len()));
            for smaller in [batch, rest] {
                if !smaller.is_empty() {
                    queue.push_back(smaller);
                }
            }
        }
        outcomes
    }

    /// How many tasks the first of two smaller batches has after a failure; `None` if the batch cannot be tried again.
    fn smaller_batch(&self, batch: &mut Vec<PendingTask>, error: &Error) -> Option<usize> {
        match error.code() {
            ErrorCode::Budget => self.affordable(batch),
            ErrorCode::Refused => {
                let target = error.context_value("bad target")?;
                Some(isolate_rejected_target(self.context, batch, target))
            }
            ErrorCode::Timeout if batch.len() > 2 => Some(batch.len() / 2),
            ErrorCode::Plan if self.report.endpoint.name != self.endpoint.name => {
                self.lacks_batches.store(true, Ordering::Relaxed);
                Some(batch.len())
            }
            _ => None,
        }
    }

    /// How many of the tasks the rest of the budget covers; `None` if none, or all.
    fn affordable(&self, batch: &[PendingTask]) -> Option<usize> {
        let (job, _) = self.context.job(batch.first()?.index).ok()?;
        let client = self.context.client().ok()?;
        let left = client.meter().available(self.context.shares(job))?;
        (1..batch.len())
            .rev()
            .find(|&number| batch_units(self.endpoint, &self.columns, number) <= left)
    }

    /// Sends one request and splits its answer.
    async fn send(&self, batch: &[PendingTask]) -> Result<Vec<(usize, BatchOutcome)>> {
        if self.cancel.is_cancelled() {
            return Err(interrupted_error());
        }
        let context = self.context;
        context.ensure_lease_held()?;
        let labels = self.request_labels(batch)?;
        let (request, quote) = self.request(batch)?;
        let worst = quote.worst;
        let template = AnswerTemplate::of(self.report.endpoint, self.endpoint, &self.columns);
        let client = context.client()?;
        let first = labels.first().cloned().unwrap_or_default();
        let sent = with_interrupt_grace(
            &context.clock,
            self.cancel,
            client.send_recorded(
                &request,
                quote,
                &|attempted| self.record_unanswered(&first, attempted),
                |answer| std::future::ready(checked(answer, client.keys(), &template, batch.len())),
            ),
        )
        .await?;
        let units = sent.units;
        let mut members = Vec::with_capacity(batch.len());
        for task in batch {
            members.push(BatchMember::new(&task.first_request, &template));
        }
        let shared = Arc::clone(context);
        let answers =
            run_blocking(move || save_batch(&shared, request, sent.value, units, &members))
                .await
                .map_err(|error| error.with_units(units))?;
        self.record_shares(&labels, &answers, worst, units);
        Ok(self.outcomes(batch, answers, units))
    }

    fn request_labels(&self, batch: &[PendingTask]) -> Result<Vec<RequestLabels>> {
        let mut labels = Vec::with_capacity(batch.len());
        for task in batch {
            let (job, report) = self.context.job(task.index)?;
            let own = RequestLabels::of(&self.context.config, job, report);
            labels.push(own.asking(&self.endpoint.name));
        }
        Ok(labels)
    }

    /// The request for all tasks of a batch, with its price in the worst case.
    fn request(&self, batch: &[PendingTask]) -> Result<(Request, Quote)> {
        let mut queries = Vec::with_capacity(batch.len());
        let mut shares = BudgetShares::default();
        for task in batch {
            let (job, _) = self.context.job(task.index)?;
            shares = self.context.shares(job);
            queries.push(job.task.query.as_slice());
        }
        let columns = batch_columns(&self.columns);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let quote = Quote {
            worst: batch_units(self.endpoint, &self.columns, batch.len()),
            shares,
        };
        Ok((
            batch_body::request(self.endpoint, &columns, &queries),
            quote,
        ))
    }

    /// Records an attempt, except the one that was answered: its units are recorded as the shares of its tasks.
    fn record_unanswered(&self, labels: &RequestLabels, attempted: AttemptRecord) {
        if !matches!(attempted.outcome, Outcome::Answered { .. }) {
            self.context.note(labels, attempted);
        }
    }

    /// Records the share of each task in the request log; the request itself is counted with the first of them.
    fn record_shares(
        &self,
        labels: &[RequestLabels],
        answers: &[MemberAnswer],
        expected: u64,
        units: u64,
    ) {
        let rows = answers.iter().filter(|own| own.answer.is_some()).count();
        self.context.progress.answer(rows, units);
        let mut is_first = true;
        for (labels, own) in labels.iter().zip(answers) {
            let Some(saved) = &own.answer else {
                continue;
            };
            let mut usage = UnitUsage {
                units: saved.header.units,
                ..UnitUsage::default()
            };
            if is_first {
                let is_cache_hit = saved.header.price.cache_hit;
                usage.requests = 1;
                usage.answers = 1;
                usage.cache_hits = u64::from(is_cache_hit);
                usage.free = u64::from(units == 0 && !is_cache_hit);
                usage.expected = expected;
                usage.wasted = self.overhead_units(units, rows);
                is_first = false;
            }
            self.context
                .spending
                .record_batch_share(labels, saved.header.received_at, usage);
        }
        if is_first && let Some(labels) = labels.first() {
            let outcome = Outcome::ChargedButUnusable { units };
            self.context
                .note(labels, AttemptRecord { expected, outcome });
        }
    }

    /// Of the units of a batch, those that brought no row.
    fn overhead_units(&self, units: u64, rows: usize) -> UnitOverhead {
        if self.endpoint.pricing != Pricing::PerRow || units == 0 {
            return UnitOverhead::default();
        }
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let requested = batch_columns(&self.columns);
        let requested = requested.iter().map(String::as_str);
        let own = self.columns.iter().map(|(_, batch)| batch.as_str());
        let requested_per_row = self.endpoint.units_per_row(requested);
        let own_per_row = self.endpoint.units_per_row(own);
        let surcharge_per_row = requested_per_row.saturating_sub(own_per_row);
        UnitOverhead {
            minimums: units.saturating_sub(rows.saturating_mul(requested_per_row)),
            surcharge: rows.saturating_mul(surcharge_per_row).min(units),
            ..UnitOverhead::default()
        }
    }

    /// The outcome for each task. The units of an answer without any row are charged to the first task.
    fn outcomes(
        &self,
        batch: &[PendingTask],
        answers: Vec<MemberAnswer>,
        units: u64,
    ) -> Vec<(usize, BatchOutcome)> {
        let is_empty = answers.iter().all(|own| own.answer.is_none());
        let mut uncharged = if is_empty { units } else { 0 };
        let mut outcomes = Vec::with_capacity(batch.len());
        for (position, (task, own)) in batch.iter().zip(answers).enumerate() {
            let outcome = if let Some(saved) = own.answer {
                BatchOutcome::Units(saved.header.units)
            } else {
                let error = self.missing_row(task.index, position, batch.len());
                BatchOutcome::Failed(error.with_units(std::mem::take(&mut uncharged)))
            };
            outcomes.push((task.index, outcome));
        }
        outcomes
    }

    fn missing_row(&self, index: usize, position: usize, num_targets: usize) -> Error {
        let target = match self.context.job(index) {
            Ok((job, _)) => self.context.target_name(&job.task),
            Err(_) => "",
        };
        let message = format!("the answer for {num_targets} targets has no row of this one");
        Error::new(ErrorCode::Value, message)
            .with_context("endpoint", &self.endpoint.name)
            .with_context("index", position.to_string())
            .with_context("target", target)
            .with_hint(
                "run the same command again; if it repeats, remove the target from the report",
            )
    }
}

/// Moves the targets that the API rejected behind the others and returns how many are before them; half of all where it
/// named none of them.
fn isolate_rejected_target(
    context: &RunContext,
    batch: &mut Vec<PendingTask>,
    named: &str,
) -> usize {
    let named = normalized_target(named);
    let mut accepted = Vec::new();
    let mut rejected = Vec::new();
    for task in batch.drain(..) {
        let target = context
            .job(task.index)
            .ok()
            .and_then(|(job, _)| query_value(&job.task.query, "target"));
        if target.map(normalized_target).as_ref() == Some(&named) {
            rejected.push(task);
        } else {
            accepted.push(task);
        }
    }
    let first_len = match (accepted.len(), rejected.len()) {
        // Several of the same name: they are requested one by one.
        (0, rejected) => rejected.min(1),
        (accepted, 0) => accepted / 2,
        (accepted, _) => accepted,
    };
    batch.extend(accepted);
    batch.extend(rejected);
    first_len
}

/// The outcome of a batch that failed; its units are charged to the first task.
fn all_failed(batch: &[PendingTask], error: &Error) -> Vec<(usize, BatchOutcome)> {
    let mut units = error.units();
    let mut outcomes = Vec::with_capacity(batch.len());
    for task in batch {
        let own = error_for_other_task(error).with_units(std::mem::take(&mut units));
        outcomes.push((task.index, BatchOutcome::Failed(own)));
    }
    outcomes
}

/// An answer that can be split.
fn checked(
    answer: Answer,
    keys: &KeyRing,
    template: &AnswerTemplate,
    num_targets: usize,
) -> std::result::Result<Answer, BodyCheck> {
    let body = decompressed_without_key(&answer, keys)?;
    let split = split_body(&body, &vec![template; num_targets]);
    drop(body);
    match split {
        Ok(_) => Ok(answer),
        Err(error) if error.code() == ErrorCode::Body => Err(BodyCheck::Retry(error)),
        Err(error) => Err(BodyCheck::Fail(error)),
    }
}
