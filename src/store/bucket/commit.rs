//! The commit protocol in a bucket.
//!
//! 1. Take the partition: compare-and-swap the owner. Finish or undo what the one before left.
//! 2. Start a multipart upload of the partition's one object.
//! 3. Swap in the upload's id. No part is sent before that, so that the next process can abort the upload.
//! 4. Upload the parts.
//! 5. Swap in the parts, with size, rows and checksum: *the commit point*. From here the next process finishes the commit.
//! 6. Complete the upload: readers see the new object instead of the old one.
//! 7. Swap in the committed state, then add it to the roll-up, then release the partition.
//!
//! A process that was paused, and taken over meanwhile, is fenced off: each of its swaps fails, and its upload id is dead,
//! so that its complete cannot replace the object of a later commit. Azure has no upload ids: there only the lease keeps
//! two writers apart, see [`super::Fencing`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use object_store::path::Path;
use tokio::sync::Mutex;

use super::client::{Bucket, Operation};
use super::heartbeat::Heartbeat;
use super::recover::mark_committed;
use super::state::{BucketState, Upload};
use super::tables::partition_object;
use super::upload::{PartUpload, UploadWriter, Uploaded};
use super::versioned_record::VersionedRecord;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::store::layout::Commit;
use crate::table::manifest::{Committed, Pending};

/// A partition that this process alone may change, with an upload under way. Dropped, it changes nothing, and the partition
/// is free when the lease has expired; [`BucketCommit::abandon`] releases it at once.
#[derive(Debug)]
pub struct BucketCommit {
    bucket: Bucket,
    commit: Commit,
    record: Arc<Mutex<VersionedRecord<BucketState>>>,
    heartbeat: Heartbeat,
    upload: Upload,
    parts: PartUpload,
    committed: Option<Committed>,
    base_generation: u64,
}

impl Bucket {
    /// Takes a partition, finishes or undoes what a killed process began there, and starts the upload of a new commit.
    /// Waits for `patience` while another process holds the partition.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process is at work on it, [`ErrorCode::Destination`] if the store refuses.
    pub async fn begin_commit(
        &self,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<BucketCommit> {
        let mut record = self.take_with_intent(&commit, who, patience).await?;
        let name = partition_object(&commit.report, &commit.partition);
        let path = self.path(&name)?;
        let upload = Upload {
            commit_id: commit.id.clone(),
            id: self.start_upload(&path, &mut record, &commit.id).await?,
            parts: Vec::new(),
        };
        failpoint::hit("bucket.started");
        self.record_upload(&name, &mut record, &upload).await?;
        failpoint::hit("bucket.pending");
        let committed = record.value.state.committed.clone();
        let base_generation = record.value.state.generation;
        let record = Arc::new(Mutex::new(record));
        let heartbeat = Heartbeat::start(Arc::clone(&record), self.options().lease);
        let parts = PartUpload::start(self, path, upload.id.clone());
        Ok(BucketCommit {
            bucket: self.clone(),
            commit,
            record,
            heartbeat,
            upload,
            parts,
            committed,
            base_generation,
        })
    }

    /// Writes the intent of a commit, then takes its partition.
    async fn take_with_intent(
        &self,
        commit: &Commit,
        who: &str,
        patience: Duration,
    ) -> Result<VersionedRecord<BucketState>> {
        let started = Instant::now();
        self.write_intent(commit).await?;
        failpoint::hit("bucket.intent");
        let taken = self.take_within(&commit.report, &commit.partition, who, patience);
        let mut record = match taken.await {
            Ok(record) => record,
            Err(error) => {
                // If the intent stays, it costs the next start one look.
                let _ = self.clear_intent(&commit.id).await;
                return Err(error);
            }
        };
        // A process that sweeps may have taken an intent of that age for a killed process's: it is written again before
        // anything is begun.
        if started.elapsed() > self.options().lease
            && let Err(error) = self.write_intent(commit).await
        {
            let _ = record.release().await;
            return Err(error);
        }
        Ok(record)
    }

    /// Starts a multipart upload. Returns its id; on an error the partition is released.
    async fn start_upload(
        &self,
        path: &Path,
        record: &mut VersionedRecord<BucketState>,
        commit_id: &str,
    ) -> Result<String> {
        let start = || self.multipart().create_multipart(path);
        match self.send(Operation::StartUpload, path, start).await {
            Ok(upload_id) => Ok(upload_id),
            Err(failure) => {
                // The next process need not wait for the lease; if this fails too, it does.
                if record.release().await.is_ok() {
                    let _ = self.clear_intent(commit_id).await;
                }
                Err(failure.into_error(self))
            }
        }
    }

    async fn record_upload(
        &self,
        name: &str,
        record: &mut VersionedRecord<BucketState>,
        upload: &Upload,
    ) -> Result<()> {
        let recorded = record.change(|value| value.upload = Some(upload.clone()));
        let Err(error) = recorded.await else {
            return Ok(());
        };
        if error.code() == ErrorCode::Locked {
            // No other process knows of it.
            self.abort(name, &upload.id).await?;
        }
        Err(error)
    }

    /// After a commit: adds it to the roll-up, then releases the partition. What readers see is right and recorded, so that
    /// a failure here costs the next start a moment and is not an error of this commit.
    async fn finish(&self, record: &mut VersionedRecord<BucketState>, commit_id: &str) {
        let finished = async {
            self.flush_roll_up(record).await?;
            record.release().await?;
            self.clear_intent(commit_id).await
        };
        match finished.await {
            Ok(()) => failpoint::hit("bucket.released"),
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "a commit is done, but its partition is not released yet");
            }
        }
    }

    /// Undoes an upload and releases its partition.
    async fn abandon(
        &self,
        record: &mut VersionedRecord<BucketState>,
        upload: &Upload,
    ) -> Result<()> {
        self.undo(record, upload).await?;
        record.release().await?;
        self.clear_intent(&upload.commit_id).await
    }
}

impl BucketCommit {
    /// What readers see now.
    pub fn committed(&self) -> Option<&Committed> {
        self.committed.as_ref()
    }

    /// The generation that this commit extends; 0 if there is none.
    pub fn base_generation(&self) -> u64 {
        self.base_generation
    }

    /// Whether another process has taken the partition over: what is written from now on is lost.
    #[cfg(any(debug_assertions, feature = "testing"))]
    pub fn is_lost(&self) -> bool {
        self.heartbeat.is_lost()
    }

    /// Takes the next bytes of the object; waits while enough of them are being sent. Returns whether they were taken: if
    /// not, the upload has failed, and [`BucketCommit::publish`] returns the error.
    #[cfg(any(debug_assertions, feature = "testing"))]
    pub async fn write(&self, bytes: bytes::Bytes) -> bool {
        self.parts.write(bytes).await
    }

    /// A writer for an encoder, on a thread that may block. It must be flushed and dropped before the commit is published.
    pub fn writer(&self) -> UploadWriter {
        self.parts.writer()
    }

    /// Makes what was written what readers see, whole and at once.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process has taken the partition over, which then finishes or undoes this commit;
    /// [`ErrorCode::Destination`] if the store refuses: what readers saw before is then still there, or the commit is past its
    /// commit point and the next start finishes it.
    pub async fn publish(self, next: Committed) -> Result<Committed> {
        let Self {
            bucket,
            commit,
            record,
            heartbeat,
            mut upload,
            parts,
            committed: _,
            base_generation,
        } = self;
        let name = partition_object(&commit.report, &commit.partition);
        let uploaded = match finished_upload(parts, &name, &commit, &next).await {
            Ok(uploaded) => uploaded,
            Err(error) => {
                // The first error is the one worth reporting; what stays is undone by the next start.
                let _ = bucket.abandon(&mut *record.lock().await, &upload).await;
                return Err(error);
            }
        };
        failpoint::hit("bucket.uploaded");
        upload.parts = uploaded.parts;
        let pending = Pending {
            commit_id: commit.id.clone(),
            base_generation,
            next: next.clone(),
        };
        reach_commit_point(&record, &upload, pending).await?;
        // The lease is renewed meanwhile: completing an object of many parts may take longer than a lease.
        let is_complete = bucket.complete(&name, &upload).await?;
        let mut record = record.lock().await;
        drop(heartbeat);
        if is_complete {
            failpoint::hit("bucket.completed");
            mark_committed(&mut record).await?;
            bucket.finish(&mut record, &commit.id).await;
            return Ok(next);
        }
        // It was aborted: by a process that took over, which the next swap shows, or by a rule of the bucket.
        bucket.abandon(&mut record, &upload).await?;
        Err(upload_ended(&bucket))
    }

    /// Leaves the partition as it was, and releases it.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process has taken it over, [`ErrorCode::Destination`] if the store refuses.
    pub async fn abandon(self) -> Result<()> {
        drop(self.parts);
        let mut record = self.record.lock().await;
        self.bucket.abandon(&mut record, &self.upload).await
    }
}

/// Waits until all parts are uploaded, and checks that the manifest describes them.
async fn finished_upload(
    parts: PartUpload,
    object: &str,
    commit: &Commit,
    next: &Committed,
) -> Result<Uploaded> {
    let uploaded = parts.finish().await?;
    if let [file] = next.files.as_slice()
        && object.ends_with(&format!("/{}", file.name))
        && file.bytes == uploaded.bytes
        && file.sha256 == uploaded.sha256
        && next.commit_id == commit.id
    {
        return Ok(uploaded);
    }
    let message = "the manifest does not describe what was uploaded";
    let bytes = format!("{} bytes, sha256 {}", uploaded.bytes, uploaded.sha256);
    Err(Error::new(ErrorCode::Internal, message)
        .with_context("uploaded", bytes)
        .with_context("manifest", format!("{} files", next.files.len())))
}

/// Records that all parts are uploaded: from here on the next process finishes the commit.
async fn reach_commit_point(
    record: &Mutex<VersionedRecord<BucketState>>,
    upload: &Upload,
    pending: Pending,
) -> Result<()> {
    let mut record = record.lock().await;
    record
        .change(|value| {
            value.upload = Some(upload.clone());
            value.state.pending = Some(pending);
        })
        .await?;
    failpoint::hit("bucket.commit_point");
    Ok(())
}

fn upload_ended(bucket: &Bucket) -> Error {
    let message = format!("the upload to {} was ended by the store", bucket.location());
    Error::new(ErrorCode::Destination, message)
        .with_hint("let the bucket's rule for unfinished uploads wait for a day, then run the same command again")
}
