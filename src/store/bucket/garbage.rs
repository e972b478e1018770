//! What killed processes leave in a bucket: partitions that they own, uploads that were not recorded.

use std::time::Duration;

use chrono::{DateTime, Utc};
use object_store::path::Path;

use super::client::{Backend, Bucket, FailureClass, OpenUpload, Operation};
use super::run_claim::LONG_DEAD_LEASES;
use super::state::BucketState;
use super::tables::{partition_of, state_name};
use super::versioned_record::{CLOCK_STEP, VersionedRecord};
use crate::error::Result;
use crate::store::claim_result::ClaimResult;
use crate::store::intent::Intent;

/// Between starting an upload and recording it there is one request: what is older and not recorded never will be.
const UNRECORDED_AGE: Duration = Duration::from_hours(24);

/// What was removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Commits of killed processes that were finished or undone.
    pub num_recovered: u64,
    /// Uploads that were aborted since no partition's state knew of them.
    pub num_aborted: u64,
}

impl Bucket {
    /// Finishes or undoes the commits of killed processes, and aborts uploads that no state names and that are a day old.
    ///
    /// Only S3 lists the open uploads. On Google a rule of the bucket (`AbortIncompleteMultipartUpload`) aborts those that
    /// were never recorded; on Azure parts expire after a week.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn collect_garbage(&self, who: &str) -> Result<Garbage> {
        self.collect_garbage_older_than(who, UNRECORDED_AGE).await
    }

    /// The same, for uploads of another age.
    ///
    /// # Errors
    /// As [`Bucket::collect_garbage`].
    pub async fn collect_garbage_older_than(&self, who: &str, age: Duration) -> Result<Garbage> {
        let num_recovered = self.recover_commits_older_than(who, age).await?;
        Ok(Garbage {
            num_recovered,
            num_aborted: self.abort_unrecorded_uploads(age).await?,
        })
    }

    /// Finishes or undoes the commits of killed processes. Returns how many.
    pub(in crate::store) async fn recover_commits(&self, who: &str) -> Result<u64> {
        self.recover_commits_older_than(who, UNRECORDED_AGE).await
    }

    async fn recover_commits_older_than(&self, who: &str, age: Duration) -> Result<u64> {
        // A process that waits longer for a partition writes its intent again once it has it.
        let age = age.min(self.options().lease * LONG_DEAD_LEASES);
        let mut num_recovered = 0;
        for (commit_id, intent, since) in self.intents().await? {
            // A live process may have written its intent, and not have taken the partition yet.
            if !self.has_begun(&commit_id, &intent).await? && !self.is_older(since, age).await? {
                continue;
            }
            // A live process that holds the partition recovers it itself.
            let taken = self
                .take_partition(&intent.report, &intent.partition, who)
                .await?;
            if let ClaimResult::Claimed(mut record) = taken {
                record.release().await?;
                self.clear_intent(&commit_id).await?;
                num_recovered += 1;
            }
        }
        Ok(num_recovered)
    }

    /// Whether a partition's state names a commit: under way, or done.
    async fn has_begun(&self, commit_id: &str, intent: &Intent) -> Result<bool> {
        let name = state_name(&intent.report, &intent.partition);
        let Some(record) = VersionedRecord::<BucketState>::load(self, &name).await? else {
            return Ok(false);
        };
        if let Some(upload) = &record.value.upload
            && upload.commit_id == commit_id
        {
            return Ok(true);
        }
        match &record.value.state.committed {
            Some(committed) => Ok(committed.commit_id == commit_id),
            None => Ok(false),
        }
    }

    async fn is_older(&self, since: DateTime<Utc>, age: Duration) -> Result<bool> {
        Ok(has_age(self.now().await?, since, age))
    }

    async fn abort_unrecorded_uploads(&self, age: Duration) -> Result<u64> {
        let uploads = self.open_uploads().await?;
        if uploads.is_empty() {
            return Ok(0);
        }
        let now = self.now().await?;
        let mut num_aborted = 0;
        for upload in uploads {
            if !has_age(now, upload.started, age) {
                continue;
            }
            let Ok(key) = Path::parse(&upload.key) else {
                continue;
            };
            let Some(name) = self.name_of(&key) else {
                continue;
            };
            // Uploads of objects that are not a partition's are not ours to abort.
            let Some((report, partition)) = partition_of(&name) else {
                continue;
            };
            let state = state_name(report, partition);
            let record = VersionedRecord::<BucketState>::load(self, &state).await?;
            if let Some(record) = record
                && let Some(recorded) = record.value.upload
                && recorded.id == upload.upload_id
            {
                continue;
            }
            self.abort(&name, &upload.upload_id).await?;
            num_aborted += 1;
        }
        Ok(num_aborted)
    }

    /// Uploads below the prefix that are neither completed nor aborted, as far as the store lists them.
    async fn open_uploads(&self) -> Result<Vec<OpenUpload>> {
        let Backend::S3(store, extra) = &self.backend else {
            return Ok(Vec::new());
        };
        let folder = self.path("")?;
        let prefix = if folder.as_ref().is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let list = async || {
            let credential = store.credentials().get_credential().await?;
            extra.uploads(&credential, &prefix).await
        };
        match self.send(Operation::ListUploads, &folder, list).await {
            Ok(uploads) => Ok(uploads),
            // No commit depends on this, and no night is lost over it: what stays costs a little until a rule of the
            // bucket aborts it.
            Err(failure)
                if matches!(
                    failure.class,
                    FailureClass::Denied
                        | FailureClass::Unsupported
                        | FailureClass::Missing
                        | FailureClass::Other
                ) =>
            {
                let error = failure.into_error(self);
                tracing::warn!(error = %error.one_line(), next = error.hint(), "unfinished uploads cannot be listed");
                Ok(Vec::new())
            }
            Err(failure) => Err(failure.into_error(self)),
        }
    }
}

/// Whether something is at least as old as `age`. What was written within the present step of the clock counts as written
/// at its beginning.
fn has_age(now: DateTime<Utc>, since: DateTime<Utc>, age: Duration) -> bool {
    match (now + CLOCK_STEP - since).to_std() {
        Ok(elapsed) => elapsed >= age,
        Err(_) => false,
    }
}
