//! The commit protocol in a bucket.
//!
//! 1. Take the partition: compare-and-swap the owner. Settle what the one before left.
//! 2. Start a multipart upload of the partition's one object.
//! 3. Swap in the upload's id. No part goes up before that, so that whoever comes next can end the upload.
//! 4. Upload the parts.
//! 5. Swap in the parts, with size, rows and checksum: *the commit point*. From here the commit is finished by whoever
//!    comes next.
//! 6. Complete the upload: readers see the new object instead of the old one.
//! 7. Swap in the committed state, then add it to the roll-up, then let go of the partition.
//!
//! A process that was paused, and taken over meanwhile, is fenced off: each of its swaps fails, and the id of its upload
//! is dead, so that its complete cannot replace the object of a later commit. Azure has no ids of uploads: there only the
//! lease keeps two writers apart, see [`super::Fencing`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Mutex;

use super::Bucket;
use super::fault::Operation;
use super::lease::{Heartbeat, Record as _, Tracked};
use super::record::{BucketState, Upload};
use super::settle::mark_committed;
use super::upload::{Running, UploadWriter, Uploaded};
use crate::error::{Code, Error, Result};
use crate::store::{Commit, step};
use crate::table::manifest::{Committed, FileEntry, Pending};

/// A partition that this process alone may change, with an upload under way. Dropped, nothing happened, and the partition
/// is free when the lease has run out; [`BucketCommit::abandon`] frees it at once.
#[derive(Debug)]
pub struct BucketCommit {
    bucket: Bucket,
    commit: Commit,
    record: Arc<Mutex<Tracked<BucketState>>>,
    heartbeat: Heartbeat,
    upload: Upload,
    running: Running,
    committed: Option<Committed>,
    base_generation: u64,
}

impl Bucket {
    /// Takes a partition, settles what a dead process began there, and starts the upload of a new commit. Waits for
    /// `patience` while another process holds it.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process is at work on it, [`Code::Destination`] if the store refuses.
    pub async fn begin(
        &self,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<BucketCommit> {
        let asked = Instant::now();
        self.intend(&commit).await?;
        step("bucket.intent");
        let mut tracked = match self
            .take_within(&commit.report, &commit.partition, who, patience)
            .await
        {
            Ok(tracked) => tracked,
            Err(error) => {
                // What is left of it costs the next start one look.
                let _ = self.settled(&commit.id).await;
                return Err(error);
            }
        };
        // Whoever sweeps may have taken what was said so long ago for a dead process's: it is said again before anything is
        // begun.
        if asked.elapsed() > self.options().lease
            && let Err(error) = self.intend(&commit).await
        {
            let _ = tracked.change(|value| value.give(None)).await;
            return Err(error);
        }
        let name = self.partition_object(&commit.report, &commit.partition);
        let path = self.path(&name)?;
        let started = self
            .send(Operation::StartUpload, &path, || {
                self.multipart().create_multipart(&path)
            })
            .await;
        let upload_id = match started {
            Ok(upload_id) => upload_id,
            Err(fault) => {
                // Nobody need wait for the lease; if this fails too, they do.
                if tracked.change(|value| value.give(None)).await.is_ok() {
                    let _ = self.settled(&commit.id).await;
                }
                return Err(fault.into_error(self));
            }
        };
        step("bucket.started");
        let upload = Upload {
            commit_id: commit.id.clone(),
            upload_id,
            parts: Vec::new(),
        };
        if let Err(error) = tracked
            .change(|value| value.upload = Some(upload.clone()))
            .await
        {
            if error.code() == Code::Locked {
                // Nobody else knows of it.
                self.abort(&name, &upload.upload_id).await?;
            }
            return Err(error);
        }
        step("bucket.pending");
        let (committed, base_generation) = (
            tracked.value.state.committed.clone(),
            tracked.value.state.generation,
        );
        let record = Arc::new(Mutex::new(tracked));
        let heartbeat = Heartbeat::start(Arc::clone(&record), self.options().lease);
        let running = Running::start(self, path, upload.upload_id.clone());
        Ok(BucketCommit {
            bucket: self.clone(),
            commit,
            record,
            heartbeat,
            upload,
            running,
            committed,
            base_generation,
        })
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

    /// The commit.
    pub fn commit(&self) -> &Commit {
        &self.commit
    }

    /// Whether another process has taken the partition over: what is written from now on is for nothing.
    pub fn is_lost(&self) -> bool {
        self.heartbeat.is_lost()
    }

    /// Takes the next bytes of the object; waits while enough of them are on their way. Says whether they were taken: if
    /// not, the upload has failed, and [`BucketCommit::publish`] says why.
    pub async fn write(&self, bytes: Bytes) -> bool {
        self.running.write(bytes).await
    }

    /// The same for an encoder, on a thread that may block. It must be flushed and gone before the commit is published.
    pub fn writer(&self) -> UploadWriter {
        self.running.writer()
    }

    /// Makes what was written what readers see, whole and at once.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process has taken the partition over, which then finishes or undoes this commit;
    /// [`Code::Destination`] if the store refuses: what readers saw before is then still there, or the commit is past its
    /// commit point and the next start finishes it.
    pub async fn publish(self, next: Committed) -> Result<Committed> {
        let Self {
            bucket,
            commit,
            record,
            heartbeat,
            mut upload,
            running,
            base_generation,
            ..
        } = self;
        let uploaded = match running
            .finish()
            .await
            .and_then(|uploaded| check(&bucket, &commit, &next, uploaded))
        {
            Ok(uploaded) => uploaded,
            Err(error) => {
                let mut tracked = record.lock().await;
                // The error that is worth telling is the first; what stays is settled by the next start.
                let _ = let_go(&bucket, &mut tracked, &upload).await;
                return Err(error);
            }
        };
        step("bucket.uploaded");
        upload.parts = uploaded.parts;
        let pending = Pending {
            commit_id: commit.id.clone(),
            base_generation,
            next: next.clone(),
        };
        let commit_point = |value: &mut BucketState| {
            value.upload = Some(upload.clone());
            value.state.pending = Some(pending);
        };
        record.lock().await.change(commit_point).await?;
        step("bucket.commit_point");
        let name = bucket.partition_object(&commit.report, &commit.partition);
        // The heart beats on: completing an object of many parts may take longer than a lease.
        let is_complete = bucket.complete(&name, &upload).await?;
        let mut tracked = record.lock().await;
        drop(heartbeat);
        if !is_complete {
            // Somebody ended it: one who took over, which the next swap shows, or a rule of the bucket.
            let_go(&bucket, &mut tracked, &upload).await?;
            return Err(Error::new(
                Code::Destination,
                format!("the upload to {} was ended by the store", bucket.place()),
            )
            .with_next(
                "let the bucket's rule for unfinished uploads wait for a day, then run the same command again",
            ));
        }
        step("bucket.completed");
        mark_committed(&mut tracked).await?;
        bucket.finish(&mut tracked, &commit.id).await;
        Ok(next)
    }

    /// Gives the partition back as it was.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process has taken it over, [`Code::Destination`] if the store refuses.
    pub async fn abandon(self) -> Result<()> {
        drop(self.running);
        let mut tracked = self.record.lock().await;
        let_go(&self.bucket, &mut tracked, &self.upload).await
    }
}

impl Bucket {
    /// After a commit: the roll-up, then nobody's. What readers see is right and recorded, so that a failure here costs the
    /// next start a moment and is none of this one's.
    async fn finish(&self, tracked: &mut Tracked<BucketState>, commit_id: &str) {
        let finished = async {
            self.pay_roll_up(tracked).await?;
            tracked.change(|value| value.give(None)).await?;
            self.settled(commit_id).await
        };
        match finished.await {
            Ok(()) => step("bucket.released"),
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "a commit is done and its partition not yet free")
            }
        }
    }
}

async fn let_go(
    bucket: &Bucket,
    tracked: &mut Tracked<BucketState>,
    upload: &Upload,
) -> Result<()> {
    bucket.undo(tracked, upload).await?;
    tracked.change(|value| value.give(None)).await?;
    bucket.settled(&upload.commit_id).await
}

/// The manifest must say of the object what went up.
fn check(
    bucket: &Bucket,
    commit: &Commit,
    next: &Committed,
    uploaded: Uploaded,
) -> Result<Uploaded> {
    let name = bucket.partition_object(&commit.report, &commit.partition);
    let fits = |file: &FileEntry| {
        name.ends_with(&format!("/{}", file.name))
            && file.bytes == uploaded.bytes
            && file.sha256 == uploaded.sha256
    };
    match next.files.as_slice() {
        [file] if fits(file) && next.commit_id == commit.id => Ok(uploaded),
        files => Err(Error::new(
            Code::Internal,
            "the manifest does not say what was uploaded",
        )
        .with_context(
            "uploaded",
            format!("{} bytes, sha256 {}", uploaded.bytes, uploaded.sha256),
        )
        .with_context("manifest", format!("{} files", files.len()))),
    }
}
