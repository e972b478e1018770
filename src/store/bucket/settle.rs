//! What a dead process left of a commit: completed if all its parts are up, undone if not.

use object_store::multipart::PartId;

use super::Bucket;
use super::fault::Operation;
use super::lease::{Taken, Tracked, take};
use super::record::{BucketState, Upload};
use super::tables::state_name;
use super::wire::Class;
use crate::error::Result;
use crate::store::record::settle;
use crate::store::step;

impl Bucket {
    /// Takes a partition, first of all by its owner, and settles what the one before left. Only then may anything be
    /// written.
    pub(super) async fn take_partition(
        &self,
        report: &str,
        partition: &str,
        who: &str,
    ) -> Result<Taken<BucketState>> {
        let fresh = || BucketState::new(report, partition);
        let mut tracked = match take(self, &state_name(report, partition), fresh, who).await? {
            Taken::Ours(tracked) => tracked,
            Taken::Held(holder) => return Ok(Taken::Held(holder)),
        };
        step("bucket.taken");
        if let Some(upload) = tracked.value.upload.clone() {
            let commit = upload.commit_id.as_str();
            let name = self.partition_object(report, partition);
            if !upload.parts.is_empty() && self.complete(&name, &upload).await? {
                tracing::info!(
                    report,
                    partition,
                    commit,
                    "finished a commit that was interrupted"
                );
                mark_committed(&mut tracked).await?;
            } else {
                tracing::info!(
                    report,
                    partition,
                    commit,
                    "rolled back a commit that was interrupted"
                );
                self.undo(&mut tracked, &upload).await?;
            }
        }
        self.pay_roll_up(&mut tracked).await?;
        Ok(Taken::Ours(tracked))
    }

    /// Makes an object of an upload whose parts are recorded. Says whether the object is of that commit now: it is not if
    /// the upload was ended and the object is another's.
    pub(super) async fn complete(&self, name: &str, upload: &Upload) -> Result<bool> {
        let path = self.path(name)?;
        let parts: Vec<_> = upload
            .parts
            .iter()
            .map(|id| PartId {
                content_id: id.clone(),
            })
            .collect();
        let complete = || {
            self.multipart()
                .complete_multipart(&path, &upload.upload_id, parts.clone())
        };
        let Err(fault) = self.send(Operation::CompleteUpload, &path, complete).await else {
            return Ok(true);
        };
        // The answer may have been lost, or somebody else may have completed it: the footer tells.
        if self.commit_of(name).await?.as_ref() == Some(&upload.commit_id) {
            return Ok(true);
        }
        match fault.class {
            Class::NoUpload | Class::Missing => Ok(false),
            _ => Err(fault.into_error(self)),
        }
    }

    /// Ends an upload, until the store says that it is over: nobody can complete it any more.
    pub(super) async fn abort(&self, name: &str, upload_id: &str) -> Result<()> {
        let path = self.path(name)?;
        let id = upload_id.to_owned();
        match self
            .send(Operation::AbortUpload, &path, || {
                self.multipart().abort_multipart(&path, &id)
            })
            .await
        {
            Ok(()) => Ok(()),
            Err(fault) if matches!(fault.class, Class::NoUpload | Class::Missing) => Ok(()),
            Err(fault) => Err(fault.into_error(self)),
        }
    }

    /// Rolls an upload back.
    pub(super) async fn undo(
        &self,
        tracked: &mut Tracked<BucketState>,
        upload: &Upload,
    ) -> Result<()> {
        let name =
            self.partition_object(&tracked.value.state.report, &tracked.value.state.partition);
        self.abort(&name, &upload.upload_id).await?;
        step("bucket.aborted");
        tracked
            .change(|value| {
                value.upload = None;
                value.state.pending = None;
            })
            .await
    }

    /// Puts the last commit into the table's roll-up, if that is still to be done.
    pub(super) async fn pay_roll_up(&self, tracked: &mut Tracked<BucketState>) -> Result<()> {
        if !tracked.value.owes_roll_up {
            return Ok(());
        }
        self.roll_up(&tracked.value.state).await?;
        step("bucket.rolled_up");
        tracked.change(|value| value.owes_roll_up = false).await
    }
}

/// Records that the pending commit is what readers see.
pub(super) async fn mark_committed(tracked: &mut Tracked<BucketState>) -> Result<()> {
    let mark = |value: &mut BucketState| {
        value.upload = None;
        if let Some(pending) = value.state.pending.take() {
            value.state.generation = pending.base_generation + 1;
            let before = value.state.committed.replace(pending.next.clone());
            settle(&mut value.state.unfinished, before.as_ref(), &pending.next);
            value.owes_roll_up = true;
        }
    };
    tracked.change(mark).await?;
    step("bucket.committed");
    Ok(())
}
