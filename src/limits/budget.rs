//! Budgets of API units, and why a request may not be sent.

use crate::error::Error;

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetLimit {
    /// The setting that a user would raise: `[budget] per_month`.
    pub name: String,
    /// Units.
    pub limit: u64,
}

/// The shares of a meter's budget that a request spends from, by index: at most one of its report and one of its target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BudgetShares(pub [Option<usize>; 2]);

/// Why a request may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum NotReserved {
    /// It could exceed the budget.
    #[error(transparent)]
    Budget(#[from] BudgetReached),
    /// What it could cost cannot be recorded.
    #[error("the units of the request cannot be recorded")]
    Store(#[source] Error),
}

/// A request would exceed the budget even when everything in flight has settled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the next request may cost {wanted} units and {left} of the budget of {limit} are left")]
pub struct BudgetReached {
    /// Worst case of the request that was not sent.
    pub wanted: u64,
    /// Units left.
    pub left: u64,
    /// The budget.
    pub limit: u64,
    /// The setting that a user would raise.
    pub name: String,
}
