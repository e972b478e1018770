//! What a killed process left of a commit: completed if all its parts are uploaded, undone if not.

use object_store::multipart::PartId;

use super::client::{Bucket, FailureClass, Operation};
use super::state::{BucketState, Upload};
use super::tables::{partition_object, state_name};
use super::versioned_record::{VersionedRecord, take};
use crate::error::Result;
use crate::failpoint;
use crate::store::claim_result::ClaimResult;
use crate::store::unfinished::drop_finished;

impl Bucket {
    /// Takes a partition, first of all by its owner, and finishes or undoes what the one before left. Only then may
    /// anything be written.
    pub(super) async fn take_partition(
        &self,
        report: &str,
        partition: &str,
        who: &str,
    ) -> Result<ClaimResult<VersionedRecord<BucketState>>> {
        let fresh = || BucketState::new(report, partition);
        let mut record = match take(self, &state_name(report, partition), fresh, who).await? {
            ClaimResult::Claimed(record) => record,
            ClaimResult::HeldBy(holder) => return Ok(ClaimResult::HeldBy(holder)),
        };
        failpoint::hit("bucket.taken");
        if let Some(upload) = record.value.upload.clone() {
            self.recover(&mut record, &upload).await?;
        }
        self.flush_roll_up(&mut record).await?;
        Ok(ClaimResult::Claimed(record))
    }

    async fn recover(
        &self,
        record: &mut VersionedRecord<BucketState>,
        upload: &Upload,
    ) -> Result<()> {
        let report = record.value.state.report.clone();
        let partition = record.value.state.partition.clone();
        let commit = upload.commit_id.as_str();
        let name = partition_object(&report, &partition);
        if !upload.parts.is_empty() && self.complete(&name, upload).await? {
            tracing::info!(report, partition, commit, "finished an interrupted commit");
            mark_committed(record).await
        } else {
            tracing::info!(report, partition, commit, "undid an interrupted commit");
            self.undo(record, upload).await
        }
    }

    /// Completes an upload whose parts are recorded. Returns whether the object is of that commit now: it is not if the
    /// upload was aborted and the object is of another commit.
    pub(super) async fn complete(&self, name: &str, upload: &Upload) -> Result<bool> {
        let path = self.path(name)?;
        let mut parts = Vec::with_capacity(upload.parts.len());
        for id in &upload.parts {
            parts.push(PartId {
                content_id: id.clone(),
            });
        }
        let complete = || {
            self.multipart()
                .complete_multipart(&path, &upload.id, parts.clone())
        };
        let Err(failure) = self.send(Operation::CompleteUpload, &path, complete).await else {
            return Ok(true);
        };
        // The answer may have been lost, or another process may have completed it: the footer tells.
        if self.commit_of(name).await?.as_ref() == Some(&upload.commit_id) {
            return Ok(true);
        }
        match failure.class {
            FailureClass::NoUpload | FailureClass::Missing => Ok(false),
            _ => Err(failure.into_error(self)),
        }
    }

    /// Aborts an upload, until the store confirms that it is over: no process can complete it any more.
    pub(super) async fn abort(&self, name: &str, upload_id: &str) -> Result<()> {
        let path = self.path(name)?;
        let id = upload_id.to_owned();
        let abort = || self.multipart().abort_multipart(&path, &id);
        match self.send(Operation::AbortUpload, &path, abort).await {
            Ok(()) => Ok(()),
            Err(failure) => match failure.class {
                FailureClass::NoUpload | FailureClass::Missing => Ok(()),
                _ => Err(failure.into_error(self)),
            },
        }
    }

    /// Undoes an upload.
    pub(super) async fn undo(
        &self,
        record: &mut VersionedRecord<BucketState>,
        upload: &Upload,
    ) -> Result<()> {
        let state = &record.value.state;
        let name = partition_object(&state.report, &state.partition);
        self.abort(&name, &upload.id).await?;
        failpoint::hit("bucket.aborted");
        record
            .change(|value| {
                value.upload = None;
                value.state.pending = None;
            })
            .await
    }

    /// Adds the last commit to the table's roll-up, if that is still to be done.
    pub(super) async fn flush_roll_up(
        &self,
        record: &mut VersionedRecord<BucketState>,
    ) -> Result<()> {
        if !record.value.owes_roll_up {
            return Ok(());
        }
        self.roll_up(&record.value.state).await?;
        failpoint::hit("bucket.rolled_up");
        record.change(|value| value.owes_roll_up = false).await
    }
}

/// Records that the pending commit is what readers see.
pub(super) async fn mark_committed(record: &mut VersionedRecord<BucketState>) -> Result<()> {
    let mark = |value: &mut BucketState| {
        value.upload = None;
        if let Some(pending) = value.state.pending.take() {
            value.state.generation = pending.base_generation + 1;
            let previous = value.state.committed.replace(pending.next.clone());
            drop_finished(
                &mut value.state.unfinished,
                previous.as_ref(),
                &pending.next,
            );
            value.owes_roll_up = true;
        }
    };
    record.change(mark).await?;
    failpoint::hit("bucket.committed");
    Ok(())
}
