//! What dead processes leave in a bucket: partitions that they own, uploads that nobody recorded.

use std::time::Duration;

use super::fault::Operation;
use super::lease::{CLOCK_STEP, Record as _, Taken, Tracked};
use super::record::BucketState;
use super::tables::{state_name, table_of};
use super::{Backend, Bucket};
use crate::error::Result;

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
        let settled = self.settle_left(who).await?;
        Ok(Garbage { settled, aborted: self.abort_unrecorded(age).await? })
    }

    /// Settles what commits of dead processes left. Says how many.
    ///
    /// # Errors
    /// As [`Bucket::collect_garbage`].
    pub async fn settle_left(&self, who: &str) -> Result<u64> {
        let mut settled = 0;
        for (commit_id, intent) in self.intents().await? {
            // A live process holds it; it settles its own.
            if let Taken::Ours(mut ours) = self.take_partition(&intent.report, &intent.partition, who).await? {
                ours.change(|value| value.give(None)).await?;
                self.settled(&commit_id).await?;
                settled += 1;
            }
        }
        Ok(settled)
    }

    async fn abort_unrecorded(&self, age: Duration) -> Result<u64> {
        let Backend::S3(store, extra) = &self.backend else { return Ok(0) };
        let folder = self.path("")?;
        let prefix = if folder.as_ref().is_empty() { String::new() } else { format!("{folder}/") };
        let list = || async { extra.uploads(store.credentials().get_credential().await?.as_ref(), &prefix).await };
        let open = self.send(Operation::ListUploads, &folder, list).await.map_err(|fault| fault.into_error(self))?;
        if open.is_empty() {
            return Ok(0);
        }
        // What was started within the step that the clock is in counts as started at its beginning.
        let now = self.now().await? + CLOCK_STEP;
        let mut aborted = 0;
        for upload in open {
            let is_old = (now - upload.started).to_std().is_ok_and(|since| since >= age);
            let name = object_store::path::Path::parse(&upload.key).ok().and_then(|key| self.name_of(&key));
            let Some(name) = name.filter(|_| is_old) else { continue };
            // What is no partition's object is not ours to end.
            let Some((report, partition)) = table_of(&name) else { continue };
            let tracked = Tracked::<BucketState>::load(self, &state_name(report, partition)).await?;
            let recorded = tracked.and_then(|tracked| tracked.value.upload);
            if recorded.is_none_or(|recorded| recorded.upload_id != upload.upload_id) {
                self.abort(&name, &upload.upload_id).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }
}
