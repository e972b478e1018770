//! The periods of a history: days, weeks or months.

use chrono::{Datelike, NaiveDate, Weekday};

use crate::sandbox::calendar::day_row;

/// The first days of the periods from `from` to `to`, since 1970-01-01: days, weeks that begin on Monday, or months.
pub(crate) fn periods(from: NaiveDate, to: NaiveDate, grouping: Option<&str>) -> Vec<u32> {
    let mut periods = Vec::new();
    for day in from.iter_days() {
        if day > to {
            break;
        }
        if begins_period(day, grouping)
            && let Some(number) = day_row(day)
        {
            periods.push(number);
        }
    }
    periods
}

fn begins_period(day: NaiveDate, grouping: Option<&str>) -> bool {
    match grouping {
        Some("daily") => true,
        Some("weekly") => day.weekday() == Weekday::Mon,
        _ => day.day() == 1,
    }
}
