//! Rows that come and go from day to day: a pure function of seed and date.
//!
//! Every day after the newest of the data brings a two-hundredth of the rows, and a row exists for up to 400 days from the
//! day that it was added, or from that newest day, so that the number of live rows stays about the same. All changes happen
//! in the first minute after midnight UTC, so that nothing is in the future for longer than that.

use std::ops::Range;

use super::family::{LOST_SHARE, NEWEST};
use crate::sandbox::calendar::DAY_SECONDS;
use crate::sandbox::cell::Cell;
use crate::sandbox::seeded::Seeded;

/// Days that a row exists, at most.
const LONGEST_LIFE_DAYS: u32 = 400;
/// Existing rows for each that is added in a day.
const ADDED_SHARE: u32 = 200;
/// Seconds of a day in which rows come and go.
const SECONDS_OF_CHANGE: u32 = 60;
/// Days behind today whose histories are still corrected: a month, and a few days after its end.
const CORRECTED_DAYS: u32 = 40;

/// Which rows of a list exist on a day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DailyChurn {
    /// Rows at the newest day of the data.
    pub(crate) rows: u32,
    /// End of the day whose rows are shown, in seconds since 1970.
    pub(crate) end: i64,
}

impl DailyChurn {
    /// Numbers of the rows that were added after the newest day of the data.
    pub(crate) fn added_rows(self) -> Range<u32> {
        let days = (self.end - NEWEST) / DAY_SECONDS - 1;
        let days = u32::try_from(days).unwrap_or(0);
        let first = self.first_added();
        first..first.saturating_add(days.saturating_mul(self.added_per_day()))
    }

    /// Whether a row was added after the newest day of the data.
    pub(crate) fn is_added(self, number: u32) -> bool {
        number >= self.first_added()
    }

    /// When a row was added, if that was after the newest day of the data.
    pub(crate) fn added_at(self, number: u32, seeded: Seeded) -> Option<i64> {
        let position = number.checked_sub(self.first_added())?;
        let day = i64::from(position / self.added_per_day() + 1);
        let second = seeded.named("born").below(SECONDS_OF_CHANGE);
        Some(NEWEST + day * DAY_SECONDS + i64::from(second))
    }

    /// When a row was removed, if that was before the end of the day.
    pub(crate) fn removed_at(self, number: u32, seeded: Seeded) -> Option<i64> {
        let lost_before = self.rows..self.rows + self.rows / LOST_SHARE;
        if lost_before.contains(&number) {
            return None;
        }
        let added_on = match self.added_at(number, seeded) {
            Some(added) => added / DAY_SECONDS * DAY_SECONDS,
            None => NEWEST,
        };
        let days = i64::from(seeded.named("life").below(LONGEST_LIFE_DAYS)) + 1;
        let second = seeded.named("died").below(SECONDS_OF_CHANGE);
        let removed = added_on + days * DAY_SECONDS + i64::from(second);
        (removed < self.end).then_some(removed)
    }

    fn first_added(self) -> u32 {
        self.rows * 2
    }

    fn added_per_day(self) -> u32 {
        (self.rows / ADDED_SHARE).max(1)
    }
}

/// A history's value of a day as it is known today: counts of the last weeks are corrected from one day to the next.
pub(crate) fn corrected(value: Cell, today: u32, day: u32, seeded: Seeded) -> Cell {
    match value {
        Cell::Int(value) if today.saturating_sub(day) < CORRECTED_DAYS => {
            let correction = seeded.named("correction").item(today).below(11);
            Cell::Int(value + value * (i64::from(correction) - 5) / 100)
        }
        other => other,
    }
}
