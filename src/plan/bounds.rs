//! Upper bounds of what tasks can cost, and the guard that wants a budget above 10,000 units.

use super::granularity::Granularity;
use super::segments::{Segments, num_keywords, rows_of_keyword};
use super::subject::{TaskSubject, find};
use super::task::Task;
use crate::catalog::{
    Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, MIN_UNITS_PER_REQUEST, Pricing, Shape,
};
use crate::config::{Report, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::model::Method;
use crate::table::DateRange;

/// What a run without a budget may cost at most, in units.
pub const FREE_BUDGET_UNITS: u64 = 10_000;

/// Sum over tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CostBound {
    /// No task can cost more than its share of this.
    AtMost(u64),
    /// Some task has no bound: its rows are as many as the source holds.
    Unbounded,
}

/// The most that the tasks can cost together, in units.
pub fn total(tasks: &[Task]) -> CostBound {
    let mut sum = 0_u64;
    for task in tasks {
        let Some(units) = task.bound_units else {
            return CostBound::Unbounded;
        };
        sum = sum.saturating_add(units);
    }
    CostBound::AtMost(sum)
}

/// Refuses a run that could cost more than [`FREE_BUDGET_UNITS`] where nobody said how much it may. With a budget it
/// passes: the budget itself is kept while the run spends.
///
/// # Errors
/// [`ErrorCode::Budget`] with the line to add.
pub fn require_budget(tasks: &[Task], per_run: Option<u64>) -> Result<()> {
    let (could, suggestion) = match total(tasks) {
        _ if per_run.is_some() => return Ok(()),
        CostBound::AtMost(units) if units <= FREE_BUDGET_UNITS => return Ok(()),
        CostBound::AtMost(units) => (format!("could cost {units} units"), units),
        CostBound::Unbounded => (
            "has no upper bound: without `top` or `max_rows` all rows are fetched".to_owned(),
            60_000,
        ),
    };
    let message =
        format!("the run {could}, and no budget covers more than {FREE_BUDGET_UNITS} units");
    let next =
        format!("add under [budget]: per_run = {suggestion}   or give --max-units {suggestion}");
    Err(Error::new(ErrorCode::Budget, message).with_hint(next))
}

/// Whether the source answers for this target and these keywords at no cost, up to 100 rows a request. Subdomains are not
/// promised to be free, so they count as billed.
pub(super) fn is_free(subject: &TaskSubject<'_>) -> bool {
    // Nothing is promised of requests whose targets are in a body.
    if subject.report.endpoint.method != Method::Get {
        return false;
    }
    let mut lookups = Vec::new();
    if let Some(target) = subject.target {
        lookups.push(FREE_TARGETS.contains(&host(&target.url)));
    }
    if let Some(keyword) = find(subject.varying, "keyword") {
        lookups.push(FREE_KEYWORDS.contains(&keyword));
    }
    for keyword in subject.keywords().unwrap_or_default() {
        lookups.push(FREE_KEYWORDS.contains(&keyword.as_str()));
    }
    !lookups.is_empty() && !lookups.contains(&false)
}

fn host(url: &str) -> &str {
    let rest = match url.split_once("://") {
        Some((_, rest)) => rest,
        None => url,
    };
    rest.split(['/', '?', ':']).next().unwrap_or(rest)
}

/// The most rows that a task can have, if anything bounds them: the ranking or `max_rows`; one row of a record, of a target
/// of a batch, or of a keyword of a list; the periods of a history; the known countries of a table by country.
pub(super) fn bound_rows(subject: &TaskSubject<'_>, segments: &Segments) -> Option<u64> {
    let (report, endpoint) = (subject.report, subject.report.endpoint);
    if endpoint.shape == Shape::Record || endpoint.takes_many_targets() {
        return Some(1);
    }
    if let Some(since) = report.since {
        let span = DateRange::new(since.min(subject.night.date()), subject.night.date())?;
        let periods = Granularity::of(report, subject.varying).periods(span);
        return Some(rows_of_series(segments, periods));
    }
    if endpoint.parameter("limit").is_none() {
        return num_countries(endpoint);
    }
    let rows = match &report.top {
        Some(top) => Some(top.rows),
        None => report.max_rows,
    };
    let keywords = segments.iter().map(|segment| num_keywords(segment)).sum();
    if endpoint.divisible && keywords > 0 {
        return Some(rows.unwrap_or(keywords).min(keywords));
    }
    rows
}

/// The most units that a task can cost, if anything bounds them. A task that is paged may ask one more question (for keys
/// that are null), at the smallest price; rows that pages share at their seams are not counted.
pub(super) fn bound_units(report: &Report, task: &Task, is_paged: bool) -> Option<u64> {
    let endpoint = report.endpoint;
    let is_one_request = !is_paged && task.segments.len() <= 1;
    if task.is_free || (endpoint.pricing != Pricing::PerRow && is_one_request) {
        return Some(if task.is_free {
            0
        } else {
            endpoint.units_per_request(0, 0)
        });
    }
    let rows = task.bound_rows?;
    if task.is_free_target && rows <= u64::from(FREE_ROWS) {
        return Some(0);
    }
    if task.segments.len() > 1 {
        return Some(units_of_segments(endpoint, task, rows));
    }
    if endpoint.pricing != Pricing::PerRow {
        // Pages of the smallest cap, each of which brings the last row of the one before again.
        let requests = rows.div_ceil(u64::from(FREE_ROWS) - 1).saturating_add(1);
        return Some(requests.saturating_mul(endpoint.units_per_request(0, 0)));
    }
    let question = if is_paged { MIN_UNITS_PER_REQUEST } else { 0 };
    Some(
        endpoint
            .units_per_request(rows, task.units_per_row)
            .saturating_add(question),
    )
}

/// Rows of a history of so many periods: each keyword of a list has a series of its own.
pub(super) fn rows_of_series(segments: &Segments, periods: u64) -> u64 {
    segments
        .iter()
        .map(|segment| num_keywords(segment))
        .sum::<u64>()
        .max(1)
        .saturating_mul(periods)
}

/// Units of a task of several segments that brings so many rows: each is a request, with its keywords' share of them.
pub(super) fn units_of_segments(endpoint: &Endpoint, task: &Task, rows: u64) -> u64 {
    let mut left = rows;
    let mut units = 0_u64;
    let each = rows_of_keyword(&task.segments, rows);
    for segment in &task.segments {
        let own = left.min(num_keywords(segment).saturating_mul(each));
        left -= own;
        units = units.saturating_add(endpoint.units_per_request(own, task.units_per_row));
    }
    units
}

/// The most units that a task can cost by requests of its own.
pub(super) fn own_bound(config: &RunConfig, task: &Task) -> Option<u64> {
    let report = config.reports.get(task.report)?;
    bound_units(
        report,
        task,
        !task.order_key.is_empty() || report.endpoint.has_offset(),
    )
}

fn num_countries(endpoint: &Endpoint) -> Option<u64> {
    let countries = &endpoint.column("country")?.values;
    if countries.is_empty() {
        return None;
    }
    u64::try_from(countries.len()).ok()
}
