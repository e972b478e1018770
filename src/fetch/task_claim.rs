//! Claims on tasks and on their questions.
//!
//! The claim on a question is held while it is fetched, so that no two processes fetch it for different tasks; the claim
//! on a task until its partition is committed.

use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::plan;
use crate::state::names::claim_name;
use crate::store::{ClaimResult, Lease};

/// Claims on a task and on its question, acquired before its group is fetched.
pub(crate) struct TaskClaim {
    pub(super) question: Lease,
    pub(super) task: Lease,
}

/// Claims a job and its question, or returns who holds one of them.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn claim(context: &RunContext, index: usize) -> Result<ClaimResult<TaskClaim>> {
    let question = match claim_question(context, index)? {
        ClaimResult::Claimed(question) => question,
        ClaimResult::HeldBy(holder) => return Ok(ClaimResult::HeldBy(holder)),
    };
    Ok(claim_task(context, index)?.map(|task| TaskClaim { question, task }))
}

/// Claims a job.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(super) fn claim_task(context: &RunContext, index: usize) -> Result<ClaimResult<Lease>> {
    let (job, _) = context.job(index)?;
    let name = claim_name(job.night, &job.task.id);
    context
        .store
        .claim(&name, context.run_id.as_str(), &context.who)
}

/// Claims the question of a job.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(super) fn claim_question(context: &RunContext, index: usize) -> Result<ClaimResult<Lease>> {
    let (job, _) = context.job(index)?;
    let fingerprint = plan::question_fingerprint(&context.config, &job.task);
    let name = format!("{}/question-{fingerprint}", job.night);
    context
        .store
        .claim(&name, context.run_id.as_str(), &context.who)
}
