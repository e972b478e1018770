//! Where everything of a destination is stored on a disk.

use std::path::{Path, PathBuf};

use super::durable::create_folder;
use crate::error::Result;
use crate::store::layout::{SYSTEM_FOLDER, partition_folder};

/// Suffix of the name of a file in staging.
pub const STAGED_SUFFIX: &str = ".staged";

/// Suffix of the name of a commit's staging for the folder that it replaces.
pub(super) const REPLACED_SUFFIX: &str = ".old";

/// Prefix of the name of a run's folder in staging.
pub(super) const RUN_PREFIX: &str = "run-";

/// How a partition is replaced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Replace {
    /// In one step, by exchanging two folders. Refused where the file system cannot do that.
    #[default]
    Exchange,
    /// In one step where the file system can; else in two, between which readers find nothing.
    Gap,
}

/// A folder that contains tables.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
    replace: Replace,
}

impl Disk {
    /// Opens the destination, creating its folders.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] naming the folder and the system's error.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let disk = Self::open_read_only(root);
        for folder in ["tables", "staging", "locks", "claims", "runs"] {
            create_folder(&disk.system(folder))?;
        }
        Ok(disk)
    }

    /// A destination that is only read: nothing is created.
    pub fn open_read_only(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            replace: Replace::default(),
        }
    }

    /// The same destination with another way of replacing partitions.
    #[must_use]
    pub fn with_replace(mut self, replace: Replace) -> Self {
        self.replace = replace;
        self
    }

    /// How partitions are replaced.
    pub(super) fn replace(&self) -> Replace {
        self.replace
    }

    /// The destination's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path under `_backhaul/`.
    pub(in crate::store) fn system(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(SYSTEM_FOLDER).join(path)
    }

    /// The folder of a partition, as readers see it.
    pub(super) fn partition_folder(&self, report: &str, partition: &str) -> PathBuf {
        self.root.join(partition_folder(report, partition))
    }

    pub(super) fn table_path(&self, report: &str) -> PathBuf {
        self.system("tables").join(format!("{report}.json"))
    }

    pub(super) fn state_path(&self, report: &str, partition: &str) -> PathBuf {
        let folder = self.system("tables").join(report);
        folder.join(format!("{partition}.json"))
    }

    pub(super) fn staging_path(&self, name: &str) -> PathBuf {
        self.system("staging").join(name)
    }

    /// The file that says which partition a commit is for.
    pub(super) fn intent_path(&self, commit_id: &str) -> PathBuf {
        self.staging_path(&format!("{commit_id}.json"))
    }

    /// Where a replaced folder is while its name is free.
    pub(super) fn replaced_path(&self, commit_id: &str) -> PathBuf {
        self.staging_path(&format!("{commit_id}{REPLACED_SUFFIX}"))
    }

    pub(super) fn table_lock(&self, report: &str) -> PathBuf {
        self.system("locks").join(format!("{report}.lock"))
    }

    pub(super) fn partition_lock(&self, report: &str, partition: &str) -> PathBuf {
        let folder = self.system("locks").join(report);
        folder.join(format!("{partition}.lock"))
    }

    /// The lock that is held while a run lives.
    pub(in crate::store) fn run_lock(&self, run: &str) -> PathBuf {
        self.system("locks/_runs").join(format!("{run}.lock"))
    }

    /// The lock of a folder of small files that every process may change.
    pub(in crate::store) fn folder_lock(&self, folder: &str) -> PathBuf {
        self.system("locks").join(format!("_{folder}.lock"))
    }
}
