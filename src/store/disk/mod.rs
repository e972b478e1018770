//! A destination on a local disk.
//!
//! ```text
//! <root>/<report>/snapshot_date=…/part-NNNNN-<commit>.parquet    what readers see
//! <root>/_backhaul/tables/<report>/<partition>.json              the truth about a partition
//! <root>/_backhaul/tables/<report>.json                          roll-up: commit number, recorded columns
//! <root>/_backhaul/staging/<commit>/                             written here, then renamed as a whole
//! <root>/_backhaul/staging/<commit>.json                         which partition it is for, until all is settled
//! <root>/_backhaul/staging/run-<run>/                            rows on their way, while the run's lock is held
//! <root>/_backhaul/locks/…                                       held by live processes, freed by the kernel
//! ```

mod commit;
mod durable;
mod exchange;
mod lock;
mod probe;
mod recover;
mod sweep;
mod tables;

use std::path::{Path, PathBuf};

pub use commit::file_names;
pub use commit::{DiskCommit, STAGED_SUFFIX};
pub use durable::{create_folder, create_new, remove, remove_tree, replace, sync_dir};
pub use exchange::Replace;
pub use lock::{FileLock, lock_beside};
pub use sweep::temporaries;

use super::{SYSTEM_FOLDER, cannot};
use crate::error::Result;

/// A folder that holds tables.
#[derive(Debug, Clone)]
pub struct Disk {
    root: PathBuf,
    replace: Replace,
}

impl Disk {
    /// Opens the destination, creating its folders.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] naming the folder and what the system said.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let disk = Self::at(root);
        for folder in ["tables", "staging", "locks", "claims", "runs"] {
            create_folder(&disk.system(folder))?;
        }
        Ok(disk)
    }

    /// A destination that is only read: nothing is created.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            replace: Replace::default(),
        }
    }

    /// The destination's own folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A path under `_backhaul/`.
    pub fn system(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(SYSTEM_FOLDER).join(path)
    }

    /// A folder for files on their way, on the same file system as the tables. It exists and is empty.
    pub fn fresh_staging(&self, name: &str) -> Result<PathBuf> {
        let path = self.system("staging").join(name);
        remove_tree(&path)?;
        std::fs::create_dir_all(&path)
            .map_err(|error| cannot("create the folder", &path, error))?;
        Ok(path)
    }
}
