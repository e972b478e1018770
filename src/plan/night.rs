//! Which night a run is for, and which reports can still be asked for it.

use chrono::{Days, NaiveDate};

use crate::catalog::ParameterKind;
use crate::config::{Report, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::model::SnapshotDate;

/// How many days back a night may lie for an operation that only knows the present.
const GRACE_DAYS: u64 = 2;

/// The night of a run: the UTC date, or the one that was asked for.
///
/// # Errors
/// [`ErrorCode::Date`]: the date lies in the future, where the source has nothing.
pub fn resolve_date(asked: Option<NaiveDate>, today: NaiveDate) -> Result<SnapshotDate> {
    match asked {
        Some(date) if date > today => Err(Error::new(
            ErrorCode::Date,
            format!("the night {date} lies in the future"),
        )
        .with_context("today", format!("{today} (UTC)"))
        .with_hint("give a day up to today, or none")),
        Some(date) => Ok(SnapshotDate::new(date)),
        None => Ok(SnapshotDate::new(today)),
    }
}

/// Whether the report's operation answers for a night: it takes a date, or the night is one of these days.
pub fn can_answer_for(report: &Report, night: SnapshotDate, today: NaiveDate) -> bool {
    let endpoint = report.endpoint;
    let begins = endpoint.is_history() || report.parameter("date_from").is_some();
    takes(report, "date", &ParameterKind::Date)
        || takes(report, "to", &ParameterKind::DateTime)
        || (begins && endpoint.parameter("date_to").is_some())
        || night.date() >= oldest(today)
}

fn takes(report: &Report, name: &str, kind: &ParameterKind) -> bool {
    let parameter = report.endpoint.parameter(name);
    parameter.is_some_and(|known| known.kind == *kind)
}

/// Refuses nights from this one on that some reports cannot answer for, before anything is sent; all of them are named. Where
/// days were asked for by name, histories may begin later (`keeps_to_since`: false).
///
/// # Errors
/// [`ErrorCode::Date`]: an operation takes no date and the night lies more than two days back, or a history would begin after the
/// night.
pub fn ensure_answerable(
    config: &RunConfig,
    reports: &[usize],
    night: SnapshotDate,
    today: NaiveDate,
    keeps_to_since: bool,
) -> Result<()> {
    let mut names = Vec::new();
    let mut able = Vec::new();
    let mut first = None;
    for report in reports
        .iter()
        .filter_map(|index| config.reports.get(*index))
    {
        if can_answer_for(report, night, today) {
            able.push(report);
        } else {
            names.push(report.name.as_str());
            first.get_or_insert(report);
        }
    }
    let Some(first) = first else {
        for report in able {
            if keeps_to_since && report.since.is_some_and(|since| since > night.date()) {
                return Err(begins_later(report, night));
            }
        }
        return Ok(());
    };
    let oldest = oldest(today);
    let mut others = String::new();
    if !able.is_empty() {
        others.push_str(", or only reports that can:");
    }
    for report in able {
        others.push_str(" --report ");
        others.push_str(&report.name);
    }
    let message = format!(
        "{} only knows the present, not the night {night}: it takes no date",
        first.endpoint.name
    );
    Err(Error::new(ErrorCode::Date, message)
        .with_context(
            if names.len() == 1 {
                "report"
            } else {
                "reports"
            },
            names.join(", "),
        )
        .with_hint(format!("choose nights from {oldest} on{others}")))
}

fn begins_later(report: &Report, night: SnapshotDate) -> Error {
    let since = report.since.unwrap_or(night.date());
    Error::new(
        ErrorCode::Date,
        format!("`since` is {since}, after the night {night}"),
    )
    .with_context("report", &report.name)
    .with_hint(format!(
        "set an earlier `since`, or fetch older days by name: --from {night} --to {night}"
    ))
}

fn oldest(today: NaiveDate) -> NaiveDate {
    today
        .checked_sub_days(Days::new(GRACE_DAYS))
        .unwrap_or(today)
}
