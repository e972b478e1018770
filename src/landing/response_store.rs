//! The folder of saved responses, and the responses of one attempt in it.

use std::sync::Arc;

use bytes::Bytes;

use super::attempt::{Attempt, sequence_of, task_folder};
use super::listing_cache::ListingCache;
use super::saved_response::SavedResponse;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::model::{SnapshotDate, TaskId};
use crate::store::SharedFiles;

/// Suffix of the name of a response that nothing builds on: damaged, or a response to a request that is not made any more.
const ASIDE_SUFFIX: &str = ".aside";

/// The folder of saved responses.
#[derive(Debug, Clone)]
pub struct ResponseStore {
    pub(super) files: SharedFiles,
    pub(super) listings: Arc<ListingCache>,
}

impl ResponseStore {
    /// Saved responses in a folder, which is created when the first is saved.
    pub fn new(files: SharedFiles) -> Self {
        Self {
            files,
            listings: Arc::default(),
        }
    }

    /// The latest attempt at a task; `None` if nothing of it was ever saved.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the destination cannot be read.
    pub fn latest(&self, night: SnapshotDate, task: &TaskId) -> Result<Option<Attempt>> {
        let claimed = self
            .listings
            .with_claimed(night, task, |listing| listing.latest());
        let number = match claimed {
            Some(latest) => latest.map(|(number, _)| number),
            None => self.latest_number(night, task)?,
        };
        Ok(number.map(|number| Attempt {
            night,
            task: task.clone(),
            number,
        }))
    }

    fn latest_number(&self, night: SnapshotDate, task: &TaskId) -> Result<Option<u32>> {
        let names = self.files.list(&task_folder(night, task))?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).max())
    }

    /// Whether an attempt has its first response.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn has_response(&self, attempt: &Attempt) -> Result<bool> {
        match self.listings.contains(attempt, 0) {
            Some(has_response) => Ok(has_response),
            None => Ok(self.files.load_start(&attempt.file(0), 1)?.is_some()),
        }
    }

    /// Begins an attempt, durably: from now on it is the latest.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn begin(&self, attempt: &Attempt) -> Result<()> {
        if !self.listings.has_begun(attempt) {
            self.files.create_folder(&attempt.folder())?;
            self.listings.record_begun(attempt);
        }
        failpoint::hit("landing.attempt");
        Ok(())
    }

    /// Saves a response durably under its number in the attempt. In a bucket, where a run that was taken for dead may come
    /// back, it does not replace what another process saved there.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`]: then the response counts as lost and nothing may build on it; [`ErrorCode::Locked`] if another
    /// process is at the task.
    pub fn save(&self, attempt: &Attempt, response: &SavedResponse) -> Result<()> {
        failpoint::hit("landing.received");
        let sequence = response.header.sequence;
        let name = attempt.file(sequence);
        let bytes = Bytes::from(response.to_bytes()?);
        if self.files.is_remote() {
            self.save_once(&name, bytes)?;
        } else {
            self.files.replace(&name, bytes)?;
        }
        self.listings.record_saved(attempt, sequence);
        failpoint::hit("landing.saved");
        Ok(())
    }

    /// Saves a response, if there is none under this name but a damaged one or the same.
    fn save_once(&self, name: &str, bytes: Bytes) -> Result<()> {
        if self.files.create_new(name, bytes.clone())? {
            return Ok(());
        }
        let present = self.files.load(name)?;
        if present.as_ref() == Some(&bytes) {
            return Ok(());
        }
        if present.is_none_or(|present| SavedResponse::from_bytes(&present).is_none()) {
            return self.files.replace(name, bytes);
        }
        let message = "another process has saved a response of the same task";
        Err(Error::new(ErrorCode::Locked, message)
            .with_context("response", self.files.location_of(name))
            .with_hint(
                "run the same command again: this process did not renew its lease for too long",
            ))
    }

    /// Reads a response; `None` if there is none or if it does not match its checksum: nothing may build on a damaged one.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the destination cannot be read.
    pub fn load(&self, attempt: &Attempt, sequence: u32) -> Result<Option<SavedResponse>> {
        if self.listings.contains(attempt, sequence) == Some(false) {
            return Ok(None);
        }
        self.load_file(&attempt.file(sequence))
    }

    /// Sets aside the responses of an attempt from a number on: what follows a damaged or outdated response proves nothing.
    /// Half-written ones are removed.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn set_aside(&self, attempt: &Attempt, first: u32) -> Result<()> {
        if self.listings.has_none_from(attempt, first) {
            return Ok(());
        }
        self.listings.release(attempt.night, &attempt.task);
        let folder = attempt.folder();
        self.files.remove_half_written(&folder, &|_| false)?;
        let mut later = self.files.list(&folder)?;
        later.retain(|name| sequence_of(name).is_some_and(|sequence| sequence >= first));
        // From the last one down, so that a crash leaves no gap.
        later.sort_unstable_by(|left, right| right.cmp(left));
        for name in later {
            let name = format!("{folder}/{name}");
            // In a bucket one that was set aside before is an object without a byte.
            if self.files.load_start(&name, 1)?.is_some() {
                let aside = format!("{name}.{:08x}{ASIDE_SUFFIX}", fastrand::u32(..));
                self.files.rename(&name, &aside)?;
            }
        }
        Ok(())
    }

    /// Reads a response by the name of its file.
    pub(super) fn load_file(&self, name: &str) -> Result<Option<SavedResponse>> {
        let Some(bytes) = self.files.load(name)? else {
            return Ok(None);
        };
        let response = SavedResponse::from_bytes(&bytes);
        if response.is_none() {
            tracing::warn!(
                path = self.files.location_of(name),
                "a saved response is damaged and does not count"
            );
        }
        Ok(response)
    }
}
