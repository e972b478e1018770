//! Ranges of days.

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

/// A range of days, both ends included; written as `2026-01-01/2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct DateRange {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, not before the first.
    pub last: NaiveDate,
}

impl DateRange {
    /// From the first day to the last; `None` if the last is before the first.
    pub fn new(first: NaiveDate, last: NaiveDate) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// A year of the calendar.
    pub fn of_year(year: i32) -> Option<Self> {
        Self::new(
            NaiveDate::from_ymd_opt(year, 1, 1)?,
            NaiveDate::from_ymd_opt(year, 12, 31)?,
        )
    }

    /// The years of the calendar that it overlaps.
    pub fn years(self) -> std::ops::RangeInclusive<i32> {
        self.first.year()..=self.last.year()
    }

    /// Whether a day is in it.
    pub fn contains(self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Whether all days of another are in it.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// The days that are in both.
    pub fn intersection(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    /// Whether a range that does not begin earlier overlaps it or begins on the day after it.
    fn touches(self, later: Self) -> bool {
        match self.last.succ_opt() {
            Some(next) => later.first <= next,
            None => true,
        }
    }

    /// The smallest range with a further day in it.
    #[must_use]
    pub fn extended_to(self, day: NaiveDate) -> Self {
        Self {
            first: self.first.min(day),
            last: self.last.max(day),
        }
    }
}

/// The same days in as few ranges as possible, in order: those that overlap or touch become one.
pub fn merge_ranges(ranges: impl IntoIterator<Item = DateRange>) -> Vec<DateRange> {
    let mut ranges: Vec<DateRange> = ranges.into_iter().collect();
    ranges.sort_unstable();
    let mut merged: Vec<DateRange> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(before) if before.touches(range) => before.last = before.last.max(range.last),
            _ => merged.push(range),
        }
    }
    merged
}

impl From<DateRange> for String {
    fn from(DateRange { first, last }: DateRange) -> Self {
        format!("{first}/{last}")
    }
}

impl TryFrom<String> for DateRange {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        parse(&text).ok_or_else(|| format!("invalid range of days `{text}`: use `FIRST/LAST`"))
    }
}

fn parse(text: &str) -> Option<DateRange> {
    let (first, last) = text.split_once('/')?;
    DateRange::new(first.parse().ok()?, last.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(text: &str) -> DateRange {
        DateRange::try_from(text.to_owned()).expect("a range")
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let ranges = [
            "2026-01-01/2026-03-31",
            "2025-01-01/2025-12-31",
            "2024-02-01/2024-02-29",
            "2026-02-01/2026-02-02",
        ];
        assert_eq!(
            merge_ranges(ranges.map(range)),
            [
                range("2024-02-01/2024-02-29"),
                range("2025-01-01/2026-03-31")
            ]
        );
    }

    #[test]
    fn a_range_is_parsed_from_its_text_and_nothing_else_is() {
        let leap = range("2024-02-29/2024-03-01");
        assert_eq!(
            serde_json::from_str::<DateRange>(&serde_json::to_string(&leap).expect("writes"))
                .expect("reads"),
            leap
        );
        for text in [
            "2025-02-29/2025-03-01",
            "2024-03-02/2024-03-01",
            "2024-03-02",
            "",
        ] {
            assert!(DateRange::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
