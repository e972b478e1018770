//! Which night a run is for, and which reports can still be asked for it.

use chrono::{Days, NaiveDate};

use crate::catalog::ParameterKind;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Result};
use crate::model::Night;

/// How many days back a night may lie for an operation that only knows the present.
const GRACE_DAYS: u64 = 2;

/// The night of a run: the UTC date, or the one that was asked for.
///
/// # Errors
/// [`Code::Date`]: the date lies in the future, where the source has nothing.
pub fn night(asked: Option<NaiveDate>, today: NaiveDate) -> Result<Night> {
    match asked {
        Some(date) if date > today => Err(Error::new(
            Code::Date,
            format!("the night {date} lies in the future"),
        )
        .with_context("today", format!("{today} (UTC)"))
        .with_next("give a day up to today, or none")),
        Some(date) => Ok(date),
        None => Ok(today),
    }
}

/// Whether the report's operation answers for a night: it takes a date, or the night is one of these days.
pub fn knows(report: &Report, night: Night, today: NaiveDate) -> bool {
    let endpoint = report.endpoint;
    let is = |name: &str, kind: &ParameterKind| {
        endpoint
            .parameter(name)
            .is_some_and(|known| known.kind == *kind)
    };
    let begins = endpoint.is_history() || report.parameter("date_from").is_some();
    let knows_the_past = is("date", &ParameterKind::Date)
        || is("to", &ParameterKind::DateTime)
        || (begins && endpoint.parameter("date_to").is_some());
    knows_the_past || night >= oldest(today)
}

/// Refuses nights from this one on that some reports cannot answer for, before anything is sent; all of them are named. Where
/// days were asked for by name, histories may begin later (`keeps_to_since`: false).
///
/// # Errors
/// [`Code::Date`]: an operation takes no date and the night lies more than two days back, or a history would begin after the
/// night.
pub fn check_all(
    config: &RunConfig,
    reports: &[usize],
    night: Night,
    today: NaiveDate,
    keeps_to_since: bool,
) -> Result<()> {
    let selected = || {
        reports
            .iter()
            .filter_map(|index| config.reports.get(*index))
    };
    let blind: Vec<&Report> = selected()
        .filter(|report| !knows(report, night, today))
        .collect();
    let Some(first) = blind.first() else {
        let is_late =
            |report: &&Report| keeps_to_since && report.since.is_some_and(|since| since > night);
        return selected()
            .find(is_late)
            .map_or(Ok(()), |report| Err(begins_later(report, night)));
    };
    let oldest = oldest(today);
    let names = blind
        .iter()
        .map(|report| report.name.as_str())
        .collect::<Vec<_>>()
        .join(", ");
    let able: Vec<String> = selected()
        .filter(|report| knows(report, night, today))
        .map(|report| format!("--report {}", report.name))
        .collect();
    let others = if able.is_empty() {
        String::new()
    } else {
        format!(", or only reports that can: {}", able.join(" "))
    };
    let message = format!(
        "{} only knows the present, not the night {night}: it takes no date",
        first.endpoint.name
    );
    Err(Error::new(Code::Date, message)
        .with_context(
            if blind.len() == 1 {
                "report"
            } else {
                "reports"
            },
            names,
        )
        .with_next(format!("choose nights from {oldest} on{others}")))
}

fn begins_later(report: &Report, night: Night) -> Error {
    let since = report.since.unwrap_or(night);
    Error::new(
        Code::Date,
        format!("`since` is {since}, after the night {night}"),
    )
    .with_context("report", &report.name)
    .with_next(format!(
        "set an earlier `since`, or fetch older days by name: --from {night} --to {night}"
    ))
}

fn oldest(today: NaiveDate) -> NaiveDate {
    today
        .checked_sub_days(Days::new(GRACE_DAYS))
        .unwrap_or(today)
}
