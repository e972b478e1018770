//! Listings of the responses of nights in a bucket, so that not every task needs a request of its own.
//!
//! A night is listed once. A listing may be out of date as soon as it is made: that is good enough for plans, which are
//! checked again before anything is fetched. Of a task that this run has claimed no other process saves responses: what was
//! listed of it then, and what this run has saved since, is everything, for as long as the claim is held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::attempt::{Attempt, sequence_of};
use crate::model::{SnapshotDate, TaskId};
use crate::store::FileMetadata;

/// What is known of the tasks of one night.
pub(super) type NightListing = BTreeMap<TaskId, TaskListing>;

/// Listings by night.
#[derive(Debug, Default)]
pub(super) struct ListingCache {
    nights: Mutex<BTreeMap<SnapshotDate, NightListing>>,
}

/// What is known of the responses of a task.
#[derive(Debug, Clone, Default)]
pub(super) struct TaskListing {
    /// Its attempts that were begun, with the numbers of their responses.
    attempts: BTreeMap<u32, BTreeSet<u32>>,
    /// When any of it last changed, by the store's clock.
    pub changed_at: Option<DateTime<Utc>>,
    /// Whether this run has claimed the task.
    is_claimed: bool,
}

impl TaskListing {
    /// What is known of a task that this run has just claimed.
    pub fn of_claimed(files: &[FileMetadata]) -> Self {
        let mut listing = Self {
            is_claimed: true,
            ..Self::default()
        };
        for file in files {
            listing.add(&file.name, file);
        }
        listing
    }

    /// Adds a file, by its name from the task's folder on.
    fn add(&mut self, name: &str, file: &FileMetadata) {
        self.changed_at = self.changed_at.max(Some(file.changed_at));
        let mut parts = name.split('/');
        let Some(Ok(attempt)) = parts.next().map(str::parse) else {
            return;
        };
        let sequences = self.attempts.entry(attempt).or_default();
        if file.bytes > 0
            && let Some(sequence) = parts.next().and_then(sequence_of)
        {
            sequences.insert(sequence);
        }
    }

    /// The latest attempt and whether it has its first response; `None` if none was begun.
    pub fn latest(&self) -> Option<(u32, bool)> {
        let (number, sequences) = self.attempts.last_key_value()?;
        Some((*number, sequences.contains(&0)))
    }

    pub fn mark_claimed(&mut self) {
        self.is_claimed = true;
    }
}

/// Groups the files of a night by task.
pub(super) fn group_by_task(files: &[FileMetadata]) -> NightListing {
    let mut tasks = NightListing::new();
    for file in files {
        if let Some((task, name)) = file.name.split_once('/') {
            let listing = tasks.entry(TaskId::new(task)).or_default();
            listing.add(name, file);
        }
    }
    tasks
}

impl ListingCache {
    /// The listings of all nights, locked.
    pub fn lock(&self) -> MutexGuard<'_, BTreeMap<SnapshotDate, NightListing>> {
        self.nights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads or changes what is known of a task; `None` if this run has not claimed it.
    pub fn with_claimed<T>(
        &self,
        night: SnapshotDate,
        task: &TaskId,
        read_or_change: impl FnOnce(&mut TaskListing) -> T,
    ) -> Option<T> {
        let mut nights = self.lock();
        let listing = nights.get_mut(&night)?.get_mut(task)?;
        if listing.is_claimed {
            Some(read_or_change(listing))
        } else {
            None
        }
    }

    /// Whether a response exists; `None` if this run has not claimed its task.
    pub fn contains(&self, attempt: &Attempt, sequence: u32) -> Option<bool> {
        self.with_claimed(attempt.night, &attempt.task, |listing| {
            let sequences = listing.attempts.get(&attempt.number);
            sequences.is_some_and(|sequences| sequences.contains(&sequence))
        })
    }

    /// Whether an attempt is known to have no response from a number on.
    pub fn has_none_from(&self, attempt: &Attempt, first: u32) -> bool {
        let has_none = self.with_claimed(attempt.night, &attempt.task, |listing| {
            match listing.attempts.get(&attempt.number) {
                Some(sequences) => sequences.range(first..).next().is_none(),
                None => true,
            }
        });
        has_none.unwrap_or(false)
    }

    /// Whether an attempt is known to have been begun.
    pub fn has_begun(&self, attempt: &Attempt) -> bool {
        let has_begun = self.with_claimed(attempt.night, &attempt.task, |listing| {
            listing.attempts.contains_key(&attempt.number)
        });
        has_begun.unwrap_or(false)
    }

    /// Records that an attempt was begun.
    pub fn record_begun(&self, attempt: &Attempt) {
        self.with_claimed(attempt.night, &attempt.task, |listing| {
            listing.attempts.entry(attempt.number).or_default();
        });
    }

    /// Records that a response was saved.
    pub fn record_saved(&self, attempt: &Attempt, sequence: u32) {
        self.with_claimed(attempt.night, &attempt.task, |listing| {
            let sequences = listing.attempts.entry(attempt.number).or_default();
            sequences.insert(sequence);
        });
    }

    /// Records that other processes may save responses of a task.
    pub fn release(&self, night: SnapshotDate, task: &TaskId) {
        self.with_claimed(night, task, |listing| listing.is_claimed = false);
    }
}
