//! Upper bounds of what tasks can cost, and the guard that wants a budget above 10,000 units.

use super::history::Grouping;
use super::task::Task;
use crate::catalog::{Endpoint, FREE_ROWS, FREE_TARGETS, MIN_UNITS_PER_REQUEST, ParameterKind, Shape};
use crate::config::{Report, Target};
use crate::error::{Code, Error, Result};
use crate::model::Night;
use crate::table::Span;

/// What a run without a budget may cost at most, in units.
pub const FREE_BUDGET_UNITS: u64 = 10_000;

/// Sum over tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// No task can cost more than its share of this.
    AtMost(u64),
    /// Some task has no bound: its rows are as many as the source holds.
    Unbounded,
}

/// The most that the tasks can cost together, in units.
pub fn total(tasks: &[Task]) -> Total {
    let sum = tasks.iter().try_fold(0_u64, |sum, task| Some(sum.saturating_add(task.bound_units?)));
    sum.map_or(Total::Unbounded, Total::AtMost)
}

/// Refuses a run that could cost more than [`FREE_BUDGET_UNITS`] where nobody said how much it may. With a budget it
/// passes: the budget itself is kept while the run spends.
///
/// # Errors
/// [`Code::Budget`] with the line to add.
pub fn guard(tasks: &[Task], per_run: Option<u64>) -> Result<()> {
    let (could, suggestion) = match total(tasks) {
        _ if per_run.is_some() => return Ok(()),
        Total::AtMost(units) if units <= FREE_BUDGET_UNITS => return Ok(()),
        Total::AtMost(units) => (format!("could cost {units} units"), units),
        Total::Unbounded => ("has no upper bound: without `top` or `max_rows` all rows are fetched".to_owned(), 60_000),
    };
    let message = format!("the run {could}, and no budget covers more than {FREE_BUDGET_UNITS} units");
    let next = format!("add under [budget]: per_run = {suggestion}   or give --max-units {suggestion}");
    Err(Error::new(Code::Budget, message).with_next(next))
}

/// Whether the source answers for this target at no cost, up to 100 rows a request. Subdomains are not promised to be
/// free, so they count as billed.
pub(super) fn is_free(target: &Target) -> bool {
    let rest = target.url.split_once("://").map_or(target.url.as_str(), |(_, rest)| rest);
    let host = rest.split(['/', '?', ':']).next().unwrap_or(rest);
    FREE_TARGETS.contains(&host)
}

/// The most rows that a task can have, if anything bounds them: the ranking or the fuse; one row of a record; the periods of a history;
/// the known countries of a table by country.
pub(super) fn bound_rows(report: &Report, varying: &[(String, String)], night: Night) -> Option<u64> {
    let endpoint = report.endpoint;
    match (endpoint.shape, report.since) {
        (Shape::Record, _) => Some(1),
        (Shape::Rows | Shape::Scalars, Some(since)) => {
            let span = Span::new(since.min(night), night)?;
            Some(Grouping::of(report, varying).periods(span))
        }
        (Shape::Rows | Shape::Scalars, None) if endpoint.parameter("limit").is_none() => countries(endpoint),
        (Shape::Rows | Shape::Scalars, None) => report.top.as_ref().map(|top| top.rows).or(report.max_rows),
    }
}

/// The most units that a task of this many rows can cost. A task that is paged may ask one more question (for keys
/// that are null), at the smallest price; rows that pages share at their seams are not counted.
pub(super) fn bound_units(report: &Report, target: &Target, rows: u64, units_per_row: u64, is_paged: bool) -> u64 {
    if is_free(target) && rows <= u64::from(FREE_ROWS) {
        return 0;
    }
    let question = if is_paged { MIN_UNITS_PER_REQUEST } else { 0 };
    report.endpoint.units_per_request(rows, units_per_row).saturating_add(question)
}

fn countries(endpoint: &Endpoint) -> Option<u64> {
    let from_column = endpoint.column("country").map(|column| column.values.len()).filter(|count| *count > 0);
    let from_parameter = || match &endpoint.parameter("country")?.kind {
        ParameterKind::Enum(values) => Some(values.len()),
        _ => None,
    };
    from_column.or_else(from_parameter).and_then(|count| u64::try_from(count).ok())
}
