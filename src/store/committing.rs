//! A partition that this process alone may change, wherever it lies.

use std::path::PathBuf;
use std::time::Duration;

use super::bucket::{BucketCommit, UploadWriter};
use super::disk::DiskCommit;
use super::{Commit, LocalFile, Remote, Store, UNPARTITIONED};
use crate::error::{Code, Error, Result};
use crate::table::manifest::Committed;

/// A partition that this process alone may change, until dropped. Dropped without [`Committing::publish`], nothing happened.
#[derive(Debug)]
pub enum Committing {
    /// On a disk.
    Disk(DiskCommit),
    /// In a bucket.
    Bucket(Uploading),
}

/// A commit in a bucket: given back where it is not published.
#[derive(Debug)]
pub struct Uploading {
    remote: Remote,
    commit: Option<BucketCommit>,
    named: Commit,
    committed: Option<Committed>,
    base_generation: u64,
}

/// Where the new files of a commit are to be written.
pub enum Staging {
    /// A folder: any number of files, each synced, with [`super::STAGED_SUFFIX`] behind its name.
    Folder(PathBuf),
    /// One object of this name. To be written on a thread that may block, flushed, and dropped before it is published.
    Object(&'static str, UploadWriter),
}

impl Committing {
    pub(super) fn in_bucket(
        remote: &Remote,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<Self> {
        let named = commit.clone();
        let commit = remote.wait(remote.bucket().begin(commit, who, patience))?;
        let (committed, base_generation) = (commit.committed().cloned(), commit.base_generation());
        Ok(Self::Bucket(Uploading {
            remote: remote.clone(),
            commit: Some(commit),
            named,
            committed,
            base_generation,
        }))
    }

    /// What readers see now.
    pub fn committed(&self) -> Option<&Committed> {
        match self {
            Self::Disk(commit) => commit.committed(),
            Self::Bucket(uploading) => uploading.committed.as_ref(),
        }
    }

    /// The generation that this commit extends; 0 if there is none.
    pub fn base_generation(&self) -> u64 {
        match self {
            Self::Disk(commit) => commit.base_generation(),
            Self::Bucket(uploading) => uploading.base_generation,
        }
    }

    /// The commit.
    pub fn commit(&self) -> &Commit {
        match self {
            Self::Disk(commit) => commit.commit(),
            Self::Bucket(uploading) => &uploading.named,
        }
    }

    /// Where the new files are to be written. In a bucket it is asked for once.
    ///
    /// # Errors
    /// [`Code::Internal`] if the commit is over: a defect.
    pub fn staging(&self) -> Result<Staging> {
        match self {
            Self::Disk(commit) => Ok(Staging::Folder(commit.staging().to_owned())),
            Self::Bucket(uploading) => {
                let commit = uploading.commit.as_ref().ok_or_else(over)?;
                Ok(Staging::Object(super::bucket::OBJECT, commit.writer()))
            }
        }
    }

    /// A committed file, to be read; `None` if it is not there.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn committed_file(&self, name: &str) -> Result<Option<LocalFile>> {
        let commit = self.commit();
        let name = file_name(&commit.report, &commit.partition, name);
        match self {
            Self::Disk(disk) => Store::Disk(disk.disk().clone()).local(&name),
            Self::Bucket(uploading) => Store::Bucket(uploading.remote.clone()).local(&name),
        }
    }

    /// Carries a committed file over into the new generation, without copying it; says whether that can be. In a bucket a
    /// partition is one object, into which everything is written anew.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn keep(&self, name: &str) -> Result<bool> {
        match self {
            Self::Disk(commit) => commit.keep(name).map(|()| true),
            Self::Bucket(_) => Ok(false),
        }
    }

    /// Whether files can be carried over.
    pub fn keeps_files(&self) -> bool {
        matches!(self, Self::Disk(_))
    }

    /// Makes `next` what readers see, whole and at once.
    ///
    /// # Errors
    /// [`Code::Destination`]; what readers saw before is then still there, and the next start settles the rest.
    /// [`Code::Locked`] if another process has taken the partition over.
    pub fn publish(self, next: Committed) -> Result<Committed> {
        match self {
            Self::Disk(commit) => commit.publish(next),
            Self::Bucket(mut uploading) => {
                let commit = uploading.commit.take().ok_or_else(over)?;
                uploading.remote.wait(commit.publish(next))
            }
        }
    }
}

impl Drop for Uploading {
    fn drop(&mut self) {
        if let Some(commit) = self.commit.take()
            && let Err(error) = self.remote.wait(commit.abandon())
        {
            tracing::warn!(error = %error.one_line(), "a commit that is given up is left to the next start");
        }
    }
}

/// Name of a partition's file from the destination's root on.
pub(super) fn file_name(report: &str, partition: &str, name: &str) -> String {
    if partition == UNPARTITIONED {
        format!("{report}/{name}")
    } else {
        format!("{report}/{partition}/{name}")
    }
}

fn over() -> Error {
    Error::new(Code::Internal, "a commit that is over is asked for more")
}
