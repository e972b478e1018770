//! Small JSON objects that one process at a time may change, and how another takes them over.
//!
//! Safety comes from compare-and-swap alone: a process that changes a record names the version that it saw, and every
//! write carries a fresh nonce, so no two versions are equal. A process that was taken over fails at its next change. The
//! lease is for liveness: it says when a holder counts as dead. Its age is the time since the record was last written, and
//! both ends of that time are read from the store's clock.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::client::{Bucket, Object, Version};
use super::nonce::nonce;
use crate::error::{Error, ErrorCode, Result};
use crate::store::claim_result::ClaimResult;
use crate::store::json::to_json;

/// Stores stamp objects in whole seconds.
pub(super) const CLOCK_STEP: Duration = Duration::from_secs(1);

/// The content of a small object under this protocol.
pub(super) trait Record:
    Serialize + DeserializeOwned + Clone + Send + Sync + 'static
{
    /// Marks a new version of it.
    fn stamp(&mut self, nonce: String);
    /// The token of its holder; `None` if there is none.
    fn token(&self) -> Option<&str>;
    /// The holder, for people.
    fn holder(&self) -> &str;
    /// Sets the holder, for people and by its token.
    fn set_holder(&mut self, holder: Option<(&str, &str)>);
    /// Refuses what a newer program wrote.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

/// A record as it is in the bucket.
#[derive(Debug)]
pub(super) struct VersionedRecord<T> {
    pub bucket: Bucket,
    pub name: String,
    pub value: T,
    version: Version,
    /// Writes of ours that failed and may have been carried out all the same.
    unconfirmed_writes: Vec<Bytes>,
}

impl<T: Record> VersionedRecord<T> {
    /// Reads a record; `None` if there is none.
    pub async fn load(bucket: &Bucket, name: &str) -> Result<Option<Self>> {
        match bucket.get(name).await? {
            Some(object) => Self::parse(bucket, name, &object).map(Some),
            None => Ok(None),
        }
    }

    fn parse(bucket: &Bucket, name: &str, object: &Object) -> Result<Self> {
        let value: T = parse_object(bucket, name, &object.bytes)?;
        value.check()?;
        Ok(Self::new(bucket, name, value, object.version.clone()))
    }

    /// Creates a record; `None` if another process was faster.
    pub async fn create(bucket: &Bucket, name: &str, mut value: T) -> Result<Option<Self>> {
        value.stamp(nonce());
        let bytes = Bytes::from(to_json(&value)?);
        match bucket.put_if_absent(name, bytes).await? {
            Some(version) => Ok(Some(Self::new(bucket, name, value, version))),
            None => Ok(None),
        }
    }

    fn new(bucket: &Bucket, name: &str, value: T, version: Version) -> Self {
        Self {
            bucket: bucket.clone(),
            name: name.to_owned(),
            value,
            version,
            unconfirmed_writes: Vec::new(),
        }
    }

    /// Changes it, if it is still what it was. Returns whether it was.
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
                    self.value = next;
                    self.version = version;
                    self.unconfirmed_writes.clear();
                    return Ok(true);
                }
                Ok(None) if self.adopt_unconfirmed_write().await? => {}
                Ok(None) => return Ok(false),
                Err(error) => {
                    self.unconfirmed_writes.push(bytes);
                    return Err(error);
                }
            }
        }
    }

    /// Continues from a write of ours that failed and was carried out all the same. Returns whether there is one. Without
    /// this, a store that was away for a while would look like another process that took the record over.
    async fn adopt_unconfirmed_write(&mut self) -> Result<bool> {
        if self.unconfirmed_writes.is_empty() {
            return Ok(false);
        }
        let Some(present) = self.bucket.get(&self.name).await? else {
            return Ok(false);
        };
        let is_ours =
            self.unconfirmed_writes.contains(&present.bytes) && present.version != self.version;
        if is_ours {
            self.version = present.version;
        }
        Ok(is_ours)
    }

    /// Changes a record that is ours.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process has taken it over.
    pub async fn change(&mut self, change: impl FnOnce(&mut T)) -> Result<()> {
        if self.try_change(change).await? {
            return Ok(());
        }
        let message = "another process has taken over what this one was at work on";
        Err(Error::new(ErrorCode::Locked, message)
            .with_context("object", self.name.clone())
            .with_hint(
                "run the same command again: this process did not renew its lease for too long",
            ))
    }

    /// Leaves it without a holder.
    ///
    /// # Errors
    /// As [`VersionedRecord::change`].
    pub async fn release(&mut self) -> Result<()> {
        self.change(|value| value.set_holder(None)).await
    }
}

/// Takes a record that is free, does not exist yet, or whose holder is dead.
pub(super) async fn take<T: Record>(
    bucket: &Bucket,
    name: &str,
    fresh: impl Fn() -> T,
    who: &str,
) -> Result<ClaimResult<VersionedRecord<T>>> {
    let token = nonce();
    loop {
        let Some(object) = bucket.get(name).await? else {
            let mut value = fresh();
            value.set_holder(Some((who, &token)));
            match VersionedRecord::create(bucket, name, value).await? {
                Some(record) => return Ok(ClaimResult::Claimed(record)),
                None => continue,
            }
        };
        let mut record = VersionedRecord::<T>::parse(bucket, name, &object)?;
        if record.value.token().is_some() {
            let holder = record.value.holder();
            if !bucket.has_expired(object.changed_at).await? {
                return Ok(ClaimResult::HeldBy(holder.to_owned()));
            }
            tracing::warn!(
                name,
                holder,
                "taking over from a process whose lease has expired"
            );
        }
        if record
            .try_change(|value| value.set_holder(Some((who, &token))))
            .await?
        {
            return Ok(ClaimResult::Claimed(record));
        }
    }
}

impl Bucket {
    /// Whether a lease that was last renewed then has expired, by the store's clock.
    pub(super) async fn has_expired(&self, renewed: DateTime<Utc>) -> Result<bool> {
        let age = (self.now().await? - renewed).to_std().unwrap_or_default();
        Ok(age > self.options().lease + CLOCK_STEP)
    }
}

/// Parses a small object of JSON.
pub(super) fn parse_object<T: DeserializeOwned>(
    bucket: &Bucket,
    name: &str,
    bytes: &[u8],
) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorCode::Destination, format!("{}/{name} is damaged", bucket.location()))
            .with_source(error)
            .with_hint("restore the object from an older version of it; backhaul verify shows what else is affected")
    })
}
