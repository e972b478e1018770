//! Rows that come and go with the days, where the sandbox is living: a pure function of seed and date.
//!
//! Every day after the newest of the data brings a two-hundredth of the rows, and a row lives for up to 400 days from its
//! birth, or from that newest day, so that the number of live rows stays about the same. All happens in the first minute
//! after midnight UTC, so that nothing lies in the future for longer than that.

use std::ops::Range;

use super::{LOST_SHARE, NEWEST, Row, Source};
use crate::sandbox::cell::Cell;
use crate::sandbox::hash::Dice;

const DAY: i64 = 86_400;
/// Days that a row lives, at most.
const LIFE_DAYS: u32 = 400;
/// Rows for each that is born a day.
const BIRTH_SHARE: u32 = 200;
/// Seconds of a day in which rows come and go.
const SECONDS_OF_CHANGE: u32 = 60;
/// Days behind today whose histories are still corrected: a month, and a few days after its end.
const CORRECTED_DAYS: u32 = 40;

impl Source {
    /// Numbers of the rows that were born after the newest day of the data.
    pub(in crate::sandbox) fn born(&self) -> Range<u32> {
        let first = self.first_born();
        let days = self.living_until.map_or(0, |end| (end - NEWEST) / DAY - 1);
        let days = u32::try_from(days).unwrap_or(0);
        first..first.saturating_add(days.saturating_mul(self.births()))
    }

    /// Whether a row is there on the day that the sandbox lives.
    pub(in crate::sandbox) fn is_live(&self, row: Row) -> bool {
        let number = self.original(row.number);
        !self.is_lost(number, self.dice.of("row").at(u64::from(number)))
    }

    pub(super) fn is_born_later(&self, number: u32) -> bool {
        self.living_until.is_some() && number >= self.first_born()
    }

    /// When a row was born, if that was after the newest day of the data.
    pub(super) fn birth(&self, number: u32, dice: Dice) -> Option<i64> {
        let place = number
            .checked_sub(self.first_born())
            .filter(|_| self.living_until.is_some())?;
        Some(
            NEWEST
                + i64::from(place / self.births() + 1) * DAY
                + i64::from(dice.of("born").below(SECONDS_OF_CHANGE)),
        )
    }

    /// When a row went, if it went by the day that the sandbox lives.
    pub(super) fn death(&self, number: u32, dice: Dice) -> Option<i64> {
        let end = self.living_until?;
        let dead_before = self.rows..self.rows + self.rows / LOST_SHARE;
        let born = self
            .birth(number, dice)
            .map_or(NEWEST, |birth| birth / DAY * DAY);
        let days = i64::from(dice.of("life").below(LIFE_DAYS)) + 1;
        let death = born + days * DAY + i64::from(dice.of("died").below(SECONDS_OF_CHANGE));
        (!dead_before.contains(&number) && death < end).then_some(death)
    }

    /// A history's value as it is told so far: counts of the last weeks are corrected from one day to the next.
    pub(super) fn corrected(&self, day: u32, dice: Dice, value: Cell) -> Cell {
        let Some(today) = self
            .corrected_on
            .filter(|today| today.saturating_sub(day) < CORRECTED_DAYS)
        else {
            return value;
        };
        match value {
            Cell::Int(value) => {
                let correction = i64::from(dice.of("correction").at(u64::from(today)).below(11));
                Cell::Int(value + value * (correction - 5) / 100)
            }
            other => other,
        }
    }

    fn first_born(&self) -> u32 {
        self.rows * 2
    }

    fn births(&self) -> u32 {
        (self.rows / BIRTH_SHARE).max(1)
    }
}
