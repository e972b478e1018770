//! What dead processes leave in a bucket: partitions that they own, uploads that nobody recorded.

use std::collections::BTreeSet;
use std::time::Duration;

use super::fault::Operation;
use super::lease::{CLOCK_STEP, Record as _, Taken, Tracked};
use super::record::BucketState;
use super::tables::state_name;
use super::{Backend, Bucket};
use crate::error::Result;

/// What was cleared up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Garbage {
    /// Commits of dead processes that were finished or undone.
    pub settled: u64,
    /// Uploads that no partition's state knew of.
    pub aborted: u64,
}

impl Bucket {
    /// Settles the partitions of a table whose owner is dead, and ends uploads that no state names and that were started
    /// longer than `age` ago. Between starting an upload and recording it lies one request: a day is ample.
    ///
    /// Only S3 tells which uploads are open. On Google a rule of the bucket (`AbortIncompleteMultipartUpload`) ends those
    /// that were never recorded; on Azure parts expire after a week.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn collect_garbage(&self, report: &str, who: &str, age: Duration) -> Result<Garbage> {
        let mut garbage = Garbage::default();
        for partition in self.partitions(report).await? {
            let Some(tracked) = Tracked::<BucketState>::load(self, &state_name(report, &partition)).await? else {
                continue;
            };
            if tracked.value.token().is_none() && tracked.value.upload.is_none() && !tracked.value.owes_roll_up {
                continue;
            }
            if let Taken::Ours(mut ours) = self.take_partition(report, &partition, who).await? {
                ours.change(|value| value.give(None)).await?;
                garbage.settled += 1;
            }
        }
        garbage.aborted = self.abort_unrecorded(report, age).await?;
        Ok(garbage)
    }

    async fn abort_unrecorded(&self, report: &str, age: Duration) -> Result<u64> {
        let Backend::S3(store, extra) = &self.backend else { return Ok(0) };
        let folder = self.path(report)?;
        let prefix = format!("{folder}/");
        let list = || async { extra.uploads(store.credentials().get_credential().await?.as_ref(), &prefix).await };
        let open = self.send(Operation::ListUploads, &folder, list).await.map_err(|fault| fault.into_error(self))?;
        if open.is_empty() {
            return Ok(0);
        }
        // What was started within the step that the clock is in counts as started at its beginning.
        let now = self.now().await? + CLOCK_STEP;
        let mut recorded = BTreeSet::new();
        for partition in self.partitions(report).await? {
            let tracked = Tracked::<BucketState>::load(self, &state_name(report, &partition)).await?;
            recorded.extend(tracked.and_then(|tracked| tracked.value.upload).map(|upload| upload.upload_id));
        }
        let mut aborted = 0;
        for upload in open.iter().filter(|upload| !recorded.contains(&upload.upload_id)) {
            let is_old = (now - upload.started).to_std().is_ok_and(|since| since >= age);
            let name = object_store::path::Path::parse(&upload.key).ok().and_then(|key| self.name_of(&key));
            if let Some(name) = name.filter(|_| is_old) {
                self.abort(&name, &upload.upload_id).await?;
                aborted += 1;
            }
        }
        Ok(aborted)
    }
}
