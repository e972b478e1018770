//! Where a task resumes: with its latest attempt, or with a new one.

use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::fetch::pager_plan::{AttemptInputs, inputs};
use crate::landing::Attempt;
use crate::plan::ScheduledTask;
use crate::state::tombstone::is_forgotten;
use crate::table::manifest::TaskEntry;

/// An attempt with its inputs; `None` where none of its answers can be used.
pub(crate) struct ResumePoint {
    pub attempt: Attempt,
    pub inputs: Option<AttemptInputs>,
}

/// The attempt with which a task resumes: not one that is committed, nor one that answers another configuration, nor one
/// of a target that was forgotten since.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if saved responses cannot be read.
pub(crate) fn find_resume_point(
    context: &RunContext,
    job: &ScheduledTask,
    report: &Report,
    committed: Option<&TaskEntry>,
) -> Result<ResumePoint> {
    let numbered = |number| Attempt {
        night: job.night,
        task: job.task.id.clone(),
        number,
    };
    let latest = context.landing.latest(job.night, &job.task.id)?;
    let next = match committed {
        Some(entry) => entry.attempt + 1,
        None => 0,
    };
    let attempt = latest
        .filter(|latest| latest.number >= next)
        .unwrap_or_else(|| numbered(next));
    let saved = context.landing.load(&attempt, 0)?;
    if is_forgotten(
        &context.store,
        context.target_name(&job.task),
        saved.as_ref(),
    )? {
        return Ok(ResumePoint {
            attempt: numbered(attempt.number + 1),
            inputs: None,
        });
    }
    let inputs = saved.and_then(|saved| inputs(&saved));
    let changed = inputs
        .as_ref()
        .map(|inputs| inputs.unanswered(job))
        .unwrap_or_default();
    if changed.is_empty() {
        return Ok(ResumePoint { attempt, inputs });
    }
    let (changed, report_name) = (changed.join(", "), report.name.as_str());
    tracing::warn!(
        report = report_name,
        changed,
        "saved responses answer another configuration: requesting again"
    );
    Ok(ResumePoint {
        attempt: numbered(attempt.number + 1),
        inputs: None,
    })
}
