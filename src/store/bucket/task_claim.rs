//! Claims on tasks and folders, in the name of a run.
//!
//! Such a claim counts while its run lives. A claim that is released is not deleted but left without a holder: a delete
//! that was lost on the way and arrives late would take it away from the next holder. Old claims are removed with their
//! night.

use std::time::Duration;

use super::claim_record::ClaimRecord;
use super::client::Bucket;
use super::nonce::nonce;
use super::versioned_record::{Record as _, VersionedRecord};
use crate::error::Result;
use crate::model::SnapshotDate;
use crate::store::claim_result::ClaimResult;
use crate::store::file_metadata::FileMetadata;
use crate::store::layout::SYSTEM_FOLDER;

/// Claims of old nights that no run of today can hold: none lives so long.
const MAX_AGE: Duration = Duration::from_hours(48);

/// A claim in the name of a run.
#[derive(Debug)]
pub struct TaskClaim {
    record: Box<VersionedRecord<ClaimRecord>>,
    is_first_holder: bool,
}

impl Bucket {
    /// Claims something in the name of a run of ours, for example `2026-11-23/<task>`.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn claim_task(
        &self,
        name: &str,
        run: &str,
        who: &str,
    ) -> Result<ClaimResult<TaskClaim>> {
        let name = format!("{SYSTEM_FOLDER}/claims/{name}.json");
        let ours = ClaimRecord {
            who: who.to_owned(),
            token: Some(nonce()),
            run: Some(run.to_owned()),
            ..ClaimRecord::default()
        };
        // Most tasks were never claimed before; a folder that processes claim by turns was.
        if !name.contains("/_folders/")
            && let Some(record) = VersionedRecord::create(self, &name, ours.clone()).await?
        {
            return Ok(claimed(record, true));
        }
        loop {
            let Some(mut record) = VersionedRecord::<ClaimRecord>::load(self, &name).await? else {
                match VersionedRecord::create(self, &name, ours.clone()).await? {
                    Some(record) => return Ok(claimed(record, false)),
                    None => continue,
                }
            };
            if record.value.token().is_some()
                && let Some(holder) = record.value.run.clone()
                && (holder == run || !self.is_dead(&holder, who).await?)
            {
                return Ok(ClaimResult::HeldBy(record.value.holder().to_owned()));
            }
            if record.try_change(|value| *value = ours.clone()).await? {
                return Ok(claimed(record, false));
            }
        }
    }

    /// Removes the claims of nights before this one, and what is left of their records; those of a live run stay.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn sweep_task_claims(&self, before: SnapshotDate) -> Result<()> {
        let old = self.objects_of_old_nights(before).await?;
        if old.is_empty() {
            return Ok(());
        }
        let now = self.now().await?;
        for object in old {
            // By age, as no process claims these nights any more: a run of two days does not exist.
            let age = (now - object.changed_at).to_std().unwrap_or_default();
            if age > MAX_AGE {
                self.delete(&object.name).await?;
            }
        }
        Ok(())
    }

    async fn objects_of_old_nights(&self, before: SnapshotDate) -> Result<Vec<FileMetadata>> {
        let mut old = Vec::new();
        let claims = format!("{SYSTEM_FOLDER}/claims");
        let (_, nights) = self.children(&claims).await?;
        for night in nights {
            if is_before(&night, before) {
                old.extend(self.list(&format!("{claims}/{night}")).await?);
            }
        }
        for record in self.list(&format!("{SYSTEM_FOLDER}/nights")).await? {
            let file = record.name.rsplit('/').next().unwrap_or_default();
            if record.bytes == 0
                && let Some(night) = file.strip_suffix(".json")
                && is_before(night, before)
            {
                old.push(record);
            }
        }
        Ok(old)
    }
}

fn claimed(record: VersionedRecord<ClaimRecord>, is_first_holder: bool) -> ClaimResult<TaskClaim> {
    ClaimResult::Claimed(TaskClaim {
        record: Box::new(record),
        is_first_holder,
    })
}

fn is_before(name: &str, before: SnapshotDate) -> bool {
    match name.parse::<SnapshotDate>() {
        Ok(night) => night < before,
        Err(_) => false,
    }
}

impl TaskClaim {
    /// Whether it never had a holder before.
    pub fn is_first_holder(&self) -> bool {
        self.is_first_holder
    }

    /// Releases it. A claim that another process has taken since, as our run was taken for dead, stays with that process.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn release(mut self) -> Result<()> {
        self.record
            .try_change(|record| *record = ClaimRecord::default())
            .await
            .map(drop)
    }
}
