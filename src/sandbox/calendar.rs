//! Days as the sandbox counts them: since 1970-01-01.

use chrono::{NaiveDate, NaiveTime};

/// Seconds of a day.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Days since 1970-01-01.
pub(crate) fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// Days since 1970-01-01, as the number of a part of a seeded source; 0 before that day.
pub(crate) fn day_part(day: NaiveDate) -> u64 {
    u64::try_from(day_number(day)).unwrap_or(0)
}

/// Days since 1970-01-01, as the number of a row; `None` before that day.
pub(crate) fn day_row(day: NaiveDate) -> Option<u32> {
    u32::try_from(day_number(day)).ok()
}

/// The first second of a day, in seconds since 1970-01-01T00:00:00Z.
pub(crate) fn start_of(day: NaiveDate) -> i64 {
    day.and_time(NaiveTime::MIN).and_utc().timestamp()
}
