//! API units: what is spent, what may be spent, and what every request in flight could still cost.
//!
//! Invariants: spent + presumed + the worst case of everything in flight never exceeds the limit, nor what the ledger has
//! promised durably. Promises are made in blocks, so that not every request waits for a disk. The ledger alone knows
//! budgets beyond this run and refuses what would exceed them.

use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Result};

use tokio::sync::Notify;

/// A block is promised for so many requests like the one that needs it.
const BLOCK_REQUESTS: u64 = 8;

/// Writes down, durably, how many units a run may come to: should it vanish, they count as spent.
pub trait Ledger: Send + Sync + std::fmt::Debug {
    /// Promises that the run comes to no more than a total, between `wanted.needed` and `wanted.preferred`. May block.
    ///
    /// # Errors
    /// Whatever keeps it from being durable: then nothing may be sent.
    fn promise(&self, wanted: Wanted) -> Result<Promised>;
}

/// What a ledger is asked to promise, in units of the whole run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// Without so many the next request cannot be sent.
    pub needed: u64,
    /// So many save asking again soon.
    pub preferred: u64,
    /// So many are known to be charged.
    pub spent: u64,
}

/// What a ledger promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Promised {
    /// The run may come to this total.
    Total(u64),
    /// It may come to no more than `total`, which is less than was needed: a budget beyond this run is used up.
    Short {
        /// The most that the run may come to.
        total: u64,
        /// The budget.
        cap: Cap,
    },
}

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cap {
    /// What a user would raise: `[budget] per_month`.
    pub name: String,
    /// Units.
    pub limit: u64,
}

/// Which of a meter's shares a request spends from, by index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shares(pub [Option<usize>; 2]);

/// Meters units against limits. A request first reserves the most it can cost; the answer settles it.
#[derive(Debug)]
pub struct UnitMeter {
    limit: Option<Cap>,
    shares: Vec<Cap>,
    state: Mutex<State>,
    /// A reservation has ended.
    settled: Notify,
    /// A reservation that the ledger covered has ended.
    ended: Notify,
    ledger: Option<Arc<dyn Ledger>>,
    promised: tokio::sync::Mutex<u64>,
}

#[derive(Debug, Default)]
struct State {
    all: Count,
    shares: Vec<Count>,
    /// The most that the ledger would promise when it was last asked for more.
    ceiling: Option<u64>,
    /// The part of what is reserved that the ledger covers.
    covered: u64,
    /// How many reservations that it covered have ended.
    num_ended: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    spent: u64,
    presumed: u64,
    reserved: u64,
}

impl Count {
    fn gone(self) -> u64 {
        self.spent.saturating_add(self.presumed)
    }

    fn taken(self) -> u64 {
        self.gone().saturating_add(self.reserved)
    }
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
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the next request may cost {wanted} units and {left} of the budget of {limit} are left")]
pub struct BudgetReached {
    /// Worst case of the request that was not sent.
    pub wanted: u64,
    /// Units left.
    pub left: u64,
    /// The budget.
    pub limit: u64,
    /// What a user would raise.
    pub name: String,
}

impl UnitMeter {
    /// A meter with a limit, or without one. `spent` counts against the limit from the start.
    pub fn new(limit: Option<u64>, spent: u64) -> Arc<Self> {
        let meter = Self::build(limit, Vec::new(), None);
        meter.lock().all.spent = spent;
        Arc::new(meter)
    }

    /// A meter whose units a ledger promises before they can be spent; single requests also spend from shares.
    pub fn with_ledger(limit: Option<u64>, shares: Vec<Cap>, ledger: Arc<dyn Ledger>) -> Arc<Self> {
        Arc::new(Self::build(limit, shares, Some(ledger)))
    }

    fn build(limit: Option<u64>, shares: Vec<Cap>, ledger: Option<Arc<dyn Ledger>>) -> Self {
        let state = Mutex::new(State {
            shares: vec![Count::default(); shares.len()],
            ..State::default()
        });
        let limit = limit.map(|limit| Cap {
            name: "[budget] per_run or --max-units".to_owned(),
            limit,
        });
        Self {
            limit,
            shares,
            state,
            settled: Notify::new(),
            ended: Notify::new(),
            ledger,
            promised: tokio::sync::Mutex::new(0),
        }
    }

    /// Reserves the worst case of one attempt, waiting for settlements while they could make it fit.
    ///
    /// # Errors
    /// [`BudgetReached`] once nothing is in flight and it still does not fit; [`NotReserved::Ledger`].
    pub async fn reserve(self: &Arc<Self>, worst: u64) -> Result<Reservation, NotReserved> {
        self.reserve_from(worst, Shares::default()).await
    }

    /// The same for a request that also spends from shares.
    ///
    /// # Errors
    /// As [`UnitMeter::reserve`].
    pub async fn reserve_from(
        self: &Arc<Self>,
        worst: u64,
        shares: Shares,
    ) -> Result<Reservation, NotReserved> {
        loop {
            let changed = self.settled.notified();
            let Some(mut reservation) = self.try_reserve(worst, shares)? else {
                changed.await;
                continue;
            };
            let (reached, num_ended) = match self
                .cover(&mut reservation)
                .await
                .map_err(NotReserved::Ledger)?
            {
                Covered::Yes => return Ok(reservation),
                Covered::No(reached, num_ended) => (reached, num_ended),
            };
            drop(reservation);
            // What is in flight elsewhere in this run may come to less than it set aside.
            let ended = self.ended.notified();
            let (covered, has_ended) = {
                let state = self.lock();
                (state.covered, state.num_ended > num_ended)
            };
            match (covered, has_ended) {
                (_, true) => {}
                (0, false) => return Err(reached.into()),
                (_, false) => ended.await,
            }
        }
    }

    /// Makes sure that the ledger covers a reservation on top of all that is gone and covered.
    async fn cover(&self, reservation: &mut Reservation) -> Result<Covered> {
        let worst = reservation.worst;
        let mut promised = self.promised.lock().await;
        let (needed, soon, spent, num_ended) = {
            let mut state = self.lock();
            let needed = state
                .all
                .gone()
                .saturating_add(state.covered)
                .saturating_add(worst);
            if self.ledger.is_none() || needed <= *promised {
                state.cover(reservation);
                return Ok(Covered::Yes);
            }
            (
                needed,
                state.all.taken().max(needed),
                state.all.spent,
                state.num_ended,
            )
        };
        let Some(ledger) = &self.ledger else {
            return Ok(Covered::Yes);
        };
        let most = self.limit.as_ref().map_or(u64::MAX, |cap| cap.limit);
        let preferred = soon
            .saturating_add(worst.saturating_mul(BLOCK_REQUESTS))
            .min(most)
            .max(needed);
        let ledger = Arc::clone(ledger);
        let wanted = Wanted {
            needed,
            preferred,
            spent,
        };
        let written = tokio::task::spawn_blocking(move || ledger.promise(wanted)).await;
        let written = written.map_err(|error| {
            Error::new(
                crate::error::Code::Internal,
                "writing down units was cut off",
            )
            .with_source(error)
        })?;
        let (total, cap) = match written? {
            Promised::Total(total) => {
                *promised = total;
                self.lock().cover(reservation);
                return Ok(Covered::Yes);
            }
            Promised::Short { total, cap } => (total, cap),
        };
        self.lock().ceiling = Some(total);
        let left = total.saturating_sub(needed.saturating_sub(worst));
        Ok(Covered::No(
            BudgetReached {
                wanted: worst,
                left,
                limit: cap.limit,
                name: cap.name,
            },
            num_ended,
        ))
    }

    fn try_reserve(
        self: &Arc<Self>,
        worst: u64,
        shares: Shares,
    ) -> Result<Option<Reservation>, BudgetReached> {
        let mut state = self.lock();
        let mut is_room = true;
        for (cap, count) in self.caps(&state, shares) {
            let left = cap.limit.saturating_sub(count.gone());
            if worst > left {
                return Err(BudgetReached {
                    wanted: worst,
                    left,
                    limit: cap.limit,
                    name: cap.name.clone(),
                });
            }
            is_room &= worst <= left.saturating_sub(count.reserved);
        }
        if !is_room {
            return Ok(None);
        }
        for count in state.counts(shares) {
            count.reserved = count.reserved.saturating_add(worst);
        }
        let meter = Arc::clone(self);
        Ok(Some(Reservation {
            meter,
            worst,
            shares,
            open: true,
            sent: false,
            is_covered: false,
        }))
    }

    /// The limits that a request of these shares is held to, with what is gone of each.
    fn caps<'a>(
        &'a self,
        state: &'a State,
        shares: Shares,
    ) -> impl Iterator<Item = (&'a Cap, Count)> {
        let own = shares.0.into_iter().flatten();
        let own =
            own.filter_map(|index| Some((self.shares.get(index)?, *state.shares.get(index)?)));
        self.limit.iter().map(|cap| (cap, state.all)).chain(own)
    }

    /// Units that are neither spent nor reserved; none where there is no limit.
    pub fn left(&self) -> Option<u64> {
        self.left_of(Shares::default())
    }

    /// The same for a request that also spends from shares.
    pub fn left_of(&self, shares: Shares) -> Option<u64> {
        let state = self.lock();
        let left = self
            .caps(&state, shares)
            .map(|(cap, count)| cap.limit.saturating_sub(count.taken()));
        left.chain(
            state
                .ceiling
                .map(|total| total.saturating_sub(state.all.taken())),
        )
        .min()
    }

    /// The most that could be left for a request of these shares once all that is in flight has ended: what a request waits
    /// for, rather than being refused. None where there is no limit.
    pub fn reachable_of(&self, shares: Shares) -> Option<u64> {
        let state = self.lock();
        let left = self
            .caps(&state, shares)
            .map(|(cap, count)| cap.limit.saturating_sub(count.gone()));
        left.chain(
            state
                .ceiling
                .map(|total| total.saturating_sub(state.all.gone())),
        )
        .min()
    }

    /// Units charged for certain.
    pub fn spent(&self) -> u64 {
        self.lock().all.spent
    }

    /// Units that count as charged although no answer said so: time-outs and resets after sending.
    pub fn presumed(&self) -> u64 {
        self.lock().all.presumed
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the ledger covers a reservation; if not, which budget keeps it from doing so, and how many reservations had
/// ended by then.
enum Covered {
    Yes,
    No(BudgetReached, u64),
}

impl State {
    fn cover(&mut self, reservation: &mut Reservation) {
        reservation.is_covered = true;
        self.covered = self.covered.saturating_add(reservation.worst);
    }

    /// What a request of these shares counts towards.
    fn counts(&mut self, Shares(of): Shares) -> impl Iterator<Item = &mut Count> {
        let own = self.shares.iter_mut().enumerate();
        let own = own
            .filter(move |(index, _)| of.contains(&Some(*index)))
            .map(|(_, count)| count);
        std::iter::once(&mut self.all).chain(own)
    }
}

/// Units set aside for one attempt. Dropped after it was sent and before it was settled, they count as charged: an answer
/// that never came may have been billed.
#[derive(Debug)]
pub struct Reservation {
    meter: Arc<UnitMeter>,
    worst: u64,
    shares: Shares,
    open: bool,
    sent: bool,
    is_covered: bool,
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
        for count in state.counts(self.shares) {
            count.reserved = count.reserved.saturating_sub(self.worst);
            count.spent = count.spent.saturating_add(spent);
            count.presumed = count.presumed.saturating_add(presumed);
        }
        if self.is_covered {
            state.covered = state.covered.saturating_sub(self.worst);
            state.num_ended += 1;
        }
        drop(state);
        self.meter.settled.notify_waiters();
        if self.is_covered {
            self.meter.ended.notify_waiters();
        }
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
    use proptest::prelude::*;

    use super::*;

    #[tokio::test]
    async fn a_request_that_could_exceed_the_budget_is_refused_and_an_exact_fit_is_not() {
        let meter = UnitMeter::new(Some(100), 0);
        let first = meter.reserve(60).await.expect("fits");
        first.settle(50);
        let refused = meter.reserve(51).await.expect_err("too much");
        assert!(
            matches!(
                refused,
                NotReserved::Budget(BudgetReached {
                    wanted: 51,
                    left: 50,
                    limit: 100,
                    ..
                })
            ),
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
        let mut reservation = meter
            .reserve(80)
            .await
            .expect("what was never sent costs nothing");
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
        fn promise(&self, wanted: Wanted) -> Result<Promised> {
            if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
                return Err(Error::new(
                    crate::error::Code::Destination,
                    "the disk is full",
                ));
            }
            self.totals.lock().expect("sound").push(wanted.preferred);
            Ok(Promised::Total(wanted.preferred))
        }
    }

    #[tokio::test]
    async fn nothing_can_be_spent_that_was_not_promised_and_promises_come_in_blocks() {
        let promises = Arc::new(Promises::default());
        let meter = UnitMeter::with_ledger(
            Some(1_000),
            Vec::new(),
            Arc::clone(&promises) as Arc<dyn Ledger>,
        );
        for _ in 0..20 {
            let mut reservation = meter.reserve(50).await.expect("fits");
            let promised = promises
                .totals
                .lock()
                .expect("sound")
                .last()
                .copied()
                .unwrap_or(0);
            let gone = 1_000 - meter.left().expect("limited");
            assert!(
                gone <= promised && promised <= 1_000,
                "{gone} of {promised}"
            );
            reservation.sent();
            reservation.settle(50);
        }
        assert!(
            promises.totals.lock().expect("sound").len() <= 3,
            "{promises:?}"
        );
    }

    #[tokio::test]
    async fn without_a_durable_promise_nothing_is_sent_and_nothing_counts() {
        let promises = Arc::new(Promises::default());
        promises
            .fails
            .store(true, std::sync::atomic::Ordering::SeqCst);
        let meter = UnitMeter::with_ledger(
            Some(100),
            Vec::new(),
            Arc::clone(&promises) as Arc<dyn Ledger>,
        );
        assert!(matches!(
            meter.reserve(60).await,
            Err(NotReserved::Ledger(_))
        ));
        assert_eq!(meter.left(), Some(100));
        promises
            .fails
            .store(false, std::sync::atomic::Ordering::SeqCst);
        assert!(meter.reserve(60).await.is_ok());
    }

    /// A budget beyond single runs, kept as the ledger of a destination keeps it: each run's promise counts whole.
    #[derive(Debug)]
    struct Shared {
        limit: u64,
        promises: Arc<Mutex<Vec<u64>>>,
        run: usize,
    }

    impl Ledger for Shared {
        fn promise(&self, wanted: Wanted) -> Result<Promised> {
            let mut promises = self.promises.lock().expect("sound");
            let others: u64 = promises
                .iter()
                .enumerate()
                .filter(|(run, _)| *run != self.run)
                .map(|(_, sum)| sum)
                .sum();
            let total = self.limit.saturating_sub(others);
            if wanted.needed > total {
                let cap = Cap {
                    name: "per_month".to_owned(),
                    limit: self.limit,
                };
                return Ok(Promised::Short { total, cap });
            }
            promises[self.run] = wanted.preferred.min(total);
            Ok(Promised::Total(promises[self.run]))
        }
    }

    /// What one task sends: the most that each request can cost, and what becomes of it.
    #[derive(Debug, Clone)]
    struct Sender {
        run: usize,
        shares: Shares,
        requests: Vec<(u64, u8)>,
    }

    fn sender() -> impl Strategy<Value = Sender> {
        let share = |from: usize| prop::option::of(from..from + 2);
        (
            0_usize..2,
            share(0),
            share(2),
            prop::collection::vec((1_u64..120, any::<u8>()), 1..8),
        )
            .prop_map(|(run, report, target, requests)| Sender {
                run,
                shares: Shares([report, target]),
                requests,
            })
    }

    /// Sends until a budget says no; then what is left must really be too little.
    async fn send(meter: Arc<UnitMeter>, sender: Sender) {
        for (worst, fate) in sender.requests {
            match meter.reserve_from(worst, sender.shares).await {
                Ok(mut reservation) => {
                    tokio::task::yield_now().await;
                    if fate % 4 > 0 {
                        reservation.sent();
                    }
                    tokio::task::yield_now().await;
                    match fate % 4 {
                        1 => reservation.settle(worst * u64::from(fate) / 255),
                        2 => drop(reservation.presume()),
                        _ => drop(reservation),
                    }
                }
                Err(NotReserved::Budget(BudgetReached { wanted, left, .. })) => {
                    assert!(wanted > left)
                }
                Err(NotReserved::Ledger(error)) => panic!("{error}"),
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_budget_is_exceeded_by_one_unit_whatever_runs_at_once(
            senders in prop::collection::vec(sender(), 1..12),
            (per_run, per_month) in (0_u64..1_500, 0_u64..2_000),
            shares in prop::collection::vec(0_u64..500, 4),
        ) {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
            let promises = Arc::new(Mutex::new(vec![0, 0]));
            let caps: Vec<Cap> = shares.iter().map(|limit| Cap { name: String::new(), limit: *limit }).collect();
            let meters: Vec<Arc<UnitMeter>> = (0..2).map(|run| {
                let ledger = Shared { limit: per_month, promises: Arc::clone(&promises), run };
                UnitMeter::with_ledger(Some(per_run), caps.clone(), Arc::new(ledger))
            }).collect();
            runtime.block_on(async {
                let tasks: Vec<_> = senders.into_iter().map(|sender| tokio::spawn(send(Arc::clone(&meters[sender.run]), sender))).collect();
                for task in tasks {
                    task.await.expect("no task fails, and none waits for ever");
                }
            });
            let mut month = 0;
            for (meter, promised) in meters.iter().zip(promises.lock().expect("sound").iter()) {
                let state = meter.lock();
                prop_assert_eq!(state.all.reserved, 0);
                prop_assert!(state.all.gone() <= per_run && state.all.gone() <= *promised);
                for (count, cap) in state.shares.iter().zip(&caps) {
                    prop_assert!(count.gone() <= cap.limit && count.reserved == 0);
                }
                month += state.all.gone();
            }
            prop_assert!(month <= per_month);
        }
    }
}
