//! A destination, on a disk or in a bucket.

use std::path::Path;
use std::sync::Arc;

use super::bucket::{BucketFiles, Fencing, Remote};
use super::disk::{Disk, DiskFiles};
use super::layout::SYSTEM_FOLDER;
use super::small_files::SharedFiles;
use super::temporary::temporary_disk;
use crate::error::Result;

/// A destination.
#[derive(Debug, Clone)]
pub enum Store {
    /// A folder on a local disk.
    Disk(Disk),
    /// A bucket.
    Bucket(Remote),
}

impl Store {
    /// A folder that is only read: nothing is created.
    pub fn open_read_only(root: impl AsRef<Path>) -> Self {
        Self::Disk(Disk::open_read_only(root.as_ref()))
    }

    /// Opens a folder, creating what must be there.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] naming the folder and the system's error.
    pub fn open(root: impl AsRef<Path>) -> Result<Self> {
        Disk::open(root.as_ref()).map(Self::Disk)
    }

    /// The destination as people write it.
    pub fn location(&self) -> String {
        match self {
            Self::Disk(disk) => disk.root().display().to_string(),
            Self::Bucket(remote) => remote.bucket().location(),
        }
    }

    /// Where readers find something of the destination, by its name from the root on.
    pub fn location_of(&self, name: &str) -> String {
        match self {
            Self::Disk(disk) => disk.root().join(name).display().to_string(),
            Self::Bucket(remote) => format!("{}/{name}", remote.bucket().location()),
        }
    }

    /// The small files in a folder of `_backhaul/`; the empty name is `_backhaul/` itself.
    pub fn files(&self, folder: &str) -> SharedFiles {
        match self {
            Self::Disk(disk) => Arc::new(DiskFiles::new(disk.system(folder))),
            Self::Bucket(remote) => {
                let folder = format!("{SYSTEM_FOLDER}/{folder}");
                let folder = folder.trim_end_matches('/');
                Arc::new(BucketFiles::new(remote.clone(), folder))
            }
        }
    }

    /// Finishes or undoes every commit that a killed process left, and removes what killed processes left behind. What
    /// belongs to a live process stays.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn sweep(&self, who: &str) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.sweep(who),
            Self::Bucket(remote) => {
                temporary_disk()?.sweep(who)?;
                remote.wait(remote.bucket().collect_garbage(who)).map(drop)
            }
        }
    }

    /// Tries every operation that a commit needs, in a folder of its own, and leaves nothing behind. Returns a warning if
    /// less than it should be keeps two writers apart.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] naming the first operation that failed.
    pub fn probe(&self) -> Result<Option<&'static str>> {
        match self {
            Self::Disk(disk) => disk.probe().map(|()| None),
            Self::Bucket(remote) => remote.wait(remote.bucket().probe()).map(Fencing::warning),
        }
    }
}
