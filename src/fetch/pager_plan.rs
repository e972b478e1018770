//! What paging is told about a task: kept with the task's first answer, so that a later run asks the same questions.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::catalog::FREE_ROWS;
use crate::config::{Report, RunConfig};
use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::fetch::changes;
use crate::fetch::request::url_bytes_left;
use crate::filter::{self, Filter};
use crate::landing::Saved;
use crate::paging::{PagerLimits, PagerPlan, Paging, Top, Verdicts};
use crate::plan::ScheduledTask;
use crate::plan::{
    CHANGES_SINCE, MAX_ROWS, Task, changes_asked, columns_asked, ranking_asked, set_window,
    window_of,
};
use crate::table::Span;

/// What paging was told when the task began, kept with its first answer, so that a later run asks the same questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptInputs {
    pub verdicts: Verdicts,
    pub cap: Option<u32>,
    #[serde(default)]
    pub asked: BTreeMap<String, String>,
    /// Of a history: the days that were asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

impl AttemptInputs {
    /// The day since when changes are asked for.
    pub fn since(&self) -> Option<NaiveDate> {
        changes_asked(&self.asked).flatten()
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
        let mut changed = job.task.unanswered_by(&self.asked, false);
        let is_short =
            |window: Span| window_of(&job.task).is_some_and(|days| window.first > days.first);
        if self
            .window
            .is_some_and(|window| is_short(window) || window.last < job.night)
        {
            changed.push("since".to_owned());
        }
        changed
    }

    /// What is asked, with that day.
    pub fn with_window(&self, mut asked: BTreeMap<String, String>) -> BTreeMap<String, String> {
        asked.extend(
            self.since()
                .map(|day| (CHANGES_SINCE.to_owned(), day.to_string())),
        );
        asked
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
pub(crate) fn inputs(saved: &Saved) -> Option<AttemptInputs> {
    serde_json::from_value(saved.header.remark.clone()).ok()
}

/// How a task is paged that answers what is `asked`: the report's own words now, or those of a committed task.
pub(crate) fn pager_plan(
    context: &RunContext,
    report: &Report,
    task: &Task,
    inputs: &AttemptInputs,
    asked: &BTreeMap<String, String>,
) -> PagerPlan {
    // The key starts as it did when the task began, whatever columns are wanted by now.
    let columns = columns_asked(&inputs.asked).unwrap_or_else(|| report.columns.clone());
    let ranking = ranking_asked(asked);
    let asked = |name: &str| asked.get(name).map(String::as_str);
    let base = if asked("where") == task.asked.get("where").map(String::as_str) {
        report.filter.clone()
    } else {
        // Of another configuration: nothing is sent then, and the filter only lengthens URLs.
        let json = asked("where").and_then(|text| serde_json::from_str(text).ok());
        json.and_then(|json| filter::check(&json, report.endpoint).ok())
    };
    let window = inputs
        .since()
        .and_then(|since| changes::filter(report.endpoint, since));
    let base = Filter::and(base, window);
    let max_rows = asked(MAX_ROWS).and_then(|rows| rows.parse().ok());
    let mut limits = PagerLimits {
        cap: inputs.cap,
        max_rows,
        max_requests: context.config.run.max_requests,
        url_bytes: url_bytes_left(&context.config.source.base_url, report, task),
        ..PagerLimits::default()
    };
    if task.is_free_target {
        limits.start = FREE_ROWS;
        limits.most = FREE_ROWS;
    }
    if report.endpoint.divisible && !task.segments.is_empty() {
        // A part brings fewer rows than any cap has: it ends with its only answer.
        limits.start = FREE_ROWS;
        limits.most = FREE_ROWS;
    }
    let default = || report.endpoint.parameter("aggregation")?.default.as_deref();
    let aggregation = asked("aggregation").or_else(default);
    let top = ranking.map(|(by, rows)| Top::of(report.endpoint, &by, rows, &columns, aggregation));
    let skipping = Paging::skipping(report.endpoint, &limits).filter(|_| top.is_none());
    let paging = skipping.unwrap_or_else(|| Paging::of(report.endpoint, &columns, aggregation));
    PagerPlan {
        paging,
        base,
        verdicts: inputs.verdicts,
        limits,
        top,
    }
}

impl RunContext {
    /// What is known now, for a task that begins.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if what earlier nights committed cannot be read.
    pub(crate) fn inputs(&self, report: &Report, job: &ScheduledTask) -> Result<AttemptInputs> {
        let (verdicts, cap) = self.paging_knowledge(&report.endpoint.name);
        let mut asked = job.task.asked.clone();
        asked.extend(
            changes::since(self, report, job)?
                .map(|day| (CHANGES_SINCE.to_owned(), day.to_string())),
        );
        let window = window_of(&job.task).filter(|_| report.endpoint.history_column().is_some());
        Ok(AttemptInputs {
            verdicts,
            cap,
            asked,
            window,
        })
    }
}
