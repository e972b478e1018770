//! Upper bounds of what tasks can cost, and the guard that wants a budget above 10,000 units.

use super::history::Grouping;
use super::query::Subject;
use super::segments::{Segments, num_keywords, rows_of_keyword};
use super::task::Task;
use crate::catalog::{
    Endpoint, FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, MIN_UNITS_PER_REQUEST, Pricing, Shape,
};
use crate::config::{Report, RunConfig, Target, day_of};
use crate::error::{Code, Error, Result};
use crate::model::{Method, Night};
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
    let sum = tasks.iter().try_fold(0_u64, |sum, task| {
        Some(sum.saturating_add(task.bound_units?))
    });
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
        Total::Unbounded => (
            "has no upper bound: without `top` or `max_rows` all rows are fetched".to_owned(),
            60_000,
        ),
    };
    let message =
        format!("the run {could}, and no budget covers more than {FREE_BUDGET_UNITS} units");
    let next =
        format!("add under [budget]: per_run = {suggestion}   or give --max-units {suggestion}");
    Err(Error::new(Code::Budget, message).with_next(next))
}

/// Whether the source answers for this target and these keywords at no cost, up to 100 rows a request. Subdomains are not
/// promised to be free, so they count as billed.
pub(super) fn is_free(subject: &Subject<'_>) -> bool {
    let is_free_target = |target: &Target| {
        let rest = target
            .url
            .split_once("://")
            .map_or(target.url.as_str(), |(_, rest)| rest);
        let host = rest.split(['/', '?', ':']).next().unwrap_or(rest);
        FREE_TARGETS.contains(&host)
    };
    let is_free_keyword = |keyword: &str| FREE_KEYWORDS.contains(&keyword);
    let target = subject.target.map(is_free_target);
    let keyword = subject
        .varying
        .iter()
        .find(|(name, _)| name == "keyword")
        .map(|(_, word)| is_free_keyword(word));
    let list = subject
        .keywords()
        .map(|words| words.iter().all(|word| is_free_keyword(word)));
    let known: Vec<bool> = target.into_iter().chain(keyword).chain(list).collect();
    // Nothing is promised of requests whose targets stand in a body.
    subject.report.endpoint.method == Method::Get
        && !known.is_empty()
        && known.iter().all(|is_free| *is_free)
}

/// The most rows that a task can have, if anything bounds them: the ranking or the fuse; one row of a record, of a target
/// of a batch, or of a keyword of a list; the periods of a history; the known countries of a table by country.
pub(super) fn bound_rows(subject: &Subject<'_>, segments: &Segments) -> Option<u64> {
    let (report, endpoint) = (subject.report, subject.report.endpoint);
    if endpoint.shape == Shape::Record || endpoint.takes_many_targets() {
        return Some(1);
    }
    match report.since {
        Some(since) => {
            let span = Span::new(since.min(subject.night), subject.night)?;
            Some(of_series(
                segments,
                Grouping::of(report, subject.varying).periods(span),
            ))
        }
        None if endpoint.parameter("limit").is_none() => countries(endpoint),
        None => {
            let rows = report.top.as_ref().map(|top| top.rows).or(report.max_rows);
            let keywords = segments.iter().map(|segment| num_keywords(segment)).sum();
            if endpoint.divisible && keywords > 0 {
                Some(rows.unwrap_or(keywords).min(keywords))
            } else {
                rows
            }
        }
    }
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
        return Some(of_segments(endpoint, task, rows));
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
pub(super) fn of_series(segments: &Segments, periods: u64) -> u64 {
    segments
        .iter()
        .map(|segment| num_keywords(segment))
        .sum::<u64>()
        .max(1)
        .saturating_mul(periods)
}

/// Units of a task of several segments that brings so many rows: each is a request, with its keywords' part of them.
pub(super) fn of_segments(endpoint: &Endpoint, task: &Task, rows: u64) -> u64 {
    let mut left = rows;
    let each = rows_of_keyword(&task.segments, rows);
    task.segments.iter().fold(0, |units, segment| {
        let own = left.min(num_keywords(segment).saturating_mul(each));
        left -= own;
        units.saturating_add(endpoint.units_per_request(own, task.units_per_row))
    })
}

/// Columns whose price the parameters tell, and what they cost beyond the catalog's word.
pub(super) fn extra_units(report: &Report, night: Night) -> Vec<(String, u64)> {
    let endpoint = report.endpoint;
    let noted = |name: &str| {
        endpoint
            .column(name)
            .filter(|column| column.units_note.is_some())
            .map(|column| column.units)
    };
    let mut extra = Vec::new();
    if let Some((units, from)) =
        noted("volume_monthly_history").zip(report.parameter("volume_monthly_date_from"))
    {
        let to = report
            .parameter("volume_monthly_date_to")
            .and_then(|to| day_of(to, night))
            .unwrap_or(night);
        let span = day_of(from, night).and_then(|from| Span::new(from, to));
        let months = span.map_or(0, |span| Grouping::Monthly.periods(span));
        let price = months.saturating_mul(2).max(MIN_UNITS_PER_REQUEST);
        extra.push((
            "volume_monthly_history".to_owned(),
            price.saturating_sub(units),
        ));
    }
    if let Some(units) = noted("share_of_voice") {
        let brands = ["brand", "competitors"]
            .iter()
            .filter_map(|name| report.parameter(name));
        let brands = brands
            .flat_map(|text| text.split(','))
            .filter(|brand| !brand.is_empty())
            .count();
        let price = u64::try_from(brands).unwrap_or(u64::MAX);
        extra.push(("share_of_voice".to_owned(), price.saturating_sub(units)));
    }
    extra
}

/// The most units that a task can cost if it is bought alone.
pub(super) fn bound_alone(config: &RunConfig, task: &Task) -> Option<u64> {
    let report = config.reports.get(task.report)?;
    bound_units(
        report,
        task,
        !task.order_key.is_empty() || report.endpoint.has_offset(),
    )
}

fn countries(endpoint: &Endpoint) -> Option<u64> {
    let from_column = endpoint
        .column("country")
        .map(|column| column.values.len())
        .filter(|count| *count > 0);
    from_column.and_then(|count| u64::try_from(count).ok())
}
