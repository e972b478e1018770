//! Tasks of a night that ask the same: one pays, the others get copies of its answers.
//!
//! A copy lies among the task's own answers, costs nothing and names the task that paid, so that everything behind it
//! (replay, rebuild, retention, forgetting) treats it as any other. Copies are made under the claim on the question, in
//! order, each durably: a process that is killed in between leaves a beginning that is gone on with.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

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

/// A task that asks the same as another.
#[derive(Debug, Clone)]
struct EquivalentTask {
    task: TaskId,
    target: String,
}

/// Tasks by what they ask.
type Questions = BTreeMap<String, Vec<EquivalentTask>>;

/// The tasks of the configuration by what they ask, made once a night.
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
        let alike = questions
            .get(&subject(context, job.night, &job.task)?)
            .into_iter()
            .flatten();
        Ok(alike
            .filter(|sibling| sibling.task != job.task.id)
            .cloned()
            .collect())
    }
}

fn questions(context: &RunContext, night: SnapshotDate) -> Result<Questions> {
    let mut questions = Questions::new();
    for task in plan::tasks_of_any_night(&context.config, night, &Selection::default())? {
        let target = context.target_name(&task).to_owned();
        questions
            .entry(subject(context, night, &task)?)
            .or_default()
            .push(EquivalentTask {
                task: task.id,
                target,
            });
    }
    Ok(questions)
}

/// What a task asks, whatever days of a history: which of them are missing hangs on what is committed of each task, and
/// whether an answer has them on the answer.
fn subject(context: &RunContext, night: SnapshotDate, task: &Task) -> Result<String> {
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
/// [`crate::error::Code::Destination`].
pub(crate) fn copy_shared_answers(
    context: &RunContext,
    index: usize,
    committed: Option<&TaskEntry>,
    siblings: &SharedAnswers,
    refetch: bool,
) -> Result<()> {
    let (job, report) = context.job(index)?;
    let siblings = siblings.of(context, job)?;
    if siblings.is_empty() {
        return Ok(());
    }
    let ResumePoint { attempt, inputs } = find_resume_point(context, job, report, committed)?;
    let since = inputs
        .as_ref()
        .map_or_else(|| context.inputs(report, job), |inputs| Ok(inputs.clone()))?
        .since();
    let own = if inputs.is_some() {
        in_order(context, &attempt)?
    } else {
        Vec::new()
    };
    let mut longest: Option<(Attempt, usize)> = None;
    for EquivalentTask { task, target } in siblings {
        let Some(latest) = context.landing.latest(job.night, &task)? else {
            continue;
        };
        let theirs = in_order(context, &latest)?;
        let Some(first) = theirs.first() else {
            continue;
        };
        let told: Option<AttemptInputs> = serde_json::from_value(first.inputs.clone()).ok();
        let fits = told.is_some_and(|told| {
            told.since() == since
                && told.unanswered(job).is_empty()
                && begins_within(report, job, &told)
        });
        let is_new = !refetch || first.received_at >= context.started_at;
        let goes_on = theirs.len() > own.len()
            && own
                .iter()
                .zip(&theirs)
                .all(|(own, their)| is_same(own, their));
        let is_longest = longest
            .as_ref()
            .is_none_or(|(_, length)| theirs.len() > *length);
        if fits
            && is_new
            && goes_on
            && is_longest
            && !tombstone::is_forgotten_at(&context.store, &target, first.received_at)?
        {
            longest = Some((latest, theirs.len()));
        }
    }
    longest.map_or(Ok(()), |(from, length)| {
        copy(context, &from, &attempt, own.len()..length)
    })
}

/// Whether an answer of a history has no days before those that the task's own report wants or the job asks for.
fn begins_within(report: &Report, job: &ScheduledTask, told: &AttemptInputs) -> bool {
    let grouping = Granularity::of(report, &job.task.parameters);
    let whole = report
        .since
        .and_then(|since| plan::whole_window(grouping, since, job.night));
    let first = whole
        .into_iter()
        .chain(plan::window_of(&job.task))
        .map(|days| days.first)
        .min();
    told.window
        .is_none_or(|window| first.is_none_or(|first| window.first >= first))
}

fn copy(
    context: &RunContext,
    from: &Attempt,
    to: &Attempt,
    sequences: std::ops::Range<usize>,
) -> Result<()> {
    context.landing.begin(to)?;
    for sequence in sequences.filter_map(|sequence| u32::try_from(sequence).ok()) {
        // What cannot be read is bought: the answers before it are enough to go on from.
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

/// An attempt's answers from the first one on, as far as none is missing.
fn in_order(context: &RunContext, attempt: &Attempt) -> Result<Vec<ResponseHeader>> {
    let mut headers = context.landing.headers(attempt)?;
    headers.sort_unstable_by_key(|header| header.sequence);
    let is_next = |(place, header): &(usize, ResponseHeader)| {
        usize::try_from(header.sequence).is_ok_and(|at| at == *place)
    };
    Ok(headers
        .into_iter()
        .enumerate()
        .take_while(is_next)
        .map(|(_, header)| header)
        .collect())
}

fn is_same(left: &ResponseHeader, right: &ResponseHeader) -> bool {
    (left.received_at, &left.body_sha256) == (right.received_at, &right.body_sha256)
}
