//! The folder and the lock of a run, and the claims of runs on tasks.

use std::fs::TryLockError;
use std::path::PathBuf;
use std::time::Duration;

use super::durable::{remove_folder, remove_folder_if_empty};
use super::layout::{Disk, RUN_PREFIX};
use super::lock::FileLock;
use crate::error::Result;
use crate::model::SnapshotDate;
use crate::store::listing::names;

/// Another process that sweeps may hold a new run's lock for a moment.
const PATIENCE: Duration = Duration::from_mins(1);

impl Disk {
    /// A folder for the temporary files of a run, and the lock that shows that the run lives.
    pub(in crate::store) fn run_folder(&self, run: &str, who: &str) -> Result<(PathBuf, FileLock)> {
        let lock = FileLock::acquire(&self.run_lock(run), who, PATIENCE)?;
        Ok((self.fresh_staging(&format!("{RUN_PREFIX}{run}"))?, lock))
    }

    /// Removes the folder of a run that ends.
    pub(in crate::store) fn remove_run_folder(&self, run: &str) -> Result<()> {
        remove_folder(&self.staging_path(&format!("{RUN_PREFIX}{run}")))
    }

    /// Whether a live process works on what has this name in staging. Nothing is created: the destination may be one that
    /// is only read.
    pub(in crate::store) fn is_of_live_run(&self, name: &str) -> bool {
        let Ok(lock) = std::fs::File::open(self.run_lock(run_of(name))) else {
            return false;
        };
        matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Removes the claims on tasks of nights before this one that no process holds.
    pub(in crate::store) fn sweep_claims(&self, before: SnapshotDate, who: &str) -> Result<()> {
        let claims = self.system("claims");
        for name in names(&claims)? {
            if !name
                .parse::<SnapshotDate>()
                .is_ok_and(|night| night < before)
            {
                continue;
            }
            let folder = claims.join(name);
            for task in names(&folder)? {
                let path = folder.join(task);
                if let Some(lock) = FileLock::try_acquire(&path, who)?.claimed() {
                    lock.remove(&path)?;
                }
            }
            // Another process may have claimed a task of that night a moment ago: then the folder stays.
            remove_folder_if_empty(&folder);
        }
        Ok(())
    }
}

/// The run that a file or folder belongs to, by its name: `run-RUN`, `RUN-0001`, `RUN-0001.json`, `RUN.lock`.
pub(super) fn run_of(name: &str) -> &str {
    let name = name.trim_start_matches('.');
    let name = name.strip_prefix(RUN_PREFIX).unwrap_or(name);
    let name = name.split('.').next().unwrap_or(name);
    match name.match_indices('-').nth(1) {
        Some((end, _)) => name.get(..end).unwrap_or(name),
        None => name,
    }
}
