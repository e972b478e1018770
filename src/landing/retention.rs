//! Nights and tasks of which responses are saved, and when responses are removed.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::attempt::task_folder;
use super::listing_cache::group_by_task;
use super::response_store::ResponseStore;
use crate::error::Result;
use crate::failpoint;
use crate::model::{SnapshotDate, TaskId};

impl ResponseStore {
    /// Nights of which responses are saved, in order.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn nights(&self) -> Result<BTreeSet<SnapshotDate>> {
        let names = self.files.list("")?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Tasks of a night of which responses are saved.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn tasks(&self, night: SnapshotDate) -> Result<BTreeSet<TaskId>> {
        let names = self.files.list(&night.to_string())?;
        Ok(names.into_iter().map(TaskId::new).collect())
    }

    /// Removes the responses of every task that got its last one longer than `keep` ago, while `guard` returns something to
    /// hold meanwhile; where it returns nothing, they stay. `done` gets it back. Returns the number of such tasks.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], or the error of `guard` or `done`.
    pub fn expire<G>(
        &self,
        now: DateTime<Utc>,
        keep: Duration,
        guard: impl Fn(SnapshotDate, &TaskId) -> Result<Option<G>>,
        done: impl Fn(G) -> Result<()>,
    ) -> Result<u64> {
        let mut num_expired = 0;
        let mut now = now;
        let mut is_confirmed = !self.files.is_remote();
        for night in self.nights()? {
            if may_be_skipped(night, now, keep) {
                continue;
            }
            if !is_confirmed {
                // They must be old by both clocks: a machine whose clock is wrong must not lose what was paid for.
                now = now.min(self.files.now()?);
                is_confirmed = true;
            }
            for (task, changed_at) in self.last_changes(night)? {
                if !is_older(changed_at, now, keep) {
                    continue;
                }
                let Some(held) = guard(night, &task)? else {
                    continue;
                };
                self.listings.release(night, &task);
                self.files.remove_all(&task_folder(night, &task))?;
                failpoint::hit("landing.expired");
                done(held)?;
                num_expired += 1;
            }
            self.files.remove_folder_if_empty(&night.to_string());
        }
        Ok(num_expired)
    }

    /// Removes every saved response of a task, durably. Returns how many there were.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn forget(&self, night: SnapshotDate, task: &TaskId) -> Result<u64> {
        self.listings.release(night, task);
        let folder = task_folder(night, task);
        let num_removed = self.files.list_all(&folder)?.len();
        self.files.remove_all(&folder)?;
        self.files.remove_folder_if_empty(&night.to_string());
        Ok(u64::try_from(num_removed).unwrap_or(u64::MAX))
    }

    /// When the responses of each task of a night last changed.
    fn last_changes(&self, night: SnapshotDate) -> Result<Vec<(TaskId, Option<DateTime<Utc>>)>> {
        let mut changes = Vec::new();
        if let Some(files) = self.files.list_with_metadata(&night.to_string())? {
            for (task, listing) in group_by_task(&files) {
                changes.push((task, listing.changed_at));
            }
            return Ok(changes);
        }
        for task in self.tasks(night)? {
            let changed_at = self.files.changed_at(&task_folder(night, &task))?;
            changes.push((task, changed_at));
        }
        Ok(changes)
    }
}

/// Whether no response of a night can be old: none is older than its night.
fn may_be_skipped(night: SnapshotDate, now: DateTime<Utc>, keep: Duration) -> bool {
    let days = u64::try_from((now.date_naive() - night.date()).num_days()).unwrap_or(0);
    (days + 1) * 24 * 3600 <= keep.as_secs()
}

fn is_older(changed_at: Option<DateTime<Utc>>, now: DateTime<Utc>, keep: Duration) -> bool {
    let Some(changed_at) = changed_at else {
        return false;
    };
    match (now - changed_at).to_std() {
        Ok(age) => age > keep,
        Err(_) => false,
    }
}
