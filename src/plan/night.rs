//! Which night a run is for, and which reports can still be asked for it.

use chrono::{Days, NaiveDate};

use crate::catalog::ParameterKind;
use crate::config::Report;
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
        Some(date) if date > today => Err(Error::new(Code::Date, format!("the night {date} lies in the future"))
            .with_context("today", format!("{today} (UTC)"))
            .with_next("give --date a day up to today, or leave it out")),
        Some(date) => Ok(date),
        None => Ok(today),
    }
}

/// Refuses a night that the report's operation cannot answer for.
///
/// # Errors
/// [`Code::Date`]: the operation takes no date and the night lies more than two days back, or the history would begin
/// after the night.
pub fn check(report: &Report, night: Night, today: NaiveDate) -> Result<()> {
    let endpoint = report.endpoint;
    let is = |name: &str, kind: &ParameterKind| endpoint.parameter(name).is_some_and(|known| known.kind == *kind);
    let begins = report.since.is_some() || report.parameter("date_from").is_some();
    let knows_the_past = is("date", &ParameterKind::Date)
        || is("to", &ParameterKind::DateTime)
        || (begins && endpoint.parameter("date_to").is_some());
    let oldest = today.checked_sub_days(Days::new(GRACE_DAYS)).unwrap_or(today);
    if !knows_the_past && night < oldest {
        let message = format!("{} only knows the present, not the night {night}", endpoint.name);
        return Err(Error::new(Code::Date, message)
            .with_context("report", &report.name)
            .with_next(format!("choose a night from {oldest} on, or other reports with --report")));
    }
    match report.since {
        Some(since) if since > night => {
            Err(Error::new(Code::Date, format!("`since` is {since}, after the night {night}"))
                .with_context("report", &report.name)
                .with_next("set an earlier `since`"))
        }
        _ => Ok(()),
    }
}
