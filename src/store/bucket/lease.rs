//! Small JSON objects that one process at a time may change, and how another takes them over.
//!
//! Safety comes from compare-and-swap alone: whoever changes a record names the version that it saw, and every write
//! carries a fresh nonce, so no two versions are alike. A process that was taken over fails at its next change. The lease
//! is for liveness: it says when a holder counts as dead. Its age is the time since the record was last written, and both
//! ends of that time are told by the store's clock.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;
use tokio_util::task::AbortOnDropHandle;

use super::objects::{Object, Version};
use super::{Bucket, nonce};
use crate::error::{Code, Error, Result};
use crate::store::listing::to_json;

/// Stores tell times in whole seconds.
pub(super) const CLOCK_STEP: Duration = Duration::from_secs(1);

/// A lease is renewed so many times before it would run out.
const RENEWALS: u32 = 4;

/// What a small object under this protocol must be able to say.
pub(super) trait Record:
    Serialize + DeserializeOwned + Clone + Send + Sync + 'static
{
    /// Marks a new version of it.
    fn stamp(&mut self, nonce: String);
    /// The token of its holder; nobody's if `None`.
    fn token(&self) -> Option<&str>;
    /// The holder, for people.
    fn holder(&self) -> &str;
    /// Gives it to a holder, or to nobody.
    fn give(&mut self, to: Option<(&str, &str)>);
    /// Refuses what a newer program wrote.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A record as it lies in the bucket.
#[derive(Debug)]
pub(super) struct Tracked<T> {
    pub bucket: Bucket,
    pub name: String,
    pub value: T,
    version: Version,
    /// Writes of ours that failed and may have been carried out all the same.
    unheard: Vec<Bytes>,
}

/// Who has a record.
pub(super) enum Taken<T> {
    /// We; with the token by which it is ours.
    Ours(Tracked<T>),
    /// Somebody who is not known to be dead.
    Held(String),
}

impl<T: Record> Tracked<T> {
    /// Reads a record; `None` if there is none.
    pub async fn load(bucket: &Bucket, name: &str) -> Result<Option<Self>> {
        match bucket.get(name).await? {
            Some(object) => Self::parse(bucket, name, &object).map(Some),
            None => Ok(None),
        }
    }

    fn parse(bucket: &Bucket, name: &str, object: &Object) -> Result<Self> {
        let value: T = parse(bucket, name, &object.bytes)?;
        value.check()?;
        Ok(Self::new(bucket, name, value, object.version.clone()))
    }

    /// Creates a record; `None` if somebody was faster.
    pub async fn create(bucket: &Bucket, name: &str, mut value: T) -> Result<Option<Self>> {
        value.stamp(nonce());
        let written = bucket
            .put_if_absent(name, Bytes::from(to_json(&value)?))
            .await?;
        Ok(written.map(|version| Self::new(bucket, name, value, version)))
    }

    fn new(bucket: &Bucket, name: &str, value: T, version: Version) -> Self {
        Self {
            bucket: bucket.clone(),
            name: name.to_owned(),
            value,
            version,
            unheard: Vec::new(),
        }
    }

    /// Changes it, if it is still what it was; says whether it was.
    pub async fn try_change(&mut self, change: impl FnOnce(&mut T)) -> Result<bool> {
        let mut next = self.value.clone();
        change(&mut next);
        next.stamp(nonce());
        let bytes = Bytes::from(to_json(&next)?);
        loop {
            match self
                .bucket
                .compare_and_swap(&self.name, &self.version, bytes.clone())
                .await
            {
                Ok(Some(version)) => {
                    (self.value, self.version) = (next, version);
                    self.unheard.clear();
                    return Ok(true);
                }
                Ok(None) if self.adopt_unheard().await? => {}
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.unheard.push(bytes);
                    return Err(error);
                }
            }
        }
    }

    /// Goes on from a write of ours that was given up and carried out all the same; says whether it lies there. Without
    /// this, a store that was gone for a while would look like another process that took the record over.
    async fn adopt_unheard(&mut self) -> Result<bool> {
        if self.unheard.is_empty() {
            return Ok(false);
        }
        let Some(now) = self.bucket.get(&self.name).await? else {
            return Ok(false);
        };
        let is_ours = self.unheard.contains(&now.bytes) && now.version != self.version;
        if is_ours {
            self.version = now.version;
        }
        Ok(is_ours)
    }

    /// Changes what is ours.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process has taken it over.
    pub async fn change(&mut self, change: impl FnOnce(&mut T)) -> Result<()> {
        if self.try_change(change).await? {
            Ok(())
        } else {
            Err(self.taken_over())
        }
    }

    fn taken_over(&self) -> Error {
        Error::new(
            Code::Locked,
            "another process has taken over what this one was at work on",
        )
        .with_context("object", self.name.clone())
        .with_next(
            "run the same command again: this process was not heard of for longer than the lease",
        )
    }
}

/// Takes a record that is nobody's, is not there yet, or whose holder is dead.
pub(super) async fn take<T: Record>(
    bucket: &Bucket,
    name: &str,
    fresh: impl Fn() -> T,
    who: &str,
) -> Result<Taken<T>> {
    let token = nonce();
    loop {
        let Some(object) = bucket.get(name).await? else {
            let mut value = fresh();
            value.give(Some((who, &token)));
            match Tracked::create(bucket, name, value).await? {
                Some(tracked) => return Ok(Taken::Ours(tracked)),
                None => continue,
            }
        };
        let mut tracked = Tracked::<T>::parse(bucket, name, &object)?;
        if tracked.value.token().is_some() {
            if !bucket.has_run_out(object.changed).await? {
                return Ok(Taken::Held(tracked.value.holder().to_owned()));
            }
            tracing::warn!(
                name,
                holder = tracked.value.holder(),
                "taking over from a process that is not heard of"
            );
        }
        if tracked
            .try_change(|value| value.give(Some((who, &token))))
            .await?
        {
            return Ok(Taken::Ours(tracked));
        }
    }
}

impl Bucket {
    /// Whether a lease that was last renewed then has run out, by the store's clock.
    pub(super) async fn has_run_out(&self, renewed: DateTime<Utc>) -> Result<bool> {
        let age = (self.now().await? - renewed).to_std().unwrap_or_default();
        Ok(age > self.options().lease + CLOCK_STEP)
    }
}

/// Keeps a record ours for as long as this lives.
#[derive(Debug)]
pub(super) struct Heartbeat {
    _task: AbortOnDropHandle<()>,
    pulse: Arc<Pulse>,
    lease: Duration,
}

/// What a holder knows of its own lease.
#[derive(Debug)]
struct Pulse {
    is_lost: AtomicBool,
    /// When the last renewal that was heard of was sent. By two clocks, as one of them may stand still while the machine
    /// sleeps. They judge nobody else's lease: they only say when our own is to be asked after.
    renewed: std::sync::Mutex<(Instant, SystemTime)>,
}

impl Pulse {
    fn renewed(&self, at: (Instant, SystemTime)) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn age(&self) -> Duration {
        let (instant, time) = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
        instant.elapsed().max(time.elapsed().unwrap_or_default())
    }
}

fn moment() -> (Instant, SystemTime) {
    (Instant::now(), SystemTime::now())
}

impl Heartbeat {
    /// Renews the lease until dropped.
    pub fn start<T: Record>(record: Arc<Mutex<Tracked<T>>>, lease: Duration) -> Self {
        let pulse = Arc::new(Pulse {
            is_lost: AtomicBool::new(false),
            renewed: std::sync::Mutex::new(moment()),
        });
        let seen = Arc::clone(&pulse);
        let task = tokio::spawn(async move {
            loop {
                tokio::time::sleep(lease / RENEWALS).await;
                let mut record = record.lock().await;
                let sent = moment();
                match record.try_change(|_| ()).await {
                    Ok(true) => seen.renewed(sent),
                    Ok(false) => {
                        seen.is_lost.store(true, Ordering::Release);
                        return;
                    }
                    // The store may be back in time; if not, the next change tells.
                    Err(error) => {
                        tracing::warn!(error = %error.one_line(), "a lease could not be renewed")
                    }
                }
            }
        });
        Self {
            _task: AbortOnDropHandle::new(task),
            pulse,
            lease,
        }
    }

    /// Whether another process has taken the record over.
    pub fn is_lost(&self) -> bool {
        self.pulse.is_lost.load(Ordering::Acquire)
    }

    /// Whether it was not renewed for so long that another process may have taken it over, and this one, which slept or
    /// does not reach the store, has not heard of it yet.
    pub fn is_in_doubt(&self) -> bool {
        self.pulse.age() > self.lease / 2
    }

    /// Renews the lease now.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process has taken the record over, [`Code::Destination`] if nobody can tell.
    pub async fn confirm<T: Record>(&self, record: &Mutex<Tracked<T>>) -> Result<()> {
        let mut record = record.lock().await;
        let sent = moment();
        let outcome = record.change(|_| ()).await;
        match &outcome {
            Ok(()) => self.pulse.renewed(sent),
            Err(error) if error.code() == Code::Locked => {
                self.pulse.is_lost.store(true, Ordering::Release)
            }
            Err(_) => {}
        }
        outcome
    }
}

/// Reads a small object of JSON.
pub(super) fn parse<T: DeserializeOwned>(bucket: &Bucket, name: &str, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(Code::Destination, format!("{}/{name} is damaged", bucket.place()))
            .with_source(error)
            .with_next("restore the object from an older version of it; backhaul verify shows what else is affected")
    })
}
