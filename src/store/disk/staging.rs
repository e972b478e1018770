//! Staging of commits, with the intent beside it that says which partition a commit is for.

use std::path::PathBuf;
use std::time::Duration;

use super::durable::{remove_file, remove_folder, replace_file};
use super::layout::Disk;
use super::lock::FileLock;
use crate::error::Result;
use crate::failpoint;
use crate::store::intent::Intent;
use crate::store::io_error::io_error;
use crate::store::json::to_json;
use crate::store::layout::Commit;

impl Disk {
    /// Waits for a partition's lock: its holder alone may change the partition and its state.
    pub(super) fn lock_partition(
        &self,
        report: &str,
        partition: &str,
        who: &str,
        patience: Duration,
    ) -> Result<FileLock> {
        FileLock::acquire(&self.partition_lock(report, partition), who, patience)
    }

    /// Opens staging for a commit, and writes beside it what it is for.
    pub(super) fn open_staging(&self, commit: &Commit) -> Result<PathBuf> {
        let intent = Intent::of(commit);
        replace_file(&self.intent_path(&commit.id), &to_json(&intent)?)?;
        failpoint::hit("commit.intent");
        self.fresh_staging(&commit.id)
    }

    /// Removes what a finished or undone commit left in staging.
    pub(super) fn clear_staging(&self, commit_id: &str) -> Result<()> {
        remove_folder(&self.staging_path(commit_id))?;
        remove_folder(&self.replaced_path(commit_id))?;
        remove_file(&self.intent_path(commit_id))
    }

    /// A folder for temporary files, on the same file system as the tables. It exists and is empty.
    pub(super) fn fresh_staging(&self, name: &str) -> Result<PathBuf> {
        let path = self.staging_path(name);
        remove_folder(&path)?;
        std::fs::create_dir_all(&path)
            .map_err(|error| io_error("create the folder", &path, error))?;
        Ok(path)
    }
}
