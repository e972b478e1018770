//! Tasks of a night that ask the same: one pays, the others get copies of its answers.
//!
//! A copy lies among the task's own answers, costs nothing and names the task that paid, so that everything behind it
//! (replay, rebuild, retention, forgetting) treats it as any other. Copies are made under the claim on the question, in
//! order, each durably: a process that is killed in between leaves a beginning that is gone on with.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::Report;
use crate::context::run_context::Stage;
use crate::error::Result;
use crate::fetch::pager_plan::Inputs;
use crate::fetch::resume::{Begun, begun};
use crate::landing::{Attempt, Header, Source};
use crate::model::{Night, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Grouping, Selection, Task};
use crate::state::periods;
use crate::state::tombstone;
use crate::store::step;
use crate::table::Span;
use crate::table::manifest::TaskEntry;

/// A task that asks the same as another.
#[derive(Debug, Clone)]
struct Sibling {
    task: TaskId,
    target: String,
}

/// Tasks by what they ask.
type Questions = BTreeMap<String, Vec<Sibling>>;

/// The tasks of the configuration by what they ask, made once a night.
#[derive(Debug, Default)]
pub(crate) struct Siblings(Mutex<BTreeMap<Night, Arc<Questions>>>);

impl Siblings {
    fn of(&self, stage: &Stage, job: &ScheduledTask) -> Result<Vec<Sibling>> {
        let mut nights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let questions = match nights.entry(job.night) {
            Entry::Occupied(made) => Arc::clone(made.get()),
            Entry::Vacant(vacant) => {
                Arc::clone(vacant.insert(Arc::new(questions(stage, job.night)?)))
            }
        };
        drop(nights);
        let alike = questions
            .get(&subject(stage, job.night, &job.task)?)
            .into_iter()
            .flatten();
        Ok(alike
            .filter(|sibling| sibling.task != job.task.id)
            .cloned()
            .collect())
    }
}

fn questions(stage: &Stage, night: Night) -> Result<Questions> {
    let mut questions = Questions::new();
    for task in plan::tasks_of_any_night(&stage.config, night, &Selection::default())? {
        let target = stage.target_name(&task).to_owned();
        questions
            .entry(subject(stage, night, &task)?)
            .or_default()
            .push(Sibling {
                task: task.id,
                target,
            });
    }
    Ok(questions)
}

/// What a task asks, whatever days of a history: which of them are missing hangs on what is committed of each task, and
/// whether an answer has them on the answer.
fn subject(stage: &Stage, night: Night, task: &Task) -> Result<String> {
    let mut task = task.clone();
    if periods::is_history(stage.report(task.report)?)
        && let Some(days) = Span::new(night, night)
    {
        plan::set_window(&stage.config, &mut task, days);
    }
    Ok(plan::question(&stage.config, &task))
}

/// Copies to a task what others have received for the same question, as far as that goes beyond its own answers. With
/// `refetch` only what was received since this run began.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(crate) fn adopt(
    stage: &Stage,
    index: usize,
    committed: Option<&TaskEntry>,
    siblings: &Siblings,
    refetch: bool,
) -> Result<()> {
    let (job, report) = stage.job(index)?;
    let siblings = siblings.of(stage, job)?;
    if siblings.is_empty() {
        return Ok(());
    }
    let Begun { attempt, inputs } = begun(stage, job, report, committed)?;
    let since = inputs
        .as_ref()
        .map_or_else(|| stage.inputs(report, job), |inputs| Ok(inputs.clone()))?
        .since();
    let own = if inputs.is_some() {
        in_order(stage, &attempt)?
    } else {
        Vec::new()
    };
    let mut longest: Option<(Attempt, usize)> = None;
    for Sibling { task, target } in siblings {
        let Some(latest) = stage.landing.latest(job.night, &task)? else {
            continue;
        };
        let theirs = in_order(stage, &latest)?;
        let Some(first) = theirs.first() else {
            continue;
        };
        let told: Option<Inputs> = serde_json::from_value(first.remark.clone()).ok();
        let fits = told.is_some_and(|told| {
            told.since() == since
                && told.unanswered(job).is_empty()
                && begins_within(report, job, &told)
        });
        let is_new = !refetch || first.received_at >= stage.started_at;
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
            && !tombstone::covers(&stage.store, &target, first.received_at)?
        {
            longest = Some((latest, theirs.len()));
        }
    }
    longest.map_or(Ok(()), |(from, length)| {
        copy(stage, &from, &attempt, own.len()..length)
    })
}

/// Whether an answer of a history has no days before those that the task's own report wants or the job asks for.
fn begins_within(report: &Report, job: &ScheduledTask, told: &Inputs) -> bool {
    let grouping = Grouping::of(report, &job.task.parameters);
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
    stage: &Stage,
    from: &Attempt,
    to: &Attempt,
    sequences: std::ops::Range<usize>,
) -> Result<()> {
    stage.landing.begin(to)?;
    for sequence in sequences.filter_map(|sequence| u32::try_from(sequence).ok()) {
        // What cannot be read is bought: the answers before it are enough to go on from.
        let Some(mut saved) = stage.landing.load(from, sequence)? else {
            break;
        };
        saved.header.units = 0;
        saved.header.source = Some(Source::SameAs(from.task.clone()));
        stage.landing.save(to, &saved)?;
        step("twin.copied");
    }
    Ok(())
}

/// An attempt's answers from the first one on, as far as none is missing.
fn in_order(stage: &Stage, attempt: &Attempt) -> Result<Vec<Header>> {
    let mut headers = stage.landing.headers(attempt)?;
    headers.sort_unstable_by_key(|header| header.sequence);
    let is_next = |(place, header): &(usize, Header)| {
        usize::try_from(header.sequence).is_ok_and(|at| at == *place)
    };
    Ok(headers
        .into_iter()
        .enumerate()
        .take_while(is_next)
        .map(|(_, header)| header)
        .collect())
}

fn is_same(left: &Header, right: &Header) -> bool {
    (left.received_at, &left.body_sha256) == (right.received_at, &right.body_sha256)
}
