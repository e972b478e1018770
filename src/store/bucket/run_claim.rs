//! Claims on runs: which runs live.
//!
//! A run renews one lease, its own. A process that finds the lease expired takes the run over before it uses that
//! knowledge, so that the run itself learns of it.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use super::claim_record::ClaimRecord;
use super::client::Bucket;
use super::heartbeat::Heartbeat;
use super::versioned_record::{CLOCK_STEP, Record as _, VersionedRecord, take};
use crate::error::Result;
use crate::store::claim_result::ClaimResult;
use crate::store::layout::SYSTEM_FOLDER;

/// Time between two looks at a run that may be dead.
const POLL: Duration = Duration::from_millis(500);

/// A run that did not renew its lease for so many leases is dead, whether or not another process wants what it holds.
pub(super) const LONG_DEAD_LEASES: u32 = 10;

/// The claim on a run, renewed until it is dropped. Dropped without [`RunClaim::close`], it expires.
#[derive(Debug)]
pub struct RunClaim {
    record: Arc<Mutex<VersionedRecord<ClaimRecord>>>,
    heartbeat: Heartbeat,
}

impl Bucket {
    /// Claims a run: our own, or one that may be dead. Waits until it is known which.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn claim_run(&self, run: &str, who: &str) -> Result<ClaimResult<RunClaim>> {
        let name = run_name(run);
        loop {
            match take(self, &name, ClaimRecord::default, who).await? {
                ClaimResult::Claimed(record) => {
                    let record = Arc::new(Mutex::new(record));
                    let heartbeat = Heartbeat::start(Arc::clone(&record), self.options().lease);
                    return Ok(ClaimResult::Claimed(RunClaim { record, heartbeat }));
                }
                ClaimResult::HeldBy(holder) if self.was_seen_alive(run) => {
                    return Ok(ClaimResult::HeldBy(holder));
                }
                ClaimResult::HeldBy(_) => self.watch(run).await?,
            }
        }
    }

    /// Removes the records of runs that died long ago. Claims in their names do not count without them.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn sweep_runs(&self, who: &str) -> Result<()> {
        let runs = self.list(&format!("{SYSTEM_FOLDER}/claims/_runs")).await?;
        if runs.len() <= 1 {
            // Our own.
            return Ok(());
        }
        let max_age = self.options().lease * LONG_DEAD_LEASES + CLOCK_STEP;
        let now = self.now().await?;
        for run in runs {
            let age = (now - run.changed_at).to_std().unwrap_or_default();
            if age <= max_age {
                continue;
            }
            // Taken over first, so that a process that only slept learns of it.
            let taken = take(self, &run.name, ClaimRecord::default, who).await?;
            if let ClaimResult::Claimed(mut record) = taken
                && record.try_change(|value| value.set_holder(None)).await?
            {
                self.delete(&run.name).await?;
            }
        }
        Ok(())
    }

    /// Whether a run is dead. One whose lease has expired is taken over, so that it learns of it.
    pub(super) async fn is_dead(&self, run: &str, who: &str) -> Result<bool> {
        match VersionedRecord::<ClaimRecord>::load(self, &run_name(run)).await? {
            Some(record) if record.value.token().is_some() => {}
            _ => return Ok(true),
        }
        match self.claim_run(run, who).await? {
            ClaimResult::HeldBy(_) => Ok(false),
            ClaimResult::Claimed(claim) => {
                // The units that it reserved are still to be settled: its record stays, without a holder.
                claim.release().await?;
                Ok(true)
            }
        }
    }

    /// Whether a run was seen to renew its lease a moment ago.
    fn was_seen_alive(&self, run: &str) -> bool {
        let seen_alive = self
            .seen_alive
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match seen_alive.get(run) {
            Some(seen) => seen.elapsed() < self.options().lease,
            None => false,
        }
    }

    /// Watches a run until it renews its lease, or its lease has expired, or it ends.
    async fn watch(&self, run: &str) -> Result<()> {
        let name = run_name(run);
        let Some((first, first_version)) = self.head(&name).await? else {
            return Ok(());
        };
        loop {
            tokio::time::sleep(POLL.min(self.options().lease / 4)).await;
            match self.head(&name).await? {
                None => return Ok(()),
                Some((_, version)) if version != first_version => {
                    let mut seen_alive = self
                        .seen_alive
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    seen_alive.insert(run.to_owned(), Instant::now());
                    return Ok(());
                }
                Some(_) => {}
            }
            if self.has_expired(first.changed_at).await? {
                return Ok(());
            }
        }
    }
}

impl RunClaim {
    /// Whether another process has taken the run over.
    pub fn is_lost(&self) -> bool {
        self.heartbeat.is_lost()
    }

    /// Whether it was not renewed for so long that only [`RunClaim::ensure_held`] can tell whether it is still ours.
    pub fn is_uncertain(&self) -> bool {
        self.heartbeat.is_uncertain()
    }

    /// Makes sure that it is still ours, and renews it.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Locked`] if another process has it, [`crate::error::ErrorCode::Destination`] if the store does not
    /// answer.
    pub async fn ensure_held(&self) -> Result<()> {
        self.heartbeat.ensure_held(&self.record).await
    }

    /// Releases it, so that the next process need not wait for the lease to expire.
    ///
    /// # Errors
    /// As [`RunClaim::ensure_held`].
    pub async fn release(self) -> Result<()> {
        self.record.lock().await.release().await
    }

    /// Releases it for good: no run has this name again.
    ///
    /// # Errors
    /// As [`RunClaim::ensure_held`].
    pub async fn close(self) -> Result<()> {
        let mut record = self.record.lock().await;
        record.release().await?;
        record.bucket.delete(&record.name).await
    }
}

fn run_name(run: &str) -> String {
    format!("{SYSTEM_FOLDER}/claims/_runs/{run}.json")
}
