//! API units: what is spent, what may be spent, and what every request in flight could still cost.
//!
//! Invariants: spent + presumed + the worst case of everything in flight never exceeds the limit, nor what the ledger has
//! promised durably. Promises are made in blocks, so that not every request waits for a disk.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

use tokio::sync::Notify;

/// A block is promised for so many requests like the one that needs it.
const BLOCK_REQUESTS: u64 = 8;

/// Writes down, durably, how many units a run may come to: should it vanish, they count as spent.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Promises that the run comes to no more than `total` units. May block.
    ///
    /// # Errors
    /// Whatever keeps it from being durable: then nothing may be sent.
    fn promise(&self, total: u64) -> Result<()>;
}

/// Meters units against a limit. A request first reserves the most it can cost; the answer settles it.
#[derive(Debug)]
pub struct UnitMeter {
    limit: Option<u64>,
    state: Mutex<State>,
    settled: Notify,
    ledger: Option<Arc<dyn Ledger>>,
    promised: tokio::sync::Mutex<u64>,
}

#[derive(Debug, Default)]
struct State {
    spent: u64,
    presumed: u64,
    reserved: u64,
}

/// Why a request may not be sent.
#[derive(Debug, thiserror::Error)]
pub enum NotReserved {
    /// It could exceed the budget.
    #[error(transparent)]
    Budget(#[from] BudgetReached),
    /// What it could cost cannot be written down.
    #[error("the units of the request cannot be written down")]
    Ledger(#[source] Error),
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
        Arc::new(Self::build(limit, spent, None))
    }

    /// A meter whose units a ledger promises before they can be spent.
    pub fn with_ledger(limit: Option<u64>, ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self::build(limit, 0, Some(ledger)))
    }

    fn build(limit: Option<u64>, spent: u64, ledger: Option<Arc<dyn Ledger>>) -> Self {
        let state = Mutex::new(State { spent, ..State::default() });
        Self { limit, state, settled: Notify::new(), ledger, promised: tokio::sync::Mutex::new(0) }
    }

    /// Reserves the worst case of one attempt, waiting for settlements while they could make it fit.
    ///
    /// # Errors
    /// [`BudgetReached`] once nothing is in flight and it still does not fit; [`NotReserved::Ledger`].
    pub async fn reserve(self: &Arc<Self>, worst: u64) -> Result<Reservation, NotReserved> {
        loop {
            let changed = self.settled.notified();
            match self.try_reserve(worst)? {
                Some(reservation) => {
                    self.promise(worst).await.map_err(NotReserved::Ledger)?;
                    return Ok(reservation);
                }
                None => changed.await,
            }
        }
    }

    /// Makes sure that the ledger covers all that is spent and reserved.
    async fn promise(&self, worst: u64) -> Result<()> {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        let mut promised = self.promised.lock().await;
        let needed = {
            let state = self.lock();
            state.spent.saturating_add(state.presumed).saturating_add(state.reserved)
        };
        if needed <= *promised {
            return Ok(());
        }
        let block = worst.saturating_mul(BLOCK_REQUESTS);
        let total = needed.saturating_add(block).min(self.limit.unwrap_or(u64::MAX)).max(needed);
        let ledger = Arc::clone(ledger);
        let written = tokio::task::spawn_blocking(move || ledger.promise(total)).await;
        written.map_err(|error| {
            Error::new(crate::error::Code::Internal, "writing down units was cut off").with_source(error)
        })??;
        *promised = total;
        Ok(())
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
        Ok(Some(Reservation { meter: Arc::clone(self), worst, open: true, sent: false }))
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

/// Units set aside for one attempt. Dropped after it was sent and before it was settled, they count as charged: an answer
/// that never came may have been billed.
#[derive(Debug)]
pub struct Reservation {
    meter: Arc<UnitMeter>,
    worst: u64,
    open: bool,
    sent: bool,
}

impl Reservation {
    /// The request leaves now.
    pub fn sent(&mut self) {
        self.sent = true;
    }

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
            let presumed = if self.sent { self.worst } else { 0 };
            self.close(0, presumed);
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
        let refused = meter.reserve(51).await.expect_err("too much");
        assert!(
            matches!(refused, NotReserved::Budget(BudgetReached { wanted: 51, left: 50, limit: 100 })),
            "{refused}"
        );
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
        assert_eq!(waiting.await.expect("joins").expect("fits"), 50);
        assert_eq!(meter.presumed(), 50);
    }

    #[tokio::test]
    async fn an_attempt_that_vanishes_counts_as_charged_once_it_was_sent() {
        let meter = UnitMeter::new(Some(100), 0);
        drop(meter.reserve(100).await.expect("fits"));
        let mut reservation = meter.reserve(80).await.expect("what was never sent costs nothing");
        reservation.sent();
        drop(reservation);
        assert_eq!(meter.left(), Some(20));
        assert!(meter.reserve(50).await.is_err());
    }

    /// Keeps every promise; fails when it is told to.
    #[derive(Debug, Default)]
    struct Promises {
        totals: Mutex<Vec<u64>>,
        fails: std::sync::atomic::AtomicBool,
    }

    impl Ledger for Promises {
        fn promise(&self, total: u64) -> Result<()> {
            if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
                return Err(Error::new(crate::error::Code::Destination, "the disk is full"));
            }
            self.totals.lock().expect("sound").push(total);
            Ok(())
        }
    }

    #[tokio::test]
    async fn nothing_can_be_spent_that_was_not_promised_and_promises_come_in_blocks() {
        let promises = Arc::new(Promises::default());
        let meter = UnitMeter::with_ledger(Some(1_000), Arc::clone(&promises) as Arc<dyn Ledger>);
        for _ in 0..20 {
            let mut reservation = meter.reserve(50).await.expect("fits");
            let promised = promises.totals.lock().expect("sound").last().copied().unwrap_or(0);
            let gone = 1_000 - meter.left().expect("limited");
            assert!(gone <= promised && promised <= 1_000, "{gone} of {promised}");
            reservation.sent();
            reservation.settle(50);
        }
        assert!(promises.totals.lock().expect("sound").len() <= 3, "{promises:?}");
    }

    #[tokio::test]
    async fn without_a_durable_promise_nothing_is_sent_and_nothing_counts() {
        let promises = Arc::new(Promises::default());
        promises.fails.store(true, std::sync::atomic::Ordering::SeqCst);
        let meter = UnitMeter::with_ledger(Some(100), Arc::clone(&promises) as Arc<dyn Ledger>);
        assert!(matches!(meter.reserve(60).await, Err(NotReserved::Ledger(_))));
        assert_eq!(meter.left(), Some(100));
        promises.fails.store(false, std::sync::atomic::Ordering::SeqCst);
        assert!(meter.reserve(60).await.is_ok());
    }
}
