//! What requests came to: counts and units that add up over a run, a day, a report, a target.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What one or many requests came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Spent {
    /// Requests that left, retries included.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Of these, answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers: u64,
    /// Of these, answered from the source's cache, for nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_hits: u64,
    /// Of these, answered for nothing for another reason: free operations and free targets.
    #[serde(skip_serializing_if = "is_zero")]
    pub free: u64,
    /// Requests that were refused or failed at the other end, for nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Requests of which nobody knows whether they were charged: they left, and nothing came back.
    #[serde(skip_serializing_if = "is_zero")]
    pub unknown: u64,
    /// The most that the requests could have cost.
    #[serde(skip_serializing_if = "is_zero")]
    pub expected: u64,
    /// Units charged for certain.
    #[serde(skip_serializing_if = "is_zero")]
    pub units: u64,
    /// Units that count as charged for the unknown ones.
    #[serde(skip_serializing_if = "is_zero")]
    pub units_unknown: u64,
    /// Of all units, those that brought no row of a table.
    #[serde(skip_serializing_if = "Wasted::is_nothing")]
    pub wasted: Wasted,
}

/// Units that brought no row of a table, by cause. The rest went into rows: their number times the price of their own
/// columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Wasted {
    /// Rows that were received again, at the seams of pages, or beyond a fuse.
    pub reread: u64,
    /// What requests cost beyond their rows, since none costs less than the minimum.
    pub minimums: u64,
    /// Answers that were charged, or may have been, and were lost or damaged.
    pub lost: u64,
    /// Columns that only paging needs.
    pub surcharge: u64,
}

impl Wasted {
    /// All of it.
    pub fn total(&self) -> u64 {
        self.reread
            .saturating_add(self.minimums)
            .saturating_add(self.lost)
            .saturating_add(self.surcharge)
    }

    /// Whether nothing was wasted.
    pub fn is_nothing(&self) -> bool {
        self.total() == 0
    }

    /// The parts that are not zero, with their names, the largest first.
    pub fn parts(&self) -> Vec<(&'static str, u64)> {
        let Self {
            reread,
            minimums,
            lost,
            surcharge,
        } = *self;
        let mut parts = vec![
            ("rows received twice at the seams of pages", reread),
            ("minimums of small requests", minimums),
            ("answers that were lost", lost),
            ("key columns that only paging needs", surcharge),
        ];
        parts.retain(|(_, units)| *units > 0);
        parts.sort_by_key(|(_, units)| std::cmp::Reverse(*units));
        parts
    }
}

impl Spent {
    /// Units charged, and those that count as charged.
    pub fn total(&self) -> u64 {
        self.units.saturating_add(self.units_unknown)
    }
}

impl AddAssign for Spent {
    fn add_assign(&mut self, other: Self) {
        // Taken apart, so that a new field cannot be forgotten.
        let Self {
            requests,
            answers,
            cache_hits,
            free,
            refused,
            unknown,
            expected,
            units,
            units_unknown,
            wasted,
        } = other;
        for (to, from) in [
            (&mut self.requests, requests),
            (&mut self.answers, answers),
            (&mut self.cache_hits, cache_hits),
            (&mut self.free, free),
            (&mut self.refused, refused),
            (&mut self.unknown, unknown),
            (&mut self.expected, expected),
            (&mut self.units, units),
            (&mut self.units_unknown, units_unknown),
        ] {
            *to = to.saturating_add(from);
        }
        self.wasted += wasted;
    }
}

impl AddAssign for Wasted {
    fn add_assign(&mut self, other: Self) {
        let Self {
            reread,
            minimums,
            lost,
            surcharge,
        } = other;
        for (to, from) in [
            (&mut self.reread, reread),
            (&mut self.minimums, minimums),
            (&mut self.lost, lost),
            (&mut self.surcharge, surcharge),
        ] {
            *to = to.saturating_add(from);
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature that serde calls"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
