//! The plan by which a task is paged, and its inputs: saved with the task's first answer, so that a later run sends the
//! same requests.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::catalog::FREE_ROWS;
use crate::config::{Report, RunConfig};
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::changes;
use crate::fetch::request::url_bytes_left;
use crate::filter::{self, Filter};
use crate::landing::SavedResponse;
use crate::paging::{PagerLimits, PagerPlan, Paging, Top, Verdicts};
use crate::plan::ScheduledTask;
use crate::plan::{Task, set_window, window_of};
use crate::table::{DateRange, FetchMode, TaskSpec};

/// The inputs of paging when an attempt began.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptInputs {
    pub verdicts: Verdicts,
    pub cap: Option<u32>,
    #[serde(default, rename = "asked")]
    pub spec: TaskSpec,
    /// Of a history: the days that were requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DateRange>,
}

impl AttemptInputs {
    /// The day since when changes are requested.
    pub fn since(&self) -> Option<NaiveDate> {
        self.spec.changes_since()
    }

    /// The task as it is requested: with lost rows where changes are requested, with the days of a history when the attempt
    /// began.
    pub fn task(&self, config: &RunConfig, task: &Task) -> Task {
        let mut task = changes::with_changes_window(task, self.since());
        if let Some(window) = self.window {
            set_window(config, &mut task, window);
        }
        task
    }

    /// The fields of a job that an attempt with these inputs does not answer, by name. Days that have been committed since
    /// are no reason to request fewer.
    pub fn unanswered(&self, job: &ScheduledTask) -> Vec<String> {
        let mut changed = job.task.spec.stale_fields(&self.spec, false);
        if let Some(window) = self.window {
            let is_short = match window_of(&job.task) {
                Some(days) => window.first > days.first,
                None => false,
            };
            if is_short || window.last < job.night.date() {
                changed.push("since".to_owned());
            }
        }
        changed
    }

    /// The specification, with the day since when changes are requested.
    pub fn with_since(&self, spec: TaskSpec) -> TaskSpec {
        spec.with_changes_since(self.since())
    }

    /// The inputs as they are saved.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if they cannot be serialized: a defect.
    pub fn to_json(&self) -> Result<Json> {
        serde_json::to_value(self).map_err(|error| {
            Error::new(
                ErrorCode::Internal,
                "the inputs of a task cannot be serialized",
            )
            .with_source(error)
        })
    }
}

/// Where answers may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AnswerSource {
    /// From the API, after those that are saved.
    ApiOrSaved,
    /// Only from those that are saved.
    SavedOnly,
}

/// The inputs of paging that were saved with an answer.
pub(crate) fn inputs(saved: &SavedResponse) -> Option<AttemptInputs> {
    serde_json::from_value(saved.header.inputs.clone()).ok()
}

/// The plan by which a task is paged: of the report as it is configured now, or as a committed task was specified.
pub(crate) fn pager_plan(
    context: &RunContext,
    report: &Report,
    task: &Task,
    inputs: &AttemptInputs,
    spec: &TaskSpec,
) -> PagerPlan {
    // The key columns are those of the attempt's beginning, whatever columns are configured now.
    let columns = if inputs.spec.columns.is_empty() {
        &report.columns
    } else {
        &inputs.spec.columns
    };
    let changes = match inputs.since() {
        Some(since) => changes::changes_filter(report.endpoint, since),
        None => None,
    };
    let limits = pager_limits(context, report, task, inputs, spec);
    let aggregation = aggregation(report, spec);
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
    let paging = match Paging::by_offset(report.endpoint, &limits) {
        Some(by_offset) if top.is_none() => by_offset,
        _ => Paging::for_endpoint(report.endpoint, columns, aggregation),
    };
    PagerPlan {
        paging,
        base_filter: Filter::and(base_filter(report, task, spec), changes),
        verdicts: inputs.verdicts,
        limits,
        top,
    }
}

/// The filter of the report, or of the configuration that a committed task had.
fn base_filter(report: &Report, task: &Task, spec: &TaskSpec) -> Option<Filter> {
    if spec.filter == task.spec.filter {
        return report.filter.clone();
    }
    // Nothing is sent with it: the filter only lengthens URLs.
    filter::from_json(spec.filter.as_ref()?, report.endpoint).ok()
}

fn pager_limits(
    context: &RunContext,
    report: &Report,
    task: &Task,
    inputs: &AttemptInputs,
    spec: &TaskSpec,
) -> PagerLimits {
    let mut limits = PagerLimits {
        known_cap: inputs.cap,
        max_rows: spec.max_rows,
        max_requests: context.config.run.max_requests,
        url_bytes: url_bytes_left(&context.config.source.base_url, report, task),
        ..PagerLimits::default()
    };
    // A segment has fewer rows than any cap: its first answer is its only one.
    let is_segment = report.endpoint.divisible && !task.segments.is_empty();
    if task.is_free_target || is_segment {
        limits.first_limit = FREE_ROWS;
        limits.max_limit = FREE_ROWS;
    }
    limits
}

/// The aggregation of a task, or the default of its operation.
fn aggregation<'a>(report: &'a Report, spec: &'a TaskSpec) -> Option<&'a str> {
    if let Some(aggregation) = spec.parameters.get("aggregation") {
        return Some(aggregation);
    }
    report.endpoint.parameter("aggregation")?.default.as_deref()
}

impl RunContext {
    /// The inputs of an attempt that begins now.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the commits of earlier nights cannot be read.
    pub(crate) fn inputs(&self, report: &Report, job: &ScheduledTask) -> Result<AttemptInputs> {
        let (verdicts, cap) = self.paging_knowledge(&report.endpoint.name);
        let since = changes::changes_since(self, report, job)?;
        let spec = job.task.spec.clone().with_changes_since(since);
        let window = match report.endpoint.history_column() {
            Some(_) => window_of(&job.task),
            None => None,
        };
        Ok(AttemptInputs {
            verdicts,
            cap,
            spec,
            window,
        })
    }
}
