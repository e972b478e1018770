//! Days as people write them in a report: of the calendar, or so far before the night. Pure.

use chrono::{Days, Months, NaiveDate};

/// What a day looks like, for faults.
pub(crate) const HELP: &str = "a date such as \"2024-01-31\", or so far before the night: \"-7d\", \"-4w\", \"-1mo\", \"-1y\"";

/// Whether the text is so far before the night: `-7d`, `-4w`, `-1mo`, `-1y`.
pub fn is_relative(text: &str) -> bool {
    back(text, NaiveDate::default()).is_some()
}

/// The day that the text means on a night: itself, or so far before. A month too short for the day ends with its last.
pub fn day_of(text: &str, night: NaiveDate) -> Option<NaiveDate> {
    parse_day(text).or_else(|| back(text, night))
}

/// A day as `YYYY-MM-DD`, exactly ten characters.
pub(crate) fn parse_day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| text.len() == 10)
}

fn back(text: &str, night: NaiveDate) -> Option<NaiveDate> {
    let text = text.strip_prefix('-')?;
    let (number, unit) = text.split_at(text.find(|character: char| !character.is_ascii_digit())?);
    let number: u32 = number.parse().ok().filter(|number| *number > 0)?;
    match unit {
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
    fn a_day_is_of_the_calendar_or_so_far_before_the_night() {
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
