//! Reports of changes: since when a night requests them, and with which filter.
//!
//! The first complete night of a task has all live rows (`base`). A later one requests the rows that are new or lost since
//! the last complete night, which is read from the committed states, minus an overlap. The day is saved with the task's
//! first answer, so that a resumed task keeps it, and with its committed rows. Over all nights, the latest row of an
//! identity (by the operation's key) is its state: all that are not `lost` are live.

use chrono::{Days, NaiveDate, NaiveTime};

use crate::catalog::Endpoint;
use crate::config::Report;
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::filter::{Comparison, Filter};
use crate::model::{SnapshotDate, Value};
use crate::plan::ScheduledTask;
use crate::plan::Task;
use crate::state::task_state::partition_state_for;
use crate::table::manifest::TaskStatus;
use crate::table::parse_segment;

/// Days before the last complete night from which changes are requested: a night is a UTC date that its task may have
/// begun to read a day later or the source have dated a day earlier, and a row may be found after the day it is dated.
const OVERLAP_DAYS: u64 = 2;

/// The parameter that includes lost rows.
const HISTORY: &str = "history";

/// The day since when a task requests changes; `None` where it starts with a base: no earlier night is complete, the last
/// one answers another configuration, or a new base is configured. A night that is fetched again uses the same day.
pub(crate) fn changes_since(
    context: &RunContext,
    report: &Report,
    job: &ScheduledTask,
) -> Result<Option<NaiveDate>> {
    if report.changes.is_none() || context.config.run.new_base {
        return Ok(None);
    }
    let mut nights: Vec<SnapshotDate> = Vec::new();
    for name in context.store.partitions(&report.name)? {
        if let Some((_, value)) = parse_segment(&name)
            && let Ok(night) = value.parse()
            && night < job.night
        {
            nights.push(night);
        }
    }
    nights.sort_unstable();
    for night in nights.into_iter().rev() {
        let Some(state) = partition_state_for(&context.store, night, report)? else {
            continue;
        };
        let Some(entry) = state.task(&job.task.id) else {
            continue;
        };
        if entry.status != TaskStatus::Complete {
            continue;
        }
        if !job.task.spec.stale_fields(&entry.spec, false).is_empty() {
            return Ok(None);
        }
        return Ok(night.date().checked_sub_days(Days::new(OVERLAP_DAYS)));
    }
    Ok(None)
}

/// The filter of the rows that are new or lost since that day.
pub(crate) fn changes_filter(endpoint: &Endpoint, since: NaiveDate) -> Option<Filter> {
    let changes = endpoint.changes.as_ref()?;
    let start = Value::Time(since.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    let new = Filter::Is(changes.new.clone(), Comparison::Gte, start.clone());
    let lost = Filter::Is(changes.lost.clone(), Comparison::Gte, start);
    Some(Filter::Or(vec![new, lost]))
}

/// The task as it requests changes since that day: lost rows are included.
pub(crate) fn with_changes_window(task: &Task, since: Option<NaiveDate>) -> Task {
    let mut task = task.clone();
    if let Some(since) = since {
        for (_, value) in task.query.iter_mut().filter(|(name, _)| name == HISTORY) {
            *value = format!("since:{since}");
        }
    }
    task
}
