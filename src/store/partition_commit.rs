//! A partition that this process alone may change, on a disk or in a bucket.

use std::path::PathBuf;
use std::time::Duration;

use super::bucket::{BucketCommit, OBJECT, Remote, UploadWriter};
use super::destination::Store;
use super::disk::DiskCommit;
use super::layout::Commit;
use super::local_file::LocalFile;
use crate::error::{Error, ErrorCode, Result};
use crate::table::manifest::Committed;

/// A commit writes one partition; a process that takes longer is stuck.
const PATIENCE: Duration = Duration::from_mins(15);

/// A partition that this process alone may change, until dropped. Dropped without [`PartitionCommit::publish`], it changes
/// nothing.
#[derive(Debug)]
pub struct PartitionCommit {
    store: Store,
    commit: Commit,
    committed: Option<Committed>,
    base_generation: u64,
    target: CommitTarget,
}

#[derive(Debug)]
enum CommitTarget {
    Disk(DiskCommit),
    Bucket(BucketUpload),
}

/// A commit in a bucket: undone when dropped, unless it is published.
#[derive(Debug)]
struct BucketUpload {
    remote: Remote,
    commit: Option<BucketCommit>,
}

/// Where the new files of a commit are to be written.
pub enum Staging {
    /// A folder: any number of files, each synced, with [`super::STAGED_SUFFIX`] behind its name.
    Folder(PathBuf),
    /// One object of this name. To be written on a thread that may block, flushed, and dropped before it is published.
    Object(&'static str, UploadWriter),
}

impl Store {
    /// Locks a partition, finishes or undoes what a killed process began there, and opens a new commit.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process is at work on it, [`ErrorCode::Destination`] if the destination refuses.
    pub fn begin_commit(&self, commit: Commit, who: &str) -> Result<PartitionCommit> {
        self.begin_commit_within(commit, who, PATIENCE)
    }

    /// The same, with another patience with a process that holds the partition.
    ///
    /// # Errors
    /// As [`Store::begin_commit`].
    pub fn begin_commit_within(
        &self,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<PartitionCommit> {
        let (target, committed, base_generation) = match self {
            Self::Disk(disk) => {
                let begun = disk.begin_commit(commit.clone(), who, patience)?;
                let committed = begun.committed().cloned();
                let base_generation = begun.base_generation();
                (CommitTarget::Disk(begun), committed, base_generation)
            }
            Self::Bucket(remote) => {
                let bucket = remote.bucket();
                let begun = remote.wait(bucket.begin_commit(commit.clone(), who, patience))?;
                let committed = begun.committed().cloned();
                let base_generation = begun.base_generation();
                let upload = BucketUpload {
                    remote: remote.clone(),
                    commit: Some(begun),
                };
                (CommitTarget::Bucket(upload), committed, base_generation)
            }
        };
        Ok(PartitionCommit {
            store: self.clone(),
            commit,
            committed,
            base_generation,
            target,
        })
    }
}

impl PartitionCommit {
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

    /// Where the new files are to be written. In a bucket it is called once.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the commit is finished: a defect.
    pub fn staging(&self) -> Result<Staging> {
        match &self.target {
            CommitTarget::Disk(commit) => Ok(Staging::Folder(commit.staging().to_owned())),
            CommitTarget::Bucket(upload) => {
                let commit = upload.commit.as_ref().ok_or_else(already_finished)?;
                Ok(Staging::Object(OBJECT, commit.writer()))
            }
        }
    }

    /// A committed file, to be read; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn committed_file(&self, name: &str) -> Result<Option<LocalFile>> {
        self.store
            .table_file(&self.commit.report, &self.commit.partition, name)
    }

    /// Carries a committed file over into the new generation, without copying it. Returns whether that is possible: in a
    /// bucket a partition is one object, into which everything is written again.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn link_existing(&self, name: &str) -> Result<bool> {
        match &self.target {
            CommitTarget::Disk(commit) => commit.link_existing(name).map(|()| true),
            CommitTarget::Bucket(_) => Ok(false),
        }
    }

    /// Whether files can be carried over.
    pub fn can_link_files(&self) -> bool {
        matches!(self.target, CommitTarget::Disk(_))
    }

    /// Makes `next` what readers see, whole and at once.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`]; what readers saw before is then still there, and the next start resolves the rest.
    /// [`ErrorCode::Locked`] if another process has taken the partition over.
    pub fn publish(self, next: Committed) -> Result<Committed> {
        match self.target {
            CommitTarget::Disk(commit) => commit.publish(next),
            CommitTarget::Bucket(mut upload) => {
                let commit = upload.commit.take().ok_or_else(already_finished)?;
                upload.remote.wait(commit.publish(next))
            }
        }
    }
}

impl Drop for BucketUpload {
    fn drop(&mut self) {
        if let Some(commit) = self.commit.take()
            && let Err(error) = self.remote.wait(commit.abandon())
        {
            tracing::warn!(error = %error.one_line(), "an abandoned commit is left to the next start");
        }
    }
}

fn already_finished() -> Error {
    Error::new(ErrorCode::Internal, "commit already finished")
}
