//! What requests cost: counts and units that are summed over a run, a day, a report, a target.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

/// What one or many requests cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitUsage {
    /// Requests sent, retries included.
    #[serde(skip_serializing_if = "is_zero")]
    pub requests: u64,
    /// Of these, answered.
    #[serde(skip_serializing_if = "is_zero")]
    pub answers: u64,
    /// Of these, answered from the API's cache, free of charge.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_hits: u64,
    /// Of these, free for another reason: free operations and free targets.
    #[serde(skip_serializing_if = "is_zero")]
    pub free: u64,
    /// Requests that were refused or failed on the server, free of charge.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Requests of which it is unknown whether they were charged: they were sent, and no response arrived.
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
    /// Of all units, those that were not spent on rows of a table.
    #[serde(skip_serializing_if = "UnitOverhead::is_zero_total")]
    pub wasted: UnitOverhead,
}

/// Units that were not spent on rows of a table, by cause. The rest is the number of rows times the price of their own
/// columns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UnitOverhead {
    /// Rows that were received twice at the borders of pages, or beyond `max_rows`.
    pub reread: u64,
    /// What requests cost beyond their rows, since no request costs less than the minimum.
    pub minimums: u64,
    /// Responses that were charged, or may have been, and were lost or damaged.
    pub lost: u64,
    /// Key columns that only paging needs.
    pub surcharge: u64,
}

impl UnitOverhead {
    /// The sum of all causes.
    pub fn total(&self) -> u64 {
        self.reread
            .saturating_add(self.minimums)
            .saturating_add(self.lost)
            .saturating_add(self.surcharge)
    }

    /// Whether all causes are zero.
    pub fn is_zero_total(&self) -> bool {
        self.total() == 0
    }

    /// The parts that are not zero, with their names, the largest first.
    pub fn nonzero_parts(&self) -> Vec<(&'static str, u64)> {
        let Self {
            reread,
            minimums,
            lost,
            surcharge,
        } = *self;
        let mut parts = vec![
            ("rows received twice at the borders of pages", reread),
            ("the minimum price of small requests", minimums),
            ("lost responses", lost),
            ("key columns that only paging needs", surcharge),
        ];
        parts.retain(|(_, units)| *units > 0);
        parts.sort_by_key(|(_, units)| std::cmp::Reverse(*units));
        parts
    }
}

impl UnitUsage {
    /// Units charged, and those that count as charged.
    pub fn total(&self) -> u64 {
        self.units.saturating_add(self.units_unknown)
    }
}

impl AddAssign for UnitUsage {
    fn add_assign(&mut self, other: Self) {
        // Destructured, so that a new field cannot be forgotten.
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

impl AddAssign for UnitOverhead {
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
