//! Packs: one request for many targets, whose answer is divided among their tasks.
//!
//! The answer is saved as received, with who gets which part, before anything builds on it. Then each task gets its part
//! as an answer of its own, whose units add up to what was charged, and the whole goes. What a killed process left whole
//! is divided by the next one before it buys anything: at its start, and under each claim that it takes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::api::{AttemptRecord, BodyCheck, Outcome, Quote};
use crate::catalog::{Endpoint, Pricing};
use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::fetch::batch_body;
use crate::fetch::batch_body::{
    AnswerTemplate, normalized_target, split_body, split_compressed_body,
};
use crate::fetch::body::{decompressed_without_key, run_blocking, with_interrupt_grace};
use crate::fetch::group::error_for_other_task;
use crate::fetch::pager_plan::AttemptInputs;
use crate::fetch::task::FirstRequest;
use crate::landing::{AnswerOrigin, Attempt, ResponseStore, SavedResponse};
use crate::ledger::request_log::RequestLabels;
use crate::model::{Answer, Encoding, Price, Request, SnapshotDate, TaskId};
use crate::plan::{batch_columns, batch_operation_for, batch_units, split_evenly};
use crate::report::{UnitOverhead, UnitUsage};

/// The lock under which packs are divided.
const LOCK: &str = "packs";

/// A task that waits for its part.
pub(crate) struct PendingTask {
    /// Index into the run's jobs.
    pub index: usize,
    /// What it would ask alone.
    pub question: FirstRequest,
}

/// What became of it.
pub(crate) enum BatchOutcome {
    /// Its answer is saved, and cost so many units.
    Units(u64),
    /// It has to ask alone.
    Alone,
    /// It failed.
    Failed(Error),
}

/// Who gets a part of a pack, kept with it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct BatchMember {
    night: Option<SnapshotDate>,
    task: TaskId,
    attempt: u32,
    request: Request,
    inputs: AttemptInputs,
    form: AnswerTemplate,
}

/// A member with the answer that it gets, if the pack has a row of it.
type MemberAnswer = (BatchMember, Option<SavedResponse>);

/// Buys packs for tasks of one report and night.
pub(crate) struct BatchFetcher<'a> {
    context: &'a Arc<RunContext>,
    report: &'a Report,
    endpoint: &'static Endpoint,
    columns: Vec<(String, String)>,
    cancel: &'a CancellationToken,
    /// The workspace's plan lacks the operation.
    is_lacking: &'a AtomicBool,
}

impl<'a> BatchFetcher<'a> {
    /// Packs for a report; `None` where its tasks are bought alone.
    pub fn new(
        context: &'a Arc<RunContext>,
        report: &'a Report,
        night: SnapshotDate,
        cancel: &'a CancellationToken,
        is_lacking: &'a AtomicBool,
    ) -> Option<Self> {
        let (endpoint, columns) =
            batch_operation_for(report, night.date() == context.clock.today())?;
        (!is_lacking.load(Ordering::Relaxed)).then_some(Self {
            context,
            report,
            endpoint,
            columns,
            cancel,
            is_lacking,
        })
    }

    /// Buys what the tasks want in as few requests as the API, its limits and the budget allow. A request that is refused
    /// costs nothing, so a bad target is looked for by asking for fewer.
    pub async fn buy(&self, wanting: Vec<PendingTask>) -> Vec<(usize, BatchOutcome)> {
        let mut served = Vec::new();
        let mut queue = VecDeque::from([wanting]);
        while let Some(mut pack) = queue.pop_front() {
            if pack.len() < 2 || self.is_lacking.load(Ordering::Relaxed) {
                served.extend(pack.into_iter().map(|one| (one.index, BatchOutcome::Alone)));
                continue;
            }
            let error = match self.send(&pack).await {
                Ok(parts) => {
                    served.extend(pack.iter().map(|one| one.index).zip(parts));
                    continue;
                }
                Err(error) => error,
            };
            let rest = match error.code() {
                ErrorCode::Budget => self.affordable(&pack),
                ErrorCode::Refused => error
                    .context_value("bad target")
                    .map(|named| set_apart(self.context, &mut pack, named)),
                ErrorCode::Timeout if pack.len() > 2 => Some(pack.len() / 2),
                ErrorCode::Plan if self.report.endpoint.name != self.endpoint.name => {
                    self.is_lacking.store(true, Ordering::Relaxed);
                    Some(pack.len())
                }
                _ => None,
            };
            match rest {
                Some(first) => {
                    let rest = pack.split_off(first.min(pack.len()));
                    queue.extend([pack, rest].into_iter().filter(|pack| !pack.is_empty()));
                }
                None => served.extend(all_failed(pack, &error)),
            }
        }
        served
    }

    /// How many of them what is left of the budget covers; `None` if none, or all.
    fn affordable(&self, pack: &[PendingTask]) -> Option<usize> {
        let (job, _) = self.context.job(pack.first()?.index).ok()?;
        let left = self
            .context
            .client()
            .ok()?
            .meter()
            .available(self.context.shares(job))?;
        let fits = |number: &usize| batch_units(self.endpoint, &self.columns, *number) <= left;
        (1..pack.len()).rev().find(fits)
    }

    /// Sends one request and divides its answer.
    async fn send(&self, pack: &[PendingTask]) -> Result<Vec<BatchOutcome>> {
        if self.cancel.is_cancelled() {
            return Err(crate::context::fetched_task::interrupted_error());
        }
        let context = self.context;
        context.ensure_lease_held()?;
        let mut accounts = Vec::with_capacity(pack.len());
        let mut queries = Vec::with_capacity(pack.len());
        let mut shares = crate::limits::BudgetShares::default();
        for one in pack {
            let (job, report) = context.job(one.index)?;
            shares = context.shares(job);
            accounts
                .push(RequestLabels::of(&context.config, job, report).asking(&self.endpoint.name));
            queries.push(job.task.query.as_slice());
        }
        let columns = batch_columns(&self.columns);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let request = batch_body::request(self.endpoint, &columns, &queries);
        let worst = batch_units(self.endpoint, &self.columns, pack.len());
        let quote = Quote { worst, shares };
        let form = AnswerTemplate::of(self.report.endpoint, self.endpoint, &self.columns);
        let number = pack.len();
        let client = context.client()?;
        let check = |answer: Answer| {
            let checked = check(&answer, client.keys(), &form, number).map(|()| answer);
            std::future::ready(checked)
        };
        // What an answer cost is noted with its parts, so that their sum is the whole.
        let first = accounts.first().cloned().unwrap_or_default();
        let note = |attempted: AttemptRecord| {
            if !matches!(attempted.outcome, Outcome::Answered { .. }) {
                context.note(&first, attempted);
            }
        };
        let sent = with_interrupt_grace(
            &context.clock,
            self.cancel,
            client.send_recorded(&request, quote, &note, check),
        )
        .await?;
        let units = sent.units;
        let members: Vec<BatchMember> = pack
            .iter()
            .map(|one| member(&one.question, &form))
            .collect();
        let parts = self
            .save(request, sent.value, units, members)
            .await
            .map_err(|error| error.with_units(units))?;
        self.account(&accounts, &parts, worst, units);
        Ok(self.served(pack, parts, units))
    }

    /// Saves an answer as received, then its parts.
    async fn save(
        &self,
        request: Request,
        answer: Answer,
        units: u64,
        members: Vec<BatchMember>,
    ) -> Result<Vec<MemberAnswer>> {
        let context = Arc::clone(self.context);
        run_blocking(move || {
            let mut saved = SavedResponse::new(0, &context.run_id, request, answer, units)?;
            saved.header.inputs = serde_json::to_value(&members).map_err(|error| {
                Error::new(ErrorCode::Internal, "a remark cannot be written").with_source(error)
            })?;
            let name = format!("{}-{:08x}", context.run_id, fastrand::u32(..));
            context.landing.save_batch(&name, &saved)?;
            let parts = parts(&saved)?;
            let _lock = context
                .store
                .lock_folder(LOCK, &context.run_id, &context.who)?;
            // Another process may have divided it in the meantime, and its tasks may have moved on.
            if context.landing.load_batch(&name)?.is_some() {
                settle(&context, &name, &parts)?;
            } else {
                parts
                    .iter()
                    .filter_map(|(member, _)| Some((member.night?, &member.task)))
                    .try_for_each(|(night, task)| {
                        context.landing.mark_claimed(night, task, false)
                    })?;
            }
            Ok(parts)
        })
        .await
    }

    /// Notes in the ledger what each part cost.
    fn account(
        &self,
        accounts: &[RequestLabels],
        parts: &[MemberAnswer],
        expected: u64,
        units: u64,
    ) {
        let rows = parts.iter().filter(|(_, saved)| saved.is_some()).count();
        self.context.progress.answer(rows, units);
        let mut noted = 0_u64;
        for (account, (_, saved)) in accounts.iter().zip(parts) {
            let Some(SavedResponse { header, .. }) = saved else {
                continue;
            };
            let is_first = noted == 0;
            let count = u64::from(is_first);
            let is_hit = header.price.cache_hit;
            let spent = UnitUsage {
                requests: count,
                answers: count,
                cache_hits: if is_hit { count } else { 0 },
                free: if units == 0 && !is_hit { count } else { 0 },
                expected: if is_first { expected } else { 0 },
                units: header.units,
                wasted: if is_first {
                    self.wasted(units, rows)
                } else {
                    UnitOverhead::default()
                },
                ..UnitUsage::default()
            };
            self.context
                .spending
                .record_batch_share(account, header.received_at, spent);
            noted += 1;
        }
        if let (0, Some(account)) = (noted, accounts.first()) {
            self.context.note(
                account,
                AttemptRecord {
                    expected,
                    outcome: Outcome::ChargedButUnusable { units },
                },
            );
        }
    }

    /// Of what a pack cost, the units that brought no row.
    fn wasted(&self, units: u64, rows: usize) -> UnitOverhead {
        if self.endpoint.pricing != Pricing::PerRow || units == 0 {
            return UnitOverhead::default();
        }
        let rows = u64::try_from(rows).unwrap_or(u64::MAX);
        let columns = batch_columns(&self.columns);
        let with = self
            .endpoint
            .units_per_row(columns.iter().map(String::as_str));
        let own = self
            .endpoint
            .units_per_row(self.columns.iter().map(|(_, batch)| batch.as_str()));
        let of_rows = rows.saturating_mul(with);
        UnitOverhead {
            minimums: units.saturating_sub(of_rows),
            surcharge: rows.saturating_mul(with.saturating_sub(own)).min(units),
            ..UnitOverhead::default()
        }
    }

    fn served(
        &self,
        pack: &[PendingTask],
        parts: Vec<MemberAnswer>,
        units: u64,
    ) -> Vec<BatchOutcome> {
        let is_empty = parts.iter().all(|(_, saved)| saved.is_none());
        let mut unspent = if is_empty { units } else { 0 };
        let missing = |index: usize, place: usize, unspent: &mut u64| {
            let message = format!(
                "the answer for {} targets has no row of this one",
                pack.len()
            );
            let error = Error::new(ErrorCode::Value, message)
                .with_context("endpoint", &self.endpoint.name)
                .with_context("index", place.to_string());
            let target = self
                .context
                .job(index)
                .map(|(job, _)| self.context.target_name(&job.task).to_owned());
            error
                .with_context("target", target.unwrap_or_default())
                .with_hint(
                    "run the same command again; if it repeats, take the target out of the report",
                )
                .with_units(std::mem::take(unspent))
        };
        let outcomes = pack.iter().zip(parts).enumerate();
        outcomes
            .map(|(place, (one, (_, saved)))| match saved {
                Some(saved) => BatchOutcome::Units(saved.header.units),
                None => BatchOutcome::Failed(missing(one.index, place, &mut unspent)),
            })
            .collect()
    }
}

/// Puts the targets that the API named behind the others and says how many stand before them; half of all where it named
/// none of them.
fn set_apart(context: &RunContext, pack: &mut Vec<PendingTask>, named: &str) -> usize {
    let url = |one: &PendingTask| {
        let query = context
            .job(one.index)
            .map(|(job, _)| job.task.query.as_slice())
            .unwrap_or_default();
        query
            .iter()
            .find(|(name, _)| name == "target")
            .map(|(_, url)| normalized_target(url))
    };
    let named = normalized_target(named);
    let (bad, good): (Vec<_>, Vec<_>) = std::mem::take(pack)
        .into_iter()
        .partition(|one| url(one).as_deref() == Some(&named));
    let first = match (good.len(), bad.len()) {
        // Several of the same name: they are asked one by one.
        (0, bad) => bad.min(1),
        (good, 0) => good / 2,
        (good, _) => good,
    };
    pack.extend(good);
    pack.extend(bad);
    first
}

fn all_failed(pack: Vec<PendingTask>, error: &Error) -> Vec<(usize, BatchOutcome)> {
    let mut units = error.units();
    let failed = |one: PendingTask| {
        (
            one.index,
            BatchOutcome::Failed(
                error_for_other_task(error).with_units(std::mem::take(&mut units)),
            ),
        )
    };
    pack.into_iter().map(failed).collect()
}

fn check(
    answer: &Answer,
    keys: &crate::api::KeyRing,
    form: &AnswerTemplate,
    number: usize,
) -> std::result::Result<(), BodyCheck> {
    let body = decompressed_without_key(answer, keys)?;
    match split_body(&body, &vec![form; number]) {
        Ok(_) => Ok(()),
        Err(error) if error.code() == ErrorCode::Body => Err(BodyCheck::Retry(error)),
        Err(error) => Err(BodyCheck::Fail(error)),
    }
}

fn member(question: &FirstRequest, form: &AnswerTemplate) -> BatchMember {
    let FirstRequest {
        attempt: Attempt {
            night,
            task,
            number,
        },
        request,
        inputs,
    } = question.clone();
    BatchMember {
        night: Some(night),
        task,
        attempt: number,
        request,
        inputs,
        form: form.clone(),
    }
}

/// The tasks whose parts are in packs that are not divided.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn undivided(landing: &ResponseStore) -> Result<BTreeSet<(SnapshotDate, TaskId)>> {
    let mut waiting = BTreeSet::new();
    for name in landing.batches()? {
        let parts = landing
            .load_batch(&name)?
            .and_then(|saved| parts(&saved).ok())
            .unwrap_or_default();
        let served = parts.into_iter().filter(|(_, saved)| saved.is_some());
        waiting.extend(served.filter_map(|(member, _)| Some((member.night?, member.task))));
    }
    Ok(waiting)
}

/// Divides what killed processes left whole.
///
/// # Errors
/// [`ErrorCode::Destination`], or [`ErrorCode::Locked`] if another process does not end dividing.
pub(crate) fn split_leftover_batches(context: &RunContext) -> Result<()> {
    context
        .landing
        .sweep_batches(|name| context.store.is_of_live_run(name))?;
    for name in context.landing.batches()? {
        let _lock = context
            .store
            .lock_folder(LOCK, &context.run_id, &context.who)?;
        let parts = match context.landing.load_batch(&name)? {
            Some(saved) => parts(&saved),
            // Damaged on disk, or divided by another process a moment ago.
            None => Ok(Vec::new()),
        };
        let parts = parts.unwrap_or_else(|error| {
            tracing::warn!(name, error = %error.one_line(), "a saved answer for many targets cannot be divided and goes");
            Vec::new()
        });
        settle(context, &name, &parts)?;
    }
    Ok(())
}

/// Saves the parts of a pack and lets go of it.
fn settle(context: &RunContext, name: &str, parts: &[MemberAnswer]) -> Result<()> {
    for (member, saved) in parts {
        let (Some(night), Some(saved)) = (member.night, saved) else {
            continue;
        };
        let attempt = Attempt {
            night,
            task: member.task.clone(),
            number: member.attempt,
        };
        if context.landing.load(&attempt, 0)?.is_none() {
            context.landing.begin(&attempt)?;
            context.landing.save(&attempt, saved)?;
            failpoint::hit("pack.divided");
        }
    }
    context.landing.remove_batch(name)
}

/// Each member of a pack with its answer. What was charged falls to those that have a row.
fn parts(saved: &SavedResponse) -> Result<Vec<MemberAnswer>> {
    let header = &saved.header;
    let members: Vec<BatchMember> =
        serde_json::from_value(header.inputs.clone()).map_err(|error| {
            Error::new(ErrorCode::Body, "a pack does not say whose it is").with_source(error)
        })?;
    let forms: Vec<&AnswerTemplate> = members.iter().map(|member| &member.form).collect();
    let bodies = split_compressed_body(&saved.body, header.encoding, &forms)?;
    let (number, served) = (members.len(), bodies.iter().flatten().count());
    let mut nth = 0;
    let mut parts = Vec::with_capacity(number);
    for (member, body) in members.into_iter().zip(bodies) {
        let Some(body) = body else {
            parts.push((member, None));
            continue;
        };
        let units = split_evenly(header.units, served, nth);
        let price = Price {
            rows: Some(1),
            units_per_row: header.price.units_per_row,
            units_total: header
                .price
                .units_total
                .map(|units| split_evenly(units, served, nth)),
            units_actual: Some(units),
            cache_hit: header.price.cache_hit,
        };
        let received_at = DateTime::from_timestamp_micros(header.received_at).unwrap_or_default();
        let (body, encoding, attempts) = (Bytes::from(body), Encoding::Identity, header.attempts);
        let answer = Answer {
            body,
            encoding,
            price,
            received_at,
            attempts,
        };
        let mut own = SavedResponse::new(0, &header.run, member.request.clone(), answer, units)?;
        own.header.inputs = serde_json::to_value(&member.inputs).map_err(|error| {
            Error::new(ErrorCode::Internal, "a remark cannot be written").with_source(error)
        })?;
        own.header.origin = Some(AnswerOrigin::Batch {
            operation: header.request.endpoint.clone(),
            targets: u32::try_from(number).unwrap_or(u32::MAX),
            is_counted: nth == 0,
        });
        parts.push((member, Some(own)));
        nth += 1;
    }
    Ok(parts)
}
