//! The destination: partitions and their state, commit, locks, garbage.
//!
//! The truth is one state object per partition under `_backhaul/tables/`; everything temporary lies under `_backhaul/`,
//! never in a table's folder, since readers glob those. Knows files and manifests, never rows or requests.
//!
//! ```text
//! <root>/<report>/snapshot_date=…/part-NNNNN-<commit>.parquet    what readers see
//! <root>/_backhaul/tables/<report>/<partition>.json              the truth about a partition
//! <root>/_backhaul/tables/<report>.json                          roll-up: commit number, recorded columns
//! <root>/_backhaul/staging/<commit>/                             written here, then renamed as a whole
//! <root>/_backhaul/staging/<commit>.json                         which partition it is for, until all is settled
//! <root>/_backhaul/staging/run-<run>/                            rows on their way, while the run's lock is held
//! <root>/_backhaul/locks/…  claims/…  nights/…  runs/…  units/…  responses/…
//! ```

pub mod bucket;
mod commit;
mod durable;
mod exchange;
mod files;
mod listing;
mod lock;
mod probe;
mod recover;
mod steps;
mod sweep;
mod tables;
mod verify;

use std::path::{Path, PathBuf};

pub use commit::{Commit, Committing, STAGED_SUFFIX};
pub use durable::{create_folder, create_new, remove, remove_tree, replace, sync_dir};
pub use exchange::Replace;
pub use files::Files;
pub use listing::{json_names, names, read_json, to_json};
pub use lock::FileLock;
pub use steps::{Watch, step, watch_steps};
pub use tables::{TableRecord, UNPARTITIONED};
pub use verify::{Finding, KnownFiles, file_problem, hidden_data, strays, verify_files};

use crate::error::{Code, Error, Result};

/// Folder of everything that is not a table.
pub const SYSTEM_FOLDER: &str = "_backhaul";

/// A destination on a local disk.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
    replace: Replace,
}

impl Store {
    /// Opens the destination, creating its folders.
    ///
    /// # Errors
    /// [`Code::Destination`] naming the folder and what the system said.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self> {
        let store = Self::at(root);
        for folder in ["tables", "staging", "locks", "claims", "runs"] {
            let path = store.system(folder);
            create_folder(&path)?;
        }
        Ok(store)
    }

    /// A destination that is only read: nothing is created.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), replace: Replace::default() }
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
        std::fs::create_dir_all(&path).map_err(|error| cannot("create the folder", &path, error))?;
        Ok(path)
    }
}

/// The error of a file operation.
pub(crate) fn cannot(what: &str, path: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind;
    let next = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space in the destination, then run the same command again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "give this user the right to write there, then: backhaul check"
        }
        _ => "look at the folder, then: backhaul check",
    };
    Error::new(Code::Destination, format!("cannot {what} {}", path.display())).with_source(error).with_next(next)
}
