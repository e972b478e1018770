//! Tasks of a night with the same question: one is fetched, the others get copies of its answers.
//!
//! A copy is stored among the task's own answers, is free and names the task that was charged, so that everything behind it
//! (replay, rebuild, retention, forgetting) treats it as any other. Copies are made under the claim on the question, in
//! order, each durably: what a process that is killed in between leaves is continued.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;

use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::failpoint;
use crate::fetch::pager_plan::AttemptInputs;
use crate::fetch::resume::{ResumePoint, find_resume_point};
use crate::landing::{AnswerOrigin, Attempt, ResponseHeader};
use crate::model::{SnapshotDate, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Granularity, Selection, Task};
use crate::state::periods;
use crate::state::tombstone;
use crate::table::DateRange;
use crate::table::manifest::TaskEntry;

/// A task with the same question as another.
#[derive(Debug, Clone)]
struct EquivalentTask {
    task: TaskId,
    target: String,
}

/// Tasks by their question.
type Questions = BTreeMap<String, Vec<EquivalentTask>>;

/// The tasks of the configuration by their question, computed once a night.
#[derive(Debug, Default)]
pub(crate) struct SharedAnswers(Mutex<BTreeMap<SnapshotDate, Arc<Questions>>>);

impl SharedAnswers {
    fn of(&self, context: &RunContext, job: &ScheduledTask) -> Result<Vec<EquivalentTask>> {
        let mut nights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let questions = match nights.entry(job.night) {
            Entry::Occupied(made) => Arc::clone(made.get()),
            Entry::Vacant(vacant) => {
                Arc::clone(vacant.insert(Arc::new(questions(context, job.night)?)))
            }
        };
        drop(nights);
        let key = question_key(context, job.night, &job.task)?;
        let mut equivalent = questions.get(&key).cloned().unwrap_or_default();
        equivalent.retain(|other| other.task != job.task.id);
        Ok(equivalent)
    }
}

fn questions(context: &RunContext, night: SnapshotDate) -> Result<Questions> {
    let mut questions = Questions::new();
    for task in plan::tasks_of_any_night(&context.config, night, &Selection::default())? {
        let target = context.target_name(&task).to_owned();
        questions
            .entry(question_key(context, night, &task)?)
            .or_default()
            .push(EquivalentTask {
                task: task.id,
                target,
            });
    }
    Ok(questions)
}

/// The question of a task, without the days of a history: which days are missing depends on what is committed of each task, and
/// whether an answer has them depends on the answer.
fn question_key(context: &RunContext, night: SnapshotDate, task: &Task) -> Result<String> {
    let mut task = task.clone();
    if periods::is_history(context.report(task.report)?)
        && let Some(days) = DateRange::new(night.date(), night.date())
    {
        plan::set_window(&context.config, &mut task, days);
    }
    Ok(plan::question_fingerprint(&context.config, &task))
}

/// Copies to a task what others have received for the same question, as far as that goes beyond its own answers. With
/// `refetch` only what was received since this run began.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn copy_shared_answers(
    context: &RunContext,
    index: usize,
    committed: Option<&TaskEntry>,
    shared: &SharedAnswers,
    refetch: bool,
) -> Result<()> {
    let (job, report) = context.job(index)?;
    let equivalent = shared.of(context, job)?;
    if equivalent.is_empty() {
        return Ok(());
    }
    let ResumePoint { attempt, inputs } = find_resume_point(context, job, report, committed)?;
    let (since, own) = match inputs {
        Some(inputs) => (inputs.since(), headers_in_order(context, &attempt)?),
        None => (context.inputs(report, job)?.since(), Vec::new()),
    };
    let mut longest: Option<(Attempt, usize)> = None;
    for EquivalentTask { task, target } in equivalent {
        let Some(latest) = context.landing.latest(job.night, &task)? else {
            continue;
        };
        let theirs = headers_in_order(context, &latest)?;
        let Some(first) = theirs.first() else {
            continue;
        };
        let length = match &longest {
            Some((_, length)) => *length,
            None => own.len(),
        };
        if theirs.len() <= length || !is_prefix(&own, &theirs) {
            continue;
        }
        if refetch && first.received_at < context.started_at {
            continue;
        }
        if !fits(report, job, since, first)
            || tombstone::is_forgotten_at(&context.store, &target, first.received_at)?
        {
            continue;
        }
        longest = Some((latest, theirs.len()));
    }
    match longest {
        Some((from, length)) => copy(context, &from, &attempt, own.len()..length),
        None => Ok(()),
    }
}

/// Whether answers that begin with this one answer what the task asks.
fn fits(
    report: &Report,
    job: &ScheduledTask,
    since: Option<NaiveDate>,
    first: &ResponseHeader,
) -> bool {
    let Ok(inputs) = serde_json::from_value::<AttemptInputs>(first.inputs.clone()) else {
        return false;
    };
    inputs.since() == since
        && inputs.unanswered(job).is_empty()
        && begins_within(report, job, &inputs)
}

/// Whether an answer of a history has no days before those that the task's own report wants or the task asks for.
fn begins_within(report: &Report, job: &ScheduledTask, inputs: &AttemptInputs) -> bool {
    let Some(window) = inputs.window else {
        return true;
    };
    let mut wanted = Vec::new();
    wanted.extend(plan::window_of(&job.task));
    if let Some(since) = report.since {
        let granularity = Granularity::of(report, &job.task.parameters);
        wanted.extend(plan::whole_window(granularity, since, job.night));
    }
    match wanted.iter().map(|days| days.first).min() {
        Some(first) => window.first >= first,
        None => true,
    }
}

fn copy(
    context: &RunContext,
    from: &Attempt,
    to: &Attempt,
    sequences: std::ops::Range<usize>,
) -> Result<()> {
    context.landing.begin(to)?;
    for sequence in sequences.filter_map(|sequence| u32::try_from(sequence).ok()) {
        // What cannot be read is fetched: the task resumes behind the answers before it.
        let Some(mut saved) = context.landing.load(from, sequence)? else {
            break;
        };
        saved.header.units = 0;
        saved.header.origin = Some(AnswerOrigin::SameAs(from.task.clone()));
        context.landing.save(to, &saved)?;
        failpoint::hit("twin.copied");
    }
    Ok(())
}

/// The headers of an attempt's answers from the first one on, as far as none is missing.
fn headers_in_order(context: &RunContext, attempt: &Attempt) -> Result<Vec<ResponseHeader>> {
    let mut headers = context.landing.headers(attempt)?;
    headers.sort_unstable_by_key(|header| header.sequence);
    let mut next = 0;
    headers.retain(|header| {
        let is_next = header.sequence == next;
        next += u32::from(is_next);
        is_next
    });
    Ok(headers)
}

/// Whether answers go on from these.
fn is_prefix(own: &[ResponseHeader], theirs: &[ResponseHeader]) -> bool {
    let key = |header: &ResponseHeader| (header.received_at, header.body_sha256.clone());
    let theirs = theirs.iter().map(key);
    own.iter().map(key).eq(theirs.take(own.len()))
}
