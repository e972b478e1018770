//! What may be sent, and when: requests a minute and API units, as two separate limiters.
//!
//! Counts over a [`crate::clock::Clock`]; it knows neither HTTP nor what a request asks for.

mod budget;
mod reservation_store;
mod throttle;
mod unit_counts;
mod unit_meter;

pub use budget::{BudgetLimit, BudgetReached, BudgetShares, NotReserved};
pub use reservation_store::{ReservationStore, ReserveRequest, Reserved};
pub use throttle::Throttle;
pub use unit_meter::{Reservation, UnitMeter};
