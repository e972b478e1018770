//! API units: what is spent, what may be spent, and what every request in flight could still cost.
//!
//! Invariant: spent + presumed + the worst case of everything in flight never exceeds the limit.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

/// Meters units against a limit. A request first reserves the most it can cost; the answer settles it.
#[derive(Debug)]
pub struct UnitMeter {
    limit: Option<u64>,
    state: Mutex<State>,
    settled: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: u64,
    presumed: u64,
    reserved: u64,
}

/// A request would exceed the budget even when everything in flight has settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the next request may cost {wanted} units and {left} of the budget of {limit} are left")]
pub struct BudgetReached {
    /// Worst case of the request that was not sent.
    pub wanted: u64,
    /// Units left.
    pub left: u64,
    /// The budget.
    pub limit: u64,
}

impl UnitMeter {
    /// A meter with a limit, or without one. `spent` counts against the limit from the start.
    pub fn new(limit: Option<u64>, spent: u64) -> Arc<Self> {
        Arc::new(Self { limit, state: Mutex::new(State { spent, ..State::default() }), settled: Notify::new() })
    }

    /// Reserves the worst case of one attempt, waiting for settlements while they could make it fit.
    ///
    /// # Errors
    /// [`BudgetReached`] once nothing is in flight and it still does not fit.
    pub async fn reserve(self: &Arc<Self>, worst: u64) -> Result<Reservation, BudgetReached> {
        loop {
            let changed = self.settled.notified();
            match self.try_reserve(worst) {
                Ok(Some(reservation)) => return Ok(reservation),
                Ok(None) => changed.await,
                Err(reached) => return Err(reached),
            }
        }
    }

    fn try_reserve(self: &Arc<Self>, worst: u64) -> Result<Option<Reservation>, BudgetReached> {
        let mut state = self.lock();
        if let Some(limit) = self.limit {
            let gone = state.spent.saturating_add(state.presumed);
            let left = limit.saturating_sub(gone);
            if worst > left {
                return Err(BudgetReached { wanted: worst, left, limit });
            }
            if worst > left.saturating_sub(state.reserved) {
                return Ok(None);
            }
        }
        state.reserved = state.reserved.saturating_add(worst);
        Ok(Some(Reservation { meter: Arc::clone(self), worst, open: true }))
    }

    /// Units that are neither spent nor reserved; none where there is no limit.
    pub fn left(&self) -> Option<u64> {
        let state = self.lock();
        let gone = state.spent.saturating_add(state.presumed).saturating_add(state.reserved);
        self.limit.map(|limit| limit.saturating_sub(gone))
    }

    /// Units charged for certain.
    pub fn spent(&self) -> u64 {
        self.lock().spent
    }

    /// Units that count as charged although no answer said so: time-outs and resets after sending.
    pub fn presumed(&self) -> u64 {
        self.lock().presumed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Units set aside for one attempt. Dropped unsettled, they count as charged: an answer that never came may have been billed.
#[derive(Debug)]
pub struct Reservation {
    meter: Arc<UnitMeter>,
    worst: u64,
    open: bool,
}

impl Reservation {
    /// The answer told its price.
    pub fn settle(mut self, actual: u64) {
        self.close(actual, 0);
    }

    /// Nobody knows whether it was charged: it counts as charged.
    pub fn presume(mut self) -> u64 {
        let worst = self.worst;
        self.close(0, worst);
        worst
    }

    fn close(&mut self, spent: u64, presumed: u64) {
        self.open = false;
        let mut state = self.meter.lock();
        state.reserved = state.reserved.saturating_sub(self.worst);
        state.spent = state.spent.saturating_add(spent);
        state.presumed = state.presumed.saturating_add(presumed);
        drop(state);
        self.meter.settled.notify_waiters();
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.open {
            let worst = self.worst;
            self.close(0, worst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_that_could_exceed_the_budget_is_refused_and_an_exact_fit_is_not() {
        let meter = UnitMeter::new(Some(100), 0);
        let first = meter.reserve(60).await.expect("fits");
        first.settle(50);
        assert_eq!(meter.reserve(51).await.expect_err("too much"), BudgetReached { wanted: 51, left: 50, limit: 100 });
        meter.reserve(50).await.expect("exact fit").settle(50);
        assert_eq!(meter.spent(), 100);
    }

    #[tokio::test]
    async fn waits_for_a_settlement_that_makes_room() {
        let meter = UnitMeter::new(Some(100), 0);
        let first = meter.reserve(100).await.expect("fits");
        let waiting = tokio::spawn({
            let meter = Arc::clone(&meter);
            async move { meter.reserve(50).await.map(Reservation::presume) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        first.settle(50);
        assert_eq!(waiting.await.expect("joins"), Ok(50));
        assert_eq!(meter.presumed(), 50);
    }

    #[tokio::test]
    async fn an_attempt_that_vanishes_counts_as_charged() {
        let meter = UnitMeter::new(Some(100), 0);
        drop(meter.reserve(80).await.expect("fits"));
        assert_eq!(meter.reserve(50).await.expect_err("no room").left, 20);
    }
}
