//! What dead processes leave in a bucket: partitions that they own, uploads that nobody recorded.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::claim::LONG_DEAD;
use super::fault::Operation;
use super::lease::{CLOCK_STEP, Record as _, Taken, Tracked};
use super::record::BucketState;
use super::tables::{state_name, table_of};
use super::wire::Class;
use super::{Backend, Bucket};
use crate::error::Result;
use crate::store::record::Intent;

/// Between starting an upload and recording it lies one request: what is older and not recorded never will be.
const UNRECORDED: Duration = Duration::from_hours(24);

/// What was cleared up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Commits of dead processes that were finished or undone.
    pub settled: u64,
    /// Uploads that no partition's state knew of.
    pub aborted: u64,
}

impl Bucket {
    /// Settles what commits of dead processes left, and ends uploads that no state names and that are a day old.
    ///
    /// Only S3 tells which uploads are open. On Google a rule of the bucket (`AbortIncompleteMultipartUpload`) ends those
    /// that were never recorded; on Azure parts expire after a week.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn collect_garbage(&self, who: &str) -> Result<Garbage> {
        self.collect_garbage_older_than(who, UNRECORDED).await
    }

    /// The same, for uploads of another age.
    ///
    /// # Errors
    /// As [`Bucket::collect_garbage`].
    pub async fn collect_garbage_older_than(&self, who: &str, age: Duration) -> Result<Garbage> {
        let settled = self.settle_older_than(who, age).await?;
        Ok(Garbage {
            settled,
            aborted: self.abort_unrecorded(age).await?,
        })
    }

    /// Settles what commits of dead processes left. Says how many.
    ///
    /// # Errors
    /// As [`Bucket::collect_garbage`].
    pub async fn settle_left(&self, who: &str) -> Result<u64> {
        self.settle_older_than(who, UNRECORDED).await
    }

    async fn settle_older_than(&self, who: &str, age: Duration) -> Result<u64> {
        // Who waits longer for a partition says it again once it has it.
        let age = age.min(self.options().lease * LONG_DEAD);
        let mut settled = 0;
        for (commit_id, intent, since) in self.intents().await? {
            // A live process may have said what it is about to do, and not have taken the partition yet.
            let is_known = self.knows(&commit_id, &intent).await?;
            if !is_known && !self.is_older(since, age).await? {
                continue;
            }
            // A live process holds it; it settles its own.
            if let Taken::Ours(mut ours) = self
                .take_partition(&intent.report, &intent.partition, who)
                .await?
            {
                ours.change(|value| value.give(None)).await?;
                self.settled(&commit_id).await?;
                settled += 1;
            }
        }
        Ok(settled)
    }

    /// Whether a partition's state tells of a commit: under way, or done.
    async fn knows(&self, commit_id: &str, intent: &Intent) -> Result<bool> {
        let name = state_name(&intent.report, &intent.partition);
        let Some(Tracked { value, .. }) = Tracked::<BucketState>::load(self, &name).await? else {
            return Ok(false);
        };
        let uploading = value.upload.as_ref().map(|upload| &upload.commit_id);
        let committed = value
            .state
            .committed
            .as_ref()
            .map(|committed| &committed.commit_id);
        Ok([uploading, committed]
            .into_iter()
            .flatten()
            .any(|known| known == commit_id))
    }

    async fn is_older(&self, since: DateTime<Utc>, age: Duration) -> Result<bool> {
        // What was written within the step that the clock is in counts as written at its beginning.
        let now = self.now().await? + CLOCK_STEP;
        Ok((now - since).to_std().is_ok_and(|since| since >= age))
    }

    async fn abort_unrecorded(&self, age: Duration) -> Result<u64> {
        let Backend::S3(store, extra) = &self.backend else {
            return Ok(0);
        };
        let folder = self.path("")?;
        let prefix = if folder.as_ref().is_empty() {
            String::new()
        } else {
            format!("{folder}/")
        };
        let list = || async {
            extra
                .uploads(
                    store.credentials().get_credential().await?.as_ref(),
                    &prefix,
                )
                .await
        };
        let open = match self.send(Operation::ListUploads, &folder, list).await {
            Ok(open) => open,
            // No commit rests on this, so that no night is lost over it: what stays costs a little until a rule of the
            // bucket ends it.
            Err(fault)
                if matches!(
                    fault.class,
                    Class::Denied | Class::Unsupported | Class::Missing | Class::Other
                ) =>
            {
                let error = fault.into_error(self);
                tracing::warn!(error = %error.one_line(), next = error.next(), "unfinished uploads are not looked for");
                return Ok(0);
            }
            Err(fault) => return Err(fault.into_error(self)),
        };
        if open.is_empty() {
            return Ok(0);
        }
        // What was started within the step that the clock is in counts as started at its beginning.
        let now = self.now().await? + CLOCK_STEP;
        let mut aborted = 0;
        for upload in open {
            let is_old = (now - upload.started)
                .to_std()
                .is_ok_and(|since| since >= age);
            let name = object_store::path::Path::parse(&upload.key)
                .ok()
                .and_then(|key| self.name_of(&key));
            let Some(name) = name.filter(|_| is_old) else {
                continue;
            };
            // What is no partition's object is not ours to end.
            let Some((report, partition)) = table_of(&name) else {
                continue;
            };
            let tracked =
                Tracked::<BucketState>::load(self, &state_name(report, partition)).await?;
            let recorded = tracked.and_then(|tracked| tracked.value.upload);
            if recorded.is_none_or(|recorded| recorded.upload_id != upload.upload_id) {
                self.abort(&name, &upload.upload_id).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }
}
