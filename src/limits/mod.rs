//! What may be sent, and when: requests a minute and API units, as two separate limiters.
//!
//! Pure bookkeeping over a [`crate::clock::Clock`]; knows nothing of HTTP or of what a request asks for.

mod throttle;
mod units;

pub use throttle::Throttle;
pub use units::{
    BudgetReached, Cap, Ledger, NotReserved, Promised, Reservation, Shares, UnitMeter, Wanted,
};
