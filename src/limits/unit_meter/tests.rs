//! No budget is exceeded, whatever runs at once.

use proptest::prelude::*;

use super::*;

const NO_SHARES: BudgetShares = BudgetShares([None, None]);

#[tokio::test]
async fn a_request_that_could_exceed_the_budget_is_refused_and_an_exact_fit_is_not() {
    let meter = UnitMeter::new(Some(100), 0);
    let first = meter.reserve(60, NO_SHARES).await.expect("fits");
    first.settle(50);
    let refused = meter.reserve(51, NO_SHARES).await.expect_err("too much");
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
    meter
        .reserve(50, NO_SHARES)
        .await
        .expect("exact fit")
        .settle(50);
    assert_eq!(meter.spent(), 100);
}

#[tokio::test]
async fn waits_for_a_settlement_that_makes_the_request_fit() {
    let meter = UnitMeter::new(Some(100), 0);
    let first = meter.reserve(100, NO_SHARES).await.expect("fits");
    let waiting = tokio::spawn({
        let meter = Arc::clone(&meter);
        async move {
            meter
                .reserve(50, NO_SHARES)
                .await
                .map(Reservation::assume_worst_case)
        }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    first.settle(50);
    assert_eq!(waiting.await.expect("joins").expect("fits"), 50);
    assert_eq!(meter.assumed(), 50);
}

#[tokio::test]
async fn a_dropped_attempt_counts_as_charged_once_it_was_sent() {
    let meter = UnitMeter::new(Some(100), 0);
    drop(meter.reserve(100, NO_SHARES).await.expect("fits"));
    let mut reservation = meter
        .reserve(80, NO_SHARES)
        .await
        .expect("what was never sent costs nothing");
    reservation.mark_sent();
    drop(reservation);
    assert_eq!(meter.available(NO_SHARES), Some(20));
    assert!(meter.reserve(50, NO_SHARES).await.is_err());
}

/// Reserves what is preferred; fails while `fails` is set.
#[derive(Debug, Default)]
struct BlockStore {
    totals: Mutex<Vec<u64>>,
    fails: std::sync::atomic::AtomicBool,
}

impl ReservationStore for BlockStore {
    fn reserve(&self, request: ReserveRequest) -> Result<Reserved> {
        if self.fails.load(std::sync::atomic::Ordering::SeqCst) {
            return Err(Error::new(ErrorCode::Destination, "the disk is full"));
        }
        self.totals.lock().expect("sound").push(request.preferred);
        Ok(Reserved::UpTo(request.preferred))
    }
}

#[tokio::test]
async fn nothing_is_spent_that_was_not_reserved_and_reservations_come_in_blocks() {
    let store = Arc::new(BlockStore::default());
    let meter = UnitMeter::with_store(
        Some(1_000),
        Vec::new(),
        Arc::clone(&store) as Arc<dyn ReservationStore>,
    );
    for _ in 0..20 {
        let mut reservation = meter.reserve(50, NO_SHARES).await.expect("fits");
        let reserved = store
            .totals
            .lock()
            .expect("sound")
            .last()
            .copied()
            .unwrap_or(0);
        let used = 1_000 - meter.available(NO_SHARES).expect("limited");
        assert!(
            used <= reserved && reserved <= 1_000,
            "{used} of {reserved}"
        );
        reservation.mark_sent();
        reservation.settle(50);
    }
    assert!(store.totals.lock().expect("sound").len() <= 3, "{store:?}");
}

#[tokio::test]
async fn without_a_durable_reservation_nothing_is_sent_and_nothing_counts() {
    let store = Arc::new(BlockStore::default());
    store.fails.store(true, std::sync::atomic::Ordering::SeqCst);
    let meter = UnitMeter::with_store(
        Some(100),
        Vec::new(),
        Arc::clone(&store) as Arc<dyn ReservationStore>,
    );
    assert!(matches!(
        meter.reserve(60, NO_SHARES).await,
        Err(NotReserved::Store(_))
    ));
    assert_eq!(meter.available(NO_SHARES), Some(100));
    store
        .fails
        .store(false, std::sync::atomic::Ordering::SeqCst);
    assert!(meter.reserve(60, NO_SHARES).await.is_ok());
}

/// A budget beyond single runs, as the store of a destination keeps it: each run's reservation counts whole.
#[derive(Debug)]
struct SharedBudget {
    limit: u64,
    reserved: Arc<Mutex<Vec<u64>>>,
    run: usize,
}

impl ReservationStore for SharedBudget {
    fn reserve(&self, request: ReserveRequest) -> Result<Reserved> {
        let mut reserved = self.reserved.lock().expect("sound");
        let others: u64 = reserved
            .iter()
            .enumerate()
            .filter(|(run, _)| *run != self.run)
            .map(|(_, sum)| sum)
            .sum();
        let total = self.limit.saturating_sub(others);
        if request.needed > total {
            let budget = BudgetLimit {
                name: "per_month".to_owned(),
                limit: self.limit,
            };
            return Ok(Reserved::Insufficient { total, budget });
        }
        reserved[self.run] = request.preferred.min(total);
        Ok(Reserved::UpTo(reserved[self.run]))
    }
}

/// What one task sends: the most that each request can cost, and what becomes of it.
#[derive(Debug, Clone)]
struct Sender {
    run: usize,
    shares: BudgetShares,
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
            shares: BudgetShares([report, target]),
            requests,
        })
}

/// Sends until a budget is reached; then what is left must really be too little.
async fn send(meter: Arc<UnitMeter>, sender: Sender) {
    for (worst, fate) in sender.requests {
        match meter.reserve(worst, sender.shares).await {
            Ok(mut reservation) => {
                tokio::task::yield_now().await;
                if fate % 4 > 0 {
                    reservation.mark_sent();
                }
                tokio::task::yield_now().await;
                match fate % 4 {
                    1 => reservation.settle(worst * u64::from(fate) / 255),
                    2 => drop(reservation.assume_worst_case()),
                    _ => drop(reservation),
                }
            }
            Err(NotReserved::Budget(BudgetReached { wanted, left, .. })) => {
                assert!(wanted > left);
            }
            Err(NotReserved::Store(error)) => panic!("{error}"),
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
        let reserved = Arc::new(Mutex::new(vec![0, 0]));
        let budgets: Vec<BudgetLimit> = shares.iter().map(|limit| BudgetLimit { name: String::new(), limit: *limit }).collect();
        let meters: Vec<Arc<UnitMeter>> = (0..2).map(|run| {
            let store = SharedBudget { limit: per_month, reserved: Arc::clone(&reserved), run };
            UnitMeter::with_store(Some(per_run), budgets.clone(), Arc::new(store))
        }).collect();
        runtime.block_on(async {
            let tasks: Vec<_> = senders.into_iter().map(|sender| tokio::spawn(send(Arc::clone(&meters[sender.run]), sender))).collect();
            for task in tasks {
                task.await.expect("no task fails, and none waits forever");
            }
        });
        let mut month = 0;
        for (meter, reserved) in meters.iter().zip(reserved.lock().expect("sound").iter()) {
            let counts = meter.lock();
            prop_assert_eq!(counts.run.reserved, 0);
            prop_assert!(counts.run.spent_or_assumed() <= per_run && counts.run.spent_or_assumed() <= *reserved);
            for (count, budget) in counts.shares.iter().zip(&budgets) {
                prop_assert!(count.spent_or_assumed() <= budget.limit && count.reserved == 0);
            }
            month += counts.run.spent_or_assumed();
        }
        prop_assert!(month <= per_month);
    }
}
