//! Days as a report writes them: of the calendar, or relative to the night. Pure.

use chrono::{Days, Months, NaiveDate};

/// What a day looks like, for errors.
pub(crate) const DATE_HELP: &str =
    "a date such as \"2024-01-31\", or relative to the night: \"-7d\", \"-4w\", \"-1mo\", \"-1y\"";

/// Whether the text is relative to the night: `-7d`, `-4w`, `-1mo`, `-1y`.
pub fn is_relative(text: &str) -> bool {
    days_before(text, NaiveDate::default()).is_some()
}

/// The day that the text means on a night. Where a month is too short for the day, its last day.
pub fn day_of(text: &str, night: NaiveDate) -> Option<NaiveDate> {
    parse_day(text).or_else(|| days_before(text, night))
}

/// A day as `YYYY-MM-DD`, exactly ten characters.
pub(crate) fn parse_day(text: &str) -> Option<NaiveDate> {
    if text.len() != 10 {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

/// `-7d`, `-4w`, `-1mo` or `-1y` before the night.
fn days_before(text: &str, night: NaiveDate) -> Option<NaiveDate> {
    let text = text.strip_prefix('-')?;
    let unit_start = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit_start);
    let number: u32 = number.parse().ok()?;
    match unit {
        _ if number == 0 => None,
        "d" => night.checked_sub_days(Days::new(u64::from(number))),
        "w" => night.checked_sub_days(Days::new(u64::from(number) * 7)),
        "mo" => night.checked_sub_months(Months::new(number)),
        "y" => night.checked_sub_months(Months::new(number.checked_mul(12)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_of_the_calendar_or_relative_to_the_night() {
        let night: NaiveDate = "2026-03-31".parse().expect("a date");
        for (text, day) in [
            ("2024-02-29", "2024-02-29"),
            ("-7d", "2026-03-24"),
            ("-2w", "2026-03-17"),
            ("-1mo", "2026-02-28"),
            ("-1y", "2025-03-31"),
        ] {
            assert_eq!(
                day_of(text, night).map(|day| day.to_string()).as_deref(),
                Some(day),
                "{text}"
            );
        }
        for text in [
            "",
            "-",
            "7d",
            "-0d",
            "-1",
            "-1m",
            "-1.5d",
            "2024-2-9",
            "-99999999999d",
            "--1d",
            "-d",
            "+1d",
        ] {
            assert_eq!(day_of(text, night), None, "{text}");
        }
    }
}
