//! Where reservations of units are recorded durably, before the units can be spent.

use super::budget::BudgetLimit;
use crate::error::Result;

/// Records, durably, the most that a run may spend: should the run vanish, that counts as spent.
pub trait ReservationStore: Send + Sync + std::fmt::Debug {
    /// Reserves a total for the run, between `request.needed` and `request.preferred`. May block.
    ///
    /// # Errors
    /// Whatever keeps it from being durable: then nothing may be sent.
    fn reserve(&self, request: ReserveRequest) -> Result<Reserved>;
}

/// The total that a store is asked to reserve, in units of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReserveRequest {
    /// With less than this the next request cannot be sent.
    pub needed: u64,
    /// With this much the store is not asked again soon.
    pub preferred: u64,
    /// Units charged for certain so far.
    pub spent: u64,
}

/// What a store reserved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The run may spend up to this total.
    UpTo(u64),
    /// The run may spend no more than `total`, which is less than was needed: a budget beyond this run is used up.
    Insufficient {
        /// The most that the run may spend.
        total: u64,
        /// The budget that is used up.
        budget: BudgetLimit,
    },
}
