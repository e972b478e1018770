//! The periods of a history: what one row of it stands for.

use chrono::{Datelike as _, Days, NaiveDate};

use super::subject::find;
use crate::config::Report;
use crate::table::DateRange;

/// Days before the last answer that are asked for again. A week of them costs no request more, and of most histories
/// nothing at all, since a request has a minimum price; figures of a day settle within days.
const OVERLAP_DAYS: u64 = 7;

/// Days of the shortest month.
const SHORTEST_MONTH: u64 = 28;

/// Days of the longest month.
const LONGEST_MONTH: u64 = 31;

/// What one row of a history stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// A day.
    Daily,
    /// A week, from Monday on.
    Weekly,
    /// A month.
    Monthly,
    /// The operation does not say: at least a day, at most a month.
    Unstated,
}

impl Granularity {
    /// Of a report's tasks with these varying parameters.
    pub fn of(report: &Report, varying: &[(String, String)]) -> Self {
        const NAME: &str = "history_grouping";
        match find(varying, NAME).or_else(|| report.parameter(NAME)) {
            Some("monthly") => Self::Monthly,
            Some("weekly") => Self::Weekly,
            Some(_) => Self::Daily,
            None => Self::Unstated,
        }
    }

    /// The first day of the period of a day.
    pub(super) fn start(self, day: NaiveDate) -> NaiveDate {
        match self {
            Self::Daily => day,
            Self::Weekly => before(day, u64::from(day.weekday().num_days_from_monday())),
            Self::Monthly | Self::Unstated => day.with_day(1).unwrap_or(day),
        }
    }

    /// The last day of the period of a day.
    pub(super) fn end(self, day: NaiveDate) -> NaiveDate {
        let next = match self {
            Self::Daily => return day,
            Self::Weekly => self.start(day).checked_add_days(Days::new(7)),
            Self::Monthly | Self::Unstated => {
                self.start(day).checked_add_months(chrono::Months::new(1))
            }
        };
        next.and_then(|next| next.pred_opt()).unwrap_or(day)
    }

    /// The first day that is asked for again where answers reach to `last`: the period of that day was not over, and the
    /// one before it may still be revised.
    pub(super) fn refetch_from(self, last: NaiveDate) -> NaiveDate {
        match self {
            Self::Daily => before(last, OVERLAP_DAYS),
            Self::Weekly | Self::Monthly | Self::Unstated => {
                self.start(before(self.start(last), 1))
            }
        }
    }

    /// Periods that touch the range: the most rows that one series of it has.
    pub(super) fn periods(self, span: DateRange) -> u64 {
        match self {
            Self::Daily | Self::Unstated => days_between(span.first, span.last) + 1,
            Self::Weekly => days_between(self.start(span.first), self.start(span.last)) / 7 + 1,
            Self::Monthly => {
                let months = month_number(span.last) - month_number(span.first);
                u64::try_from(months).unwrap_or(0) + 1
            }
        }
    }

    /// Rows of a night at most, once all older ones are there and nights lie this far apart.
    pub(super) fn usual_periods(self, nights: u64) -> u64 {
        match self {
            Self::Daily => OVERLAP_DAYS + nights + 1,
            Self::Weekly => nights.div_ceil(7) + 2,
            Self::Monthly => nights.div_ceil(SHORTEST_MONTH) + 2,
            Self::Unstated => 2 * LONGEST_MONTH + nights,
        }
    }
}

fn before(day: NaiveDate, days: u64) -> NaiveDate {
    day.checked_sub_days(Days::new(days)).unwrap_or(day)
}

fn days_between(first: NaiveDate, last: NaiveDate) -> u64 {
    u64::try_from((last - first).num_days()).unwrap_or(0)
}

fn month_number(day: NaiveDate) -> i64 {
    i64::from(day.year()) * 12 + i64::from(day.month0())
}
