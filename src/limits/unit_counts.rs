//! The sums of a meter: units spent, assumed spent and reserved, of the whole run and of each share of its budget.

use super::budget::BudgetShares;

/// Units of one budget.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UnitCount {
    /// Charged for certain.
    pub spent: u64,
    /// Counted as charged although no response said so.
    pub assumed: u64,
    /// The worst case of everything in flight.
    pub reserved: u64,
}

impl UnitCount {
    /// What can no longer be spent, whatever becomes of the requests in flight.
    pub fn spent_or_assumed(self) -> u64 {
        self.spent.saturating_add(self.assumed)
    }

    /// The same with the worst case of everything in flight.
    pub fn committed(self) -> u64 {
        self.spent_or_assumed().saturating_add(self.reserved)
    }
}

/// The sums of a meter.
#[derive(Debug, Default)]
pub(super) struct UnitCounts {
    /// The whole run.
    pub run: UnitCount,
    /// Each share of the budget.
    pub shares: Vec<UnitCount>,
    /// The total that the store would reserve at most when it was last asked for more.
    pub store_limit: Option<u64>,
    /// The part of what is reserved that the store covers.
    pub covered: u64,
    /// How many reservations that it covered have ended.
    pub num_covered_ended: u64,
}

impl UnitCounts {
    pub fn new(num_shares: usize) -> Self {
        Self {
            shares: vec![UnitCount::default(); num_shares],
            ..Self::default()
        }
    }

    /// The total that the store must have reserved before another `worst` units can be spent.
    pub fn needed_from_store(&self, worst: u64) -> u64 {
        self.run
            .spent_or_assumed()
            .saturating_add(self.covered)
            .saturating_add(worst)
    }

    /// The store covers another reservation, of `worst` units.
    pub fn add_covered(&mut self, worst: u64) {
        self.covered = self.covered.saturating_add(worst);
    }

    /// Changes all the counts that a request of these shares counts towards.
    pub fn update(&mut self, shares: BudgetShares, change: impl Fn(&mut UnitCount)) {
        change(&mut self.run);
        for (index, count) in self.shares.iter_mut().enumerate() {
            if shares.0.contains(&Some(index)) {
                change(count);
            }
        }
    }
}
