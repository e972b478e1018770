//! Units that runs have reserved, durably: one small file a run.
//!
//! A run that ends settles its file. What the last requests of a killed run cost is unknown: all that it had
//! reserved counts as spent until the account's own figures show otherwise. Where the month has a budget, reservations are
//! made under a lock, over the sum of all files: two processes cannot reserve the same units.

use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::clock::SharedClock;
use crate::error::Result;
use crate::failpoint;
use crate::limits::{BudgetLimit, ReservationStore, ReserveRequest, Reserved};
use crate::model::RunId;
use crate::store::{Store, to_json};

/// Folder of the files below `_backhaul/`.
const FOLDER: &str = "units";

/// The reservation of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunReservation {
    /// Units that it may cost at most.
    #[serde(rename = "promised")]
    pub reserved: u64,
    /// Units that it cost, assumed ones included, once that is known.
    #[serde(default)]
    pub settled: Option<u64>,
    /// Of what was reserved, units that were known to be charged by then.
    #[serde(default)]
    pub spent: u64,
    /// The day on which it was last at work.
    #[serde(default)]
    pub day: Option<NaiveDate>,
}

/// A budget of the month, which all runs share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonthBudget {
    /// The budget.
    pub cap: BudgetLimit,
    /// The day of the last reset.
    pub since: NaiveDate,
    /// Units that were spent in the workspace and are in no file.
    pub foreign: u64,
}

/// The file of one run.
#[derive(Debug)]
pub(crate) struct ReservationLog {
    store: Store,
    run: RunId,
    clock: SharedClock,
    month: OnceLock<MonthBudget>,
    /// Runs that have settled, which do not change any more.
    settled: Mutex<BTreeMap<RunId, RunReservation>>,
}

impl ReservationLog {
    /// The reservations of a run; its file comes with the first one.
    pub fn new(store: &Store, run: &RunId, clock: &SharedClock) -> Self {
        Self {
            store: store.clone(),
            run: run.clone(),
            clock: SharedClock::clone(clock),
            month: OnceLock::new(),
            settled: Mutex::default(),
        }
    }

    /// From now on no reservation exceeds this budget.
    pub fn limit_to_month(&self, month: MonthBudget) {
        // Set once a run.
        let _ = self.month.set(month);
    }

    /// The run has ended and cost this.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn settle(&self, units: u64) -> Result<()> {
        if self.store.files(FOLDER).load(&file(&self.run))?.is_none() {
            return Ok(());
        }
        self.write(&RunReservation {
            reserved: units,
            settled: Some(units),
            spent: units,
            day: Some(self.clock.today()),
        })
    }

    fn write(&self, reservation: &RunReservation) -> Result<()> {
        write(&self.store, &self.run, reservation)
    }

    fn reserve_total(&self, total: u64, spent: u64) -> Result<Reserved> {
        self.write(&RunReservation {
            reserved: total,
            settled: None,
            spent,
            day: Some(self.clock.today()),
        })?;
        failpoint::hit("units.promised");
        Ok(Reserved::UpTo(total))
    }
}

impl ReservationStore for ReservationLog {
    fn reserve(&self, request: ReserveRequest) -> Result<Reserved> {
        let ReserveRequest {
            needed,
            preferred,
            spent,
        } = request;
        let Some(month) = self.month.get() else {
            return self.reserve_total(preferred, spent);
        };
        let before = read(&self.store, &self.run)?;
        self.store
            .with_exclusive_folder(FOLDER, self.run.as_str(), || {
                let mut others = month.foreign;
                for entry in self.others()? {
                    others = others.saturating_add(entry.units_counted(month.since));
                }
                let total = month.cap.limit.saturating_sub(others);
                if needed > total {
                    // An earlier try, made without the lock, may have reserved more: others would miss it until we end.
                    self.restore(before.clone(), spent)?;
                    return Ok(Reserved::Insufficient {
                        total,
                        budget: month.cap.clone(),
                    });
                }
                // Near the end something is left for other processes.
                let block = (total - needed) / 2;
                self.reserve_total(preferred.min(needed.saturating_add(block)), spent)
            })
    }
}

impl ReservationLog {
    /// Writes down again what this run had reserved before a try that failed.
    fn restore(&self, before: Option<RunReservation>, spent: u64) -> Result<()> {
        let before = match before {
            Some(before) if before.settled.is_none() => before,
            _ => RunReservation {
                reserved: spent,
                settled: None,
                spent,
                day: Some(self.clock.today()),
            },
        };
        match read(&self.store, &self.run)? {
            Some(now) if now.settled.is_none() && now != before => self.write(&before),
            _ => Ok(()),
        }
    }

    /// The files of all other runs.
    fn others(&self) -> Result<Vec<Entry>> {
        let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = Vec::new();
        for name in self.store.files(FOLDER).json_names()? {
            let run = RunId::new(name);
            if run == self.run {
                continue;
            }
            if let Some(known) = settled.get(&run) {
                let reservation = known.clone();
                entries.push(Entry { run, reservation });
                continue;
            }
            let Some(reservation) = read(&self.store, &run)? else {
                continue;
            };
            if reservation.settled.is_some() {
                settled.insert(run.clone(), reservation.clone());
            }
            entries.push(Entry { run, reservation });
        }
        Ok(entries)
    }
}

/// The file of one run, with the run's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The run.
    pub run: RunId,
    /// What it reserved.
    pub reservation: RunReservation,
}

impl Entry {
    /// The day on which the run began, by its name.
    pub fn begun(&self) -> Option<NaiveDate> {
        NaiveDate::parse_from_str(self.run.as_str().get(..8)?, "%Y%m%d").ok()
    }

    /// Units that count as spent since a day: of a run that was at work on it or later, all.
    pub fn units_counted(&self, since: NaiveDate) -> u64 {
        if self.is_since(since) {
            self.reservation
                .settled
                .unwrap_or(self.reservation.reserved)
        } else {
            0
        }
    }

    /// Of these, units that the workspace's own figures contain for certain.
    pub fn certainly_spent(&self, since: NaiveDate) -> u64 {
        if self.is_since(since) {
            self.reservation.settled.unwrap_or(self.reservation.spent)
        } else {
            0
        }
    }

    fn is_since(&self, since: NaiveDate) -> bool {
        let last = self.reservation.day.max(self.begun());
        // A run that has not ended may be at work still: two days are longer than any.
        let grace = if self.reservation.settled.is_some() {
            0
        } else {
            2
        };
        match last {
            Some(last) => last + chrono::Days::new(grace) >= since,
            None => true,
        }
    }
}

/// The files of all runs.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn entries(store: &Store) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in store.files(FOLDER).json_names()? {
        let run = RunId::new(name);
        entries.extend(read(store, &run)?.map(|reservation| Entry { run, reservation }));
    }
    Ok(entries)
}

fn file(run: &RunId) -> String {
    format!("{run}.json")
}

fn read(store: &Store, run: &RunId) -> Result<Option<RunReservation>> {
    let (files, name) = (store.files(FOLDER), file(run));
    let next = || {
        format!(
            "delete {}: its units stay counted by the account itself",
            files.location_of(&name)
        )
    };
    files
        .load_json(&name)
        .map_err(|error| error.with_hint(next()))
}

fn write(store: &Store, run: &RunId, reservation: &RunReservation) -> Result<()> {
    store
        .files(FOLDER)
        .replace(&file(run), to_json(reservation)?.into())
}

/// Settles the reservations of runs that were killed: what they had reserved counts as spent. Returns a note on each.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn settle_dead_runs(store: &Store, who: &str) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for Entry { run, reservation } in entries(store)? {
        // In a bucket it takes a while to find out which run is alive; a settled one need not be looked up.
        if reservation.settled.is_some() && matches!(store, Store::Bucket(_)) {
            continue;
        }
        // A run that is alive settles its own.
        let Some(hold) = store.take_over_dead_run(run.as_str(), who)? else {
            continue;
        };
        let Some(reservation) = read(store, &run)? else {
            continue;
        };
        let units = reservation.reserved;
        let is_cut_off = reservation.settled.is_none();
        if is_cut_off {
            write(
                store,
                &run,
                &RunReservation {
                    settled: Some(units),
                    ..reservation
                },
            )?;
        }
        hold.release()?;
        if !is_cut_off {
            continue;
        }
        notes.push(format!(
            "run {run} was cut off: up to {} units that it had set aside count as spent",
            crate::report::format_count(units)
        ));
    }
    Ok(notes)
}

/// Runs that have not settled, with what they reserved: cut off, or under way.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn unsettled(store: &Store) -> Result<BTreeMap<RunId, u64>> {
    let mut open = BTreeMap::new();
    for Entry { run, reservation } in entries(store)? {
        if reservation.settled.is_none() {
            open.insert(run, reservation.reserved);
        }
    }
    Ok(open)
}

/// Units that each run cost as far as that is known, else what it reserved.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn max_units_by_run(store: &Store) -> Result<BTreeMap<RunId, u64>> {
    let mut most = BTreeMap::new();
    for Entry { run, reservation } in entries(store)? {
        most.insert(run, reservation.settled.unwrap_or(reservation.reserved));
    }
    Ok(most)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use proptest::prelude::*;

    use super::*;
    use crate::clock::SystemClock;
    use crate::limits::{BudgetShares, NotReserved, UnitMeter};

    /// One run: the most that each request can cost and what becomes of it, and whether the run is killed in the end.
    #[derive(Debug, Clone)]
    struct Life {
        requests: Vec<(u64, u8)>,
        is_killed: bool,
    }

    fn life() -> impl Strategy<Value = Life> {
        (
            prop::collection::vec((1_u64..160, any::<u8>()), 0..12),
            any::<bool>(),
        )
            .prop_map(|(requests, is_killed)| Life {
                requests,
                is_killed,
            })
    }

    /// Spends as far as the ledger allows; what the source charges goes to `charged`, whatever the run learns of it.
    async fn live(
        store: Store,
        run: String,
        life: Life,
        month: MonthBudget,
        charged: Arc<AtomicU64>,
    ) {
        let clock: SharedClock = Arc::new(SystemClock);
        let lock = store
            .take_over_dead_run(&run, &run)
            .expect("readable")
            .expect("nobody else's");
        let ledger = Arc::new(ReservationLog::new(
            &store,
            &RunId::new(run.as_str()),
            &clock,
        ));
        ledger.limit_to_month(month);
        let meter = UnitMeter::with_store(
            None,
            Vec::new(),
            Arc::clone(&ledger) as Arc<dyn ReservationStore>,
        );
        for (place, (worst, fate)) in life.requests.iter().enumerate() {
            let mut reservation = match meter.reserve(*worst, BudgetShares::default()).await {
                Ok(reservation) => reservation,
                Err(NotReserved::Budget(_)) => continue,
                Err(NotReserved::Store(error)) => panic!("{error}"),
            };
            reservation.mark_sent();
            let actual = worst * u64::from(*fate) / 255;
            charged.fetch_add(actual, Ordering::SeqCst);
            tokio::task::yield_now().await;
            if life.is_killed && place + 1 == life.requests.len() {
                // In flight, and nobody will ever say what it cost.
                drop((reservation, lock));
                return;
            }
            match fate % 3 {
                0 => drop(reservation.assume_worst_case()),
                1 => drop(reservation),
                _ => reservation.settle(actual),
            }
        }
        if !life.is_killed {
            ledger
                .settle(meter.spent() + meter.assumed())
                .expect("written");
        }
        drop(lock);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_month_is_never_exceeded_by_runs_side_by_side_that_lose_answers_and_are_killed(
            rounds in prop::collection::vec(prop::collection::vec(life(), 1..4), 1..5),
            (limit, foreign) in (0_u64..3_000, 0_u64..300),
        ) {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().expect("a runtime");
            let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("temp dir");
            let store = Store::open(folder.path()).expect("a destination");
            let cap = BudgetLimit { name: "per_month".to_owned(), limit };
            let month = MonthBudget { cap, since: "2026-11-01".parse().expect("a date"), foreign };
            let charged = Arc::new(AtomicU64::new(0));
            for (number, round) in rounds.into_iter().enumerate() {
                runtime.block_on(async {
                    let lives = round.into_iter().enumerate().map(|(place, life)| {
                        let run = format!("20261123T01{number:02}{place:02}Z-00000000");
                        tokio::spawn(live(store.clone(), run, life, month.clone(), Arc::clone(&charged)))
                    });
                    for life in lives.collect::<Vec<_>>() {
                        life.await.expect("none fails");
                    }
                });
                let charged = charged.load(Ordering::SeqCst);
                prop_assert!(charged + foreign <= limit || charged == 0, "{} and {} of {}", charged, foreign, limit);
                let before: u64 = entries(&store).expect("readable").iter().map(|entry| entry.units_counted(month.since)).sum();
                settle_dead_runs(&store, "the next run").expect("closed");
                let after: u64 = entries(&store).expect("readable").iter().map(|entry| entry.units_counted(month.since)).sum();
                prop_assert_eq!(before, after, "what the dead had set aside stays counted");
                prop_assert!(unsettled(&store).expect("readable").is_empty());
                prop_assert!(after >= charged, "{} are counted of {}", after, charged);
            }
        }
    }
}
