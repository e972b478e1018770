//! Responses of tasks that this run has claimed, and of nights that are listed for plans.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::attempt::{Attempt, task_folder};
use super::listing_cache::{NightListing, TaskListing, group_by_task};
use super::response_store::ResponseStore;
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};

impl ResponseStore {
    /// The latest attempt at a task and whether it has its first response, for plans: in a bucket by the last listing of
    /// the night, unless this run has claimed the task.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
    pub fn latest_listed(
        &self,
        night: SnapshotDate,
        task: &TaskId,
    ) -> Result<Option<(Attempt, bool)>> {
        let mut nights = self.listings.lock();
        if let Some(listing) = self.listing_of(&mut nights, night)? {
            let Some((number, has_response)) = listing.get(task).and_then(TaskListing::latest)
            else {
                return Ok(None);
            };
            let attempt = Attempt {
                night,
                task: task.clone(),
                number,
            };
            return Ok(Some((attempt, has_response)));
        }
        drop(nights);
        let Some(latest) = self.latest(night, task)? else {
            return Ok(None);
        };
        let has_response = self.has_response(&latest)?;
        Ok(Some((latest, has_response)))
    }

    /// Discards the listing of a night: plans after this one are made by a new listing.
    pub fn invalidate(&self, night: SnapshotDate) {
        self.listings.lock().remove(&night);
    }

    /// Records that this run has claimed a task: from now on no other process saves responses of it. What was listed of the
    /// task is still true if its claim never had a holder before; else it is listed again.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
    pub fn mark_claimed(
        &self,
        night: SnapshotDate,
        task: &TaskId,
        is_first_holder: bool,
    ) -> Result<()> {
        if is_first_holder {
            let mut nights = self.listings.lock();
            if let Some(listing) = self.listing_of(&mut nights, night)? {
                listing.entry(task.clone()).or_default().mark_claimed();
            }
            return Ok(());
        }
        let folder = task_folder(night, task);
        let Some(files) = self.files.list_with_metadata(&folder)? else {
            return Ok(());
        };
        let mut nights = self.listings.lock();
        if let Some(listing) = self.listing_of(&mut nights, night)? {
            listing.insert(task.clone(), TaskListing::of_claimed(&files));
        }
        Ok(())
    }

    /// Records that the claim on a task was released: other processes may save responses of it.
    pub fn release(&self, night: SnapshotDate, task: &TaskId) {
        self.listings.release(night, task);
    }

    /// The listing of a night, made where there is none; `None` on a disk.
    fn listing_of<'a>(
        &self,
        nights: &'a mut BTreeMap<SnapshotDate, NightListing>,
        night: SnapshotDate,
    ) -> Result<Option<&'a mut NightListing>> {
        match nights.entry(night) {
            Entry::Occupied(listing) => Ok(Some(listing.into_mut())),
            Entry::Vacant(entry) => match self.files.list_with_metadata(&night.to_string())? {
                Some(files) => Ok(Some(entry.insert(group_by_task(&files)))),
                None => Ok(None),
            },
        }
    }
}
