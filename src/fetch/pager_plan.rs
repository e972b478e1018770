//! What paging is told about a task: kept with the task's first answer, so that a later run asks the same questions.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::catalog::FREE_ROWS;
use crate::config::{Report, RunConfig};
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::fetch::changes;
use crate::fetch::request::url_bytes_left;
use crate::filter::{self, Filter};
use crate::landing::SavedResponse;
use crate::paging::{PagerLimits, PagerPlan, Paging, Top, Verdicts};
use crate::plan::ScheduledTask;
use crate::plan::{Task, set_window, window_of};
use crate::table::{DateRange, FetchMode, TaskSpec};

/// What paging was told when the task began, kept with its first answer, so that a later run asks the same questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptInputs {
    pub verdicts: Verdicts,
    pub cap: Option<u32>,
    #[serde(default, rename = "asked")]
    pub spec: TaskSpec,
    /// Of a history: the days that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DateRange>,
}

impl AttemptInputs {
    /// The day since when changes are asked for.
    pub fn since(&self) -> Option<NaiveDate> {
        self.spec.changes_since()
    }

    /// The task as it asks: for lost rows too where changes are asked for, of a history for the days of its beginning.
    pub fn task(&self, config: &RunConfig, task: &Task) -> Task {
        let mut task = changes::task(task, self.since());
        if let Some(window) = self.window {
            set_window(config, &mut task, window);
        }
        task
    }

    /// What a job asks that an attempt which began so does not answer, by name. Days that have been committed since are no
    /// reason to ask for less.
    pub fn unanswered(&self, job: &ScheduledTask) -> Vec<String> {
        let mut changed = job.task.spec.stale_fields(&self.spec, false);
        let is_short =
            |window: DateRange| window_of(&job.task).is_some_and(|days| window.first > days.first);
        if self
            .window
            .is_some_and(|window| is_short(window) || window.last < job.night.date())
        {
            changed.push("since".to_owned());
        }
        changed
    }

    /// What is asked, with that day.
    pub fn with_since(&self, spec: TaskSpec) -> TaskSpec {
        spec.with_changes_since(self.since())
    }
}

/// Where answers may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerSource {
    /// From the API, once those that are saved are used up.
    ApiOrSaved,
    /// From what is saved, and nowhere else.
    SavedOnly,
}

/// What paging was told when a saved answer was asked for.
pub(crate) fn inputs(saved: &SavedResponse) -> Option<AttemptInputs> {
    serde_json::from_value(saved.header.inputs.clone()).ok()
}

/// How a task is paged that answers what is `asked`: the report's own words now, or those of a committed task.
pub(crate) fn pager_plan(
    context: &RunContext,
    report: &Report,
    task: &Task,
    inputs: &AttemptInputs,
    spec: &TaskSpec,
) -> PagerPlan {
    // The key starts as it did when the task began, whatever columns are wanted by now.
    let columns = if inputs.spec.columns.is_empty() {
        &report.columns
    } else {
        &inputs.spec.columns
    };
    let base = if spec.filter == task.spec.filter {
        report.filter.clone()
    } else {
        // Of another configuration: nothing is sent then, and the filter only lengthens URLs.
        let json = spec.filter.as_ref();
        json.and_then(|json| filter::from_json(json, report.endpoint).ok())
    };
    let window = inputs
        .since()
        .and_then(|since| changes::filter(report.endpoint, since));
    let base = Filter::and(base, window);
    let mut limits = PagerLimits {
        known_cap: inputs.cap,
        max_rows: spec.max_rows,
        max_requests: context.config.run.max_requests,
        url_bytes: url_bytes_left(&context.config.source.base_url, report, task),
        ..PagerLimits::default()
    };
    if task.is_free_target {
        limits.first_limit = FREE_ROWS;
        limits.max_limit = FREE_ROWS;
    }
    if report.endpoint.divisible && !task.segments.is_empty() {
        // A part brings fewer rows than any cap has: it ends with its only answer.
        limits.first_limit = FREE_ROWS;
        limits.max_limit = FREE_ROWS;
    }
    let default = || report.endpoint.parameter("aggregation")?.default.as_deref();
    let aggregation = spec.parameters.get("aggregation").map(String::as_str);
    let aggregation = aggregation.or_else(default);
    let top = match &spec.mode {
        FetchMode::Top { by, rows } => Some(Top::for_endpoint(
            report.endpoint,
            by,
            *rows,
            columns,
            aggregation,
        )),
        FetchMode::All | FetchMode::Changes { .. } => None,
    };
    let skipping = Paging::by_offset(report.endpoint, &limits).filter(|_| top.is_none());
    let paging =
        skipping.unwrap_or_else(|| Paging::for_endpoint(report.endpoint, columns, aggregation));
    PagerPlan {
        paging,
        base_filter: base,
        verdicts: inputs.verdicts,
        limits,
        top,
    }
}

impl RunContext {
    /// What is known now, for a task that begins.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if what earlier nights committed cannot be read.
    pub(crate) fn inputs(&self, report: &Report, job: &ScheduledTask) -> Result<AttemptInputs> {
        let (verdicts, cap) = self.paging_knowledge(&report.endpoint.name);
        let since = changes::since(self, report, job)?;
        let spec = job.task.spec.clone().with_changes_since(since);
        let window = window_of(&job.task).filter(|_| report.endpoint.history_column().is_some());
        Ok(AttemptInputs {
            verdicts,
            cap,
            spec,
            window,
        })
    }
}
