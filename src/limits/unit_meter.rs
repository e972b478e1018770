//! API units: what is spent, what may be spent, and what every request in flight could still cost.
//!
//! Invariants: spent + assumed + the worst case of everything in flight never exceeds the limit, nor what the store has
//! reserved durably. The store reserves in blocks, so that not every request waits for a disk. It alone knows budgets
//! beyond this run and refuses what would exceed them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::budget::{BudgetLimit, BudgetReached, BudgetShares, NotReserved};
use super::reservation_store::{ReservationStore, ReserveRequest, Reserved};
use super::unit_counts::{UnitCount, UnitCounts};
use crate::error::{Error, ErrorCode, Result};

/// A block is reserved for so many requests like the one that needs it.
const BLOCK_REQUESTS: u64 = 8;

/// Meters units against limits. A request first reserves the most it can cost; its response settles the reservation.
#[derive(Debug)]
pub struct UnitMeter {
    limit: Option<BudgetLimit>,
    shares: Vec<BudgetLimit>,
    counts: Mutex<UnitCounts>,
    /// A reservation has ended.
    any_ended: Notify,
    /// A reservation that the store covered has ended.
    covered_ended: Notify,
    store: Option<Arc<dyn ReservationStore>>,
    /// The total that the store has reserved.
    reserved_by_store: tokio::sync::Mutex<u64>,
}

impl UnitMeter {
    /// A meter with a limit, or without one. `spent` counts against the limit from the start.
    pub fn new(limit: Option<u64>, spent: u64) -> Arc<Self> {
        let meter = Self::build(limit, Vec::new(), None);
        meter.lock().run.spent = spent;
        Arc::new(meter)
    }

    /// A meter whose units a store reserves before they can be spent; single requests also spend from shares.
    pub fn with_store(
        limit: Option<u64>,
        shares: Vec<BudgetLimit>,
        store: Arc<dyn ReservationStore>,
    ) -> Arc<Self> {
        Arc::new(Self::build(limit, shares, Some(store)))
    }

    fn build(
        limit: Option<u64>,
        shares: Vec<BudgetLimit>,
        store: Option<Arc<dyn ReservationStore>>,
    ) -> Self {
        let limit = limit.map(|limit| BudgetLimit {
            name: "[budget] per_run or --max-units".to_owned(),
            limit,
        });
        Self {
            limit,
            counts: Mutex::new(UnitCounts::new(shares.len())),
            shares,
            any_ended: Notify::new(),
            covered_ended: Notify::new(),
            store,
            reserved_by_store: tokio::sync::Mutex::new(0),
        }
    }

    /// Reserves the worst case of one attempt, waiting for settlements while they could make it fit.
    ///
    /// # Errors
    /// [`BudgetReached`] once nothing is in flight and it still does not fit; [`NotReserved::Store`].
    pub async fn reserve(
        self: &Arc<Self>,
        worst: u64,
        shares: BudgetShares,
    ) -> Result<Reservation, NotReserved> {
        loop {
            let ended = self.any_ended.notified();
            let Some(mut reservation) = self.try_reserve(worst, shares)? else {
                ended.await;
                continue;
            };
            let coverage = self.cover_by_store(&mut reservation).await;
            let (reached, num_ended) = match coverage.map_err(NotReserved::Store)? {
                Coverage::Covered => return Ok(reservation),
                Coverage::Refused(reached, num_ended) => (reached, num_ended),
            };
            drop(reservation);
            // What is in flight elsewhere in this run may cost less than it reserved.
            let ended = self.covered_ended.notified();
            let (covered, has_ended) = {
                let counts = self.lock();
                (counts.covered, counts.num_covered_ended > num_ended)
            };
            if has_ended {
                continue;
            }
            if covered == 0 {
                return Err(reached.into());
            }
            ended.await;
        }
    }

    /// Makes sure that the store covers a reservation on top of all that is spent and covered.
    async fn cover_by_store(&self, reservation: &mut Reservation) -> Result<Coverage> {
        let worst = reservation.worst;
        let Some(store) = &self.store else {
            reservation.is_covered = true;
            self.lock().add_covered(worst);
            return Ok(Coverage::Covered);
        };
        let mut reserved = self.reserved_by_store.lock().await;
        let (request, num_ended) = {
            let mut counts = self.lock();
            let needed = counts.needed_from_store(worst);
            if needed <= *reserved {
                reservation.is_covered = true;
                counts.add_covered(worst);
                return Ok(Coverage::Covered);
            }
            let request = ReserveRequest {
                needed,
                preferred: self.preferred_total(needed, counts.run.committed(), worst),
                spent: counts.run.spent,
            };
            (request, counts.num_covered_ended)
        };
        match ask_store(Arc::clone(store), request).await? {
            Reserved::UpTo(total) => {
                *reserved = total;
                reservation.is_covered = true;
                self.lock().add_covered(worst);
                Ok(Coverage::Covered)
            }
            Reserved::Insufficient { total, budget } => {
                self.lock().store_limit = Some(total);
                let reached = BudgetReached {
                    wanted: worst,
                    left: total.saturating_sub(request.needed.saturating_sub(worst)),
                    limit: budget.limit,
                    name: budget.name,
                };
                Ok(Coverage::Refused(reached, num_ended))
            }
        }
    }

    /// The total to ask the store for: what is committed and a block of requests, within the run's own limit.
    fn preferred_total(&self, needed: u64, committed: u64, worst: u64) -> u64 {
        let limit = match &self.limit {
            Some(budget) => budget.limit,
            None => u64::MAX,
        };
        committed
            .max(needed)
            .saturating_add(worst.saturating_mul(BLOCK_REQUESTS))
            .min(limit)
            .max(needed)
    }

    /// Reserves if it fits now; `None` if it may fit once something in flight has ended.
    fn try_reserve(
        self: &Arc<Self>,
        worst: u64,
        shares: BudgetShares,
    ) -> Result<Option<Reservation>, BudgetReached> {
        let mut counts = self.lock();
        let mut fits_now = true;
        for (budget, count) in self.budgets(&counts, shares) {
            let left = budget.limit.saturating_sub(count.spent_or_assumed());
            if worst > left {
                return Err(BudgetReached {
                    wanted: worst,
                    left,
                    limit: budget.limit,
                    name: budget.name.clone(),
                });
            }
            fits_now &= worst <= left.saturating_sub(count.reserved);
        }
        if !fits_now {
            return Ok(None);
        }
        counts.update(shares, |count| {
            count.reserved = count.reserved.saturating_add(worst);
        });
        Ok(Some(Reservation {
            meter: Arc::clone(self),
            worst,
            shares,
            is_open: true,
            is_sent: false,
            is_covered: false,
        }))
    }

    /// The budgets that a request of these shares is held to, with the count of each.
    fn budgets<'a>(
        &'a self,
        counts: &UnitCounts,
        shares: BudgetShares,
    ) -> Vec<(&'a BudgetLimit, UnitCount)> {
        let mut budgets = Vec::new();
        if let Some(budget) = &self.limit {
            budgets.push((budget, counts.run));
        }
        for index in shares.0.into_iter().flatten() {
            if let (Some(budget), Some(count)) = (self.shares.get(index), counts.shares.get(index))
            {
                budgets.push((budget, *count));
            }
        }
        budgets
    }

    /// Units that a request of these shares may cost at most to be sent at once; `None` where there is no limit.
    pub fn available(&self, shares: BudgetShares) -> Option<u64> {
        self.left(shares, UnitCount::committed)
    }

    /// The most that could be available for a request of these shares once all that is in flight has ended: what a request
    /// waits for, rather than being refused. `None` where there is no limit.
    pub fn obtainable(&self, shares: BudgetShares) -> Option<u64> {
        self.left(shares, UnitCount::spent_or_assumed)
    }

    fn left(&self, shares: BudgetShares, used: fn(UnitCount) -> u64) -> Option<u64> {
        let counts = self.lock();
        let mut left = counts
            .store_limit
            .map(|total| total.saturating_sub(used(counts.run)));
        for (budget, count) in self.budgets(&counts, shares) {
            let of_budget = budget.limit.saturating_sub(used(count));
            left = Some(left.map_or(of_budget, |left| left.min(of_budget)));
        }
        left
    }

    /// Units charged for certain.
    pub fn spent(&self) -> u64 {
        self.lock().run.spent
    }

    /// Units that count as charged although no response said so: time-outs and resets after sending.
    pub fn assumed(&self) -> u64 {
        self.lock().run.assumed
    }

    fn lock(&self) -> MutexGuard<'_, UnitCounts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn ask_store(store: Arc<dyn ReservationStore>, request: ReserveRequest) -> Result<Reserved> {
    match tokio::task::spawn_blocking(move || store.reserve(request)).await {
        Ok(answer) => answer,
        Err(error) => Err(
            Error::new(ErrorCode::Internal, "the reservation of units was aborted")
                .with_source(error),
        ),
    }
}

/// Whether the store covers a reservation.
enum Coverage {
    Covered,
    /// The budget that is used up, and how many covered reservations had ended by then.
    Refused(BudgetReached, u64),
}

/// Units set aside for one attempt. Dropped after it was sent and before it was settled, they count as charged: a response
/// that never arrived may have been billed.
#[derive(Debug)]
pub struct Reservation {
    meter: Arc<UnitMeter>,
    worst: u64,
    shares: BudgetShares,
    is_open: bool,
    is_sent: bool,
    is_covered: bool,
}

impl Reservation {
    /// The request is sent now.
    pub fn mark_sent(&mut self) {
        self.is_sent = true;
    }

    /// The request was charged `actual` units.
    pub fn settle(mut self, actual: u64) {
        self.close(actual, 0);
    }

    /// Whether it was charged is unknown: counts the worst case as charged, and returns it.
    pub fn assume_worst_case(mut self) -> u64 {
        let worst = self.worst;
        self.close(0, worst);
        worst
    }

    fn close(&mut self, spent: u64, assumed: u64) {
        self.is_open = false;
        let worst = self.worst;
        let mut counts = self.meter.lock();
        counts.update(self.shares, |count| {
            count.reserved = count.reserved.saturating_sub(worst);
            count.spent = count.spent.saturating_add(spent);
            count.assumed = count.assumed.saturating_add(assumed);
        });
        if self.is_covered {
            counts.covered = counts.covered.saturating_sub(worst);
            counts.num_covered_ended += 1;
        }
        drop(counts);
        self.meter.any_ended.notify_waiters();
        if self.is_covered {
            self.meter.covered_ended.notify_waiters();
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_open {
            let assumed = if self.is_sent { self.worst } else { 0 };
            self.close(0, assumed);
        }
    }
}

#[cfg(test)]
mod tests;
