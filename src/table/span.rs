//! Ranges of days.

use chrono::{Datelike as _, NaiveDate};
use serde::{Deserialize, Serialize};

/// A range of days, both ends included; written as `2026-01-01/2026-11-23`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Span {
    /// The first day.
    pub first: NaiveDate,
    /// The last day, not before the first.
    pub last: NaiveDate,
}

impl Span {
    /// From the first day to the last; `None` if that lies before it.
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

    /// The years of the calendar that it touches.
    pub fn years(self) -> std::ops::RangeInclusive<i32> {
        self.first.year()..=self.last.year()
    }

    /// Whether a day lies in it.
    pub fn contains(self, day: NaiveDate) -> bool {
        (self.first..=self.last).contains(&day)
    }

    /// Whether all days of another lie in it.
    pub fn covers(self, other: Self) -> bool {
        self.first <= other.first && other.last <= self.last
    }

    /// The days that lie in both.
    pub fn within(self, other: Self) -> Option<Self> {
        Self::new(self.first.max(other.first), self.last.min(other.last))
    }

    /// With a further day, and those between.
    #[must_use]
    pub fn with(self, day: NaiveDate) -> Self {
        Self {
            first: self.first.min(day),
            last: self.last.max(day),
        }
    }
}

/// The same days in as few ranges as possible, in order: those that overlap or touch become one.
pub fn joined(spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut spans: Vec<Span> = spans.into_iter().collect();
    spans.sort_unstable();
    let mut all: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match all.last_mut() {
            Some(before) if before.last.succ_opt().is_none_or(|next| span.first <= next) => {
                before.last = before.last.max(span.last);
            }
            _ => all.push(span),
        }
    }
    all
}

impl From<Span> for String {
    fn from(Span { first, last }: Span) -> Self {
        format!("{first}/{last}")
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let days = text
            .split_once('/')
            .and_then(|(first, last)| Self::new(first.parse().ok()?, last.parse().ok()?));
        days.ok_or_else(|| format!("`{text}` is no range of days"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Span {
        Span::try_from(text.to_owned()).expect("a range")
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let spans = [
            "2026-01-01/2026-03-31",
            "2025-01-01/2025-12-31",
            "2024-02-01/2024-02-29",
            "2026-02-01/2026-02-02",
        ];
        assert_eq!(
            joined(spans.map(span)),
            [span("2024-02-01/2024-02-29"), span("2025-01-01/2026-03-31")]
        );
    }

    #[test]
    fn a_range_reads_back_and_nonsense_does_not() {
        let leap = span("2024-02-29/2024-03-01");
        assert_eq!(
            serde_json::from_str::<Span>(&serde_json::to_string(&leap).expect("writes"))
                .expect("reads"),
            leap
        );
        for text in [
            "2025-02-29/2025-03-01",
            "2024-03-02/2024-03-01",
            "2024-03-02",
            "",
        ] {
            assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
