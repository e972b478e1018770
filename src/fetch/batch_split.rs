//! Splits the saved answer of a batch into one answer for each of its tasks.
//!
//! The answer is saved as received, together with its members, before anything builds on it. Then each member gets its
//! share as an answer of its own, whose units add up to what was charged, and the answer of the batch is removed. What a
//! killed process left unsplit is split by the next one before it sends a request: when it starts, and under each claim
//! that it acquires.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::fetch::batch_body::{AnswerTemplate, split_compressed_body};
use crate::fetch::pager_plan::AttemptInputs;
use crate::fetch::task::FirstRequest;
use crate::landing::{AnswerOrigin, Attempt, ResponseHeader, ResponseStore, SavedResponse};
use crate::model::{Answer, Encoding, Price, Request, SnapshotDate, TaskId};
use crate::plan::split_evenly;

/// The lock under which batches are split.
const LOCK: &str = "packs";

/// A task of a batch, saved with the batch's answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BatchMember {
    night: Option<SnapshotDate>,
    task: TaskId,
    attempt: u32,
    request: Request,
    inputs: AttemptInputs,
    #[serde(rename = "form")]
    template: AnswerTemplate,
}

impl BatchMember {
    /// The task whose first request is part of the batch.
    pub fn new(first_request: &FirstRequest, template: &AnswerTemplate) -> Self {
        let attempt = &first_request.attempt;
        Self {
            night: Some(attempt.night),
            task: attempt.task.clone(),
            attempt: attempt.number,
            request: first_request.request.clone(),
            inputs: first_request.inputs.clone(),
            template: template.clone(),
        }
    }
}

/// A member with its answer, if the batch has a row for it.
pub(crate) struct MemberAnswer {
    member: BatchMember,
    pub answer: Option<SavedResponse>,
}

/// Saves the answer of a batch as received, then the answer of each member.
///
/// # Errors
/// [`ErrorCode::Destination`], or [`ErrorCode::Locked`] if another process does not finish splitting.
pub(crate) fn save_batch(
    context: &RunContext,
    request: Request,
    answer: Answer,
    units: u64,
    members: &[BatchMember],
) -> Result<Vec<MemberAnswer>> {
    let mut saved = SavedResponse::new(0, &context.run_id, request, answer, units)?;
    saved.header.inputs = serde_json::to_value(members).map_err(|error| {
        Error::new(
            ErrorCode::Internal,
            "the tasks of a batch cannot be serialized",
        )
        .with_source(error)
    })?;
    let name = format!("{}-{:08x}", context.run_id, fastrand::u32(..));
    context.landing.save_batch(&name, &saved)?;
    let answers = member_answers(&saved)?;
    let _lock = context
        .store
        .lock_folder(LOCK, context.run_id.as_str(), &context.who)?;
    // Another process may have split it in the meantime, and its tasks may have made progress.
    if context.landing.load_batch(&name)?.is_some() {
        split_batch(context, &name, &answers)?;
        return Ok(answers);
    }
    for MemberAnswer { member, .. } in &answers {
        if let Some(night) = member.night {
            context.landing.mark_claimed(night, &member.task, false)?;
        }
    }
    Ok(answers)
}

/// The tasks that have an answer in batches that are not split.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn members_of_unsplit_batches(
    landing: &ResponseStore,
) -> Result<BTreeSet<(SnapshotDate, TaskId)>> {
    let mut tasks = BTreeSet::new();
    for name in landing.batches()? {
        let Some(saved) = landing.load_batch(&name)? else {
            continue;
        };
        let Ok(answers) = member_answers(&saved) else {
            continue;
        };
        for MemberAnswer { member, answer } in answers {
            if let (Some(night), Some(_)) = (member.night, answer) {
                tasks.insert((night, member.task));
            }
        }
    }
    Ok(tasks)
}

/// Splits the batches that killed processes left unsplit.
///
/// # Errors
/// [`ErrorCode::Destination`], or [`ErrorCode::Locked`] if another process does not finish splitting.
pub(crate) fn split_leftover_batches(context: &RunContext) -> Result<()> {
    context
        .landing
        .sweep_batches(|name| context.store.is_of_live_run(name))?;
    for name in context.landing.batches()? {
        let _lock = context
            .store
            .lock_folder(LOCK, context.run_id.as_str(), &context.who)?;
        let answers = match context.landing.load_batch(&name)? {
            Some(saved) => member_answers(&saved),
            // Damaged on disk, or split by another process a moment ago.
            None => Ok(Vec::new()),
        };
        let answers = answers.unwrap_or_else(|error| {
            tracing::warn!(name, error = %error.one_line(), "a saved answer for many targets cannot be split and is removed");
            Vec::new()
        });
        split_batch(context, &name, &answers)?;
    }
    Ok(())
}

/// Saves the answers of a batch's members and removes the answer of the batch.
fn split_batch(context: &RunContext, name: &str, answers: &[MemberAnswer]) -> Result<()> {
    for MemberAnswer { member, answer } in answers {
        let (Some(night), Some(answer)) = (member.night, answer) else {
            continue;
        };
        let attempt = Attempt {
            night,
            task: member.task.clone(),
            number: member.attempt,
        };
        if context.landing.load(&attempt, 0)?.is_none() {
            context.landing.begin(&attempt)?;
            context.landing.save(&attempt, answer)?;
            failpoint::hit("pack.divided");
        }
    }
    context.landing.remove_batch(name)
}

/// Each member of a batch with its answer. The units are split among those that have a row.
fn member_answers(saved: &SavedResponse) -> Result<Vec<MemberAnswer>> {
    let header = &saved.header;
    let members: Vec<BatchMember> =
        serde_json::from_value(header.inputs.clone()).map_err(|error| {
            Error::new(ErrorCode::Body, "a saved batch does not list its tasks").with_source(error)
        })?;
    let templates: Vec<&AnswerTemplate> = members.iter().map(|member| &member.template).collect();
    let bodies = split_compressed_body(&saved.body, header.encoding, &templates)?;
    let num_targets = members.len();
    let num_answered = bodies.iter().filter(|body| body.is_some()).count();
    let mut answers = Vec::with_capacity(num_targets);
    let mut nth = 0;
    for (member, body) in members.into_iter().zip(bodies) {
        let Some(body) = body else {
            answers.push(MemberAnswer {
                member,
                answer: None,
            });
            continue;
        };
        let mut answer = member_answer(header, &member, body, num_answered, nth)?;
        answer.header.origin = Some(AnswerOrigin::Batch {
            operation: header.request.endpoint.clone(),
            targets: u32::try_from(num_targets).unwrap_or(u32::MAX),
            is_counted: nth == 0,
        });
        answers.push(MemberAnswer {
            member,
            answer: Some(answer),
        });
        nth += 1;
    }
    Ok(answers)
}

/// The answer of one member, with its share of the units: the `nth` of so many.
fn member_answer(
    batch: &ResponseHeader,
    member: &BatchMember,
    body: Vec<u8>,
    num_answered: usize,
    nth: usize,
) -> Result<SavedResponse> {
    let units = split_evenly(batch.units, num_answered, nth);
    let units_total = batch.price.units_total;
    let price = Price {
        rows: Some(1),
        units_per_row: batch.price.units_per_row,
        units_total: units_total.map(|units| split_evenly(units, num_answered, nth)),
        units_actual: Some(units),
        cache_hit: batch.price.cache_hit,
    };
    let answer = Answer {
        body: Bytes::from(body),
        encoding: Encoding::Identity,
        price,
        received_at: DateTime::from_timestamp_micros(batch.received_at).unwrap_or_default(),
        attempts: batch.attempts,
    };
    let mut saved = SavedResponse::new(0, &batch.run, member.request.clone(), answer, units)?;
    saved.header.inputs = member.inputs.to_json()?;
    Ok(saved)
}
