//! What paging is told about a task: kept with the task's first answer, so that a later run asks the same questions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::url_bytes_left;
use super::stage::{Job, Stage};
use crate::catalog::FREE_ROWS;
use crate::config::Report;
use crate::filter;
use crate::landing::Saved;
use crate::paging::{PagerLimits, PagerPlan, Paging, Verdicts};
use crate::plan::{MAX_ROWS, columns_asked};

/// What paging was told when the task began, kept with its first answer, so that a later run asks the same questions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Inputs {
    pub verdicts: Verdicts,
    pub cap: Option<u32>,
    #[serde(default)]
    pub asked: BTreeMap<String, String>,
}

/// Where answers may come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum From {
    /// From the API, once those that are saved are used up.
    Source,
    /// From what is saved, and nowhere else.
    Saved,
}

/// What paging was told when a saved answer was asked for.
pub(super) fn inputs(saved: &Saved) -> Option<Inputs> {
    serde_json::from_value(saved.header.remark.clone()).ok()
}

/// How a task is paged that answers what is `asked`: the report's own words now, or those of a committed task.
pub(super) fn pager_plan(
    stage: &Stage,
    report: &Report,
    job: &Job,
    inputs: &Inputs,
    asked: &BTreeMap<String, String>,
) -> PagerPlan {
    // The key starts as it did when the task began, whatever columns are wanted by now.
    let columns = columns_asked(&inputs.asked).unwrap_or_else(|| report.columns.clone());
    let asked = |name: &str| asked.get(name).map(String::as_str);
    let base = if asked("where") == job.task.asked.get("where").map(String::as_str) {
        report.filter.clone()
    } else {
        // Of another configuration: nothing is sent then, and the filter only lengthens URLs.
        let json = asked("where").and_then(|text| serde_json::from_str(text).ok());
        json.and_then(|json| filter::check(&json, report.endpoint).ok())
    };
    let max_rows = asked(MAX_ROWS).and_then(|rows| rows.parse().ok());
    let mut limits = PagerLimits {
        cap: inputs.cap,
        max_rows,
        max_requests: stage.config.run.max_requests,
        url_bytes: url_bytes_left(&stage.config.source.base_url, report, &job.task),
        ..PagerLimits::default()
    };
    if job.task.is_free_target {
        limits.start = FREE_ROWS;
        limits.most = FREE_ROWS;
    }
    let default = || report.endpoint.parameter("aggregation")?.default.as_deref();
    let aggregation = asked("aggregation").or_else(default);
    PagerPlan { paging: Paging::of(report.endpoint, &columns, aggregation), base, verdicts: inputs.verdicts, limits }
}

impl Stage {
    /// What is known now, for a task that begins.
    pub(super) fn inputs(&self, report: &Report, job: &Job) -> Inputs {
        let (verdicts, cap) = self.known(&report.endpoint.name);
        Inputs { verdicts, cap, asked: job.task.asked.clone() }
    }
}
