//! The snapshot date of a run.

use std::fmt;
use std::str::FromStr;

use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

/// The date that a run exports: a label that a task keeps even if it is finished after midnight. `2026-11-23` as text and
/// on disk.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct SnapshotDate(NaiveDate);

impl SnapshotDate {
    /// The snapshot date of a day.
    pub const fn new(date: NaiveDate) -> Self {
        Self(date)
    }

    /// The day.
    pub const fn date(self) -> NaiveDate {
        self.0
    }

    /// Days from an earlier date to this one; negative if that one is later.
    pub fn days_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).num_days()
    }

    /// The date so many days later; the same date where the calendar ends.
    #[must_use]
    pub fn plus_days(self, days: u64) -> Self {
        match self.0.checked_add_days(Days::new(days)) {
            Some(date) => Self(date),
            None => self,
        }
    }

    /// The date so many days earlier; `None` where the calendar ends.
    pub fn minus_days(self, days: u64) -> Option<Self> {
        self.0.checked_sub_days(Days::new(days)).map(Self)
    }
}

impl fmt::Display for SnapshotDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for SnapshotDate {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_json_are_the_iso_date() {
        let date: SnapshotDate = "2026-11-23".parse().expect("a date");
        assert_eq!(date.to_string(), "2026-11-23");
        let json = serde_json::to_string(&date).expect("serializes");
        assert_eq!(json, "\"2026-11-23\"");
        assert_eq!(
            serde_json::from_str::<SnapshotDate>(&json).expect("parses"),
            date
        );
        assert!("23.11.2026".parse::<SnapshotDate>().is_err());
    }
}
