//! Renews the lease on a record in the background.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::versioned_record::{Record, VersionedRecord};
use crate::error::{ErrorCode, Result};

/// A lease is renewed so many times before it would expire.
const RENEWALS: u32 = 4;

/// Keeps a record ours until dropped.
#[derive(Debug)]
pub(super) struct Heartbeat {
    _task: AbortOnDropHandle<()>,
    status: Arc<LeaseStatus>,
    lease: Duration,
}

/// What a holder knows of its own lease.
#[derive(Debug)]
struct LeaseStatus {
    is_lost: AtomicBool,
    /// When the last renewal that was confirmed was sent.
    renewed: std::sync::Mutex<Moment>,
}

/// A moment by two clocks, as one of them may stop while the machine sleeps. They do not judge the leases of others: they
/// only say when our own is to be checked.
#[derive(Debug, Clone, Copy)]
struct Moment {
    instant: Instant,
    time: SystemTime,
}

impl Moment {
    fn now() -> Self {
        Self {
            instant: Instant::now(),
            time: SystemTime::now(),
        }
    }

    fn age(&self) -> Duration {
        let elapsed = self.time.elapsed().unwrap_or_default();
        self.instant.elapsed().max(elapsed)
    }
}

impl LeaseStatus {
    fn set_renewed(&self, moment: Moment) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    fn age(&self) -> Duration {
        let renewed = self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        renewed.age()
    }

    fn set_lost(&self) {
        self.is_lost.store(true, Ordering::Release);
    }
}

impl Heartbeat {
    /// Renews the lease until dropped.
    pub fn start<T: Record>(record: Arc<Mutex<VersionedRecord<T>>>, lease: Duration) -> Self {
        let status = Arc::new(LeaseStatus {
            is_lost: AtomicBool::new(false),
            renewed: std::sync::Mutex::new(Moment::now()),
        });
        let task = tokio::spawn(renew(record, Arc::clone(&status), lease / RENEWALS));
        Self {
            _task: AbortOnDropHandle::new(task),
            status,
            lease,
        }
    }

    /// Whether another process has taken the record over.
    pub fn is_lost(&self) -> bool {
        self.status.is_lost.load(Ordering::Acquire)
    }

    /// Whether it was not renewed for so long that another process may have taken it over, and this one, which slept or
    /// does not reach the store, does not know yet.
    pub fn is_uncertain(&self) -> bool {
        self.status.age() > self.lease / 2
    }

    /// Renews the lease now.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process has taken the record over, [`ErrorCode::Destination`] if the store does not answer.
    pub async fn ensure_held<T: Record>(&self, record: &Mutex<VersionedRecord<T>>) -> Result<()> {
        let mut record = record.lock().await;
        let sent = Moment::now();
        let outcome = record.change(|_| ()).await;
        match &outcome {
            Ok(()) => self.status.set_renewed(sent),
            Err(error) if error.code() == ErrorCode::Locked => self.status.set_lost(),
            Err(_) => {}
        }
        outcome
    }
}

async fn renew<T: Record>(
    record: Arc<Mutex<VersionedRecord<T>>>,
    status: Arc<LeaseStatus>,
    period: Duration,
) {
    loop {
        tokio::time::sleep(period).await;
        let mut record = record.lock().await;
        let sent = Moment::now();
        match record.try_change(|_| ()).await {
            Ok(true) => status.set_renewed(sent),
            Ok(false) => {
                status.set_lost();
                return;
            }
            // The store may be back in time; if not, the next change shows it.
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "a lease could not be renewed");
            }
        }
    }
}
