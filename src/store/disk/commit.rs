//! The commit protocol on a local disk.
//!
//! 1. Write and sync the files in staging.
//! 2. Write the pending state, synced.
//! 3. Give the files their final names and rename staging to the partition's folder, or exchange the two.
//! 4. Sync the parents.
//! 5. Write the committed state.
//! 6. Delete what was replaced.
//!
//! Until step 3 no file in staging is named `*.parquet`: some readers glob hidden folders.
//!
//! A crash leaves either a folder that holds the pending commit, which is then finished, or one that does not, whose
//! staging is then deleted. Readers see the old folder or the new one: a folder is never changed in place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::durable::{create_folder, link_unsynced, name_unsynced, rename_entry, sync_tree};
use super::layout::{Disk, STAGED_SUFFIX};
use super::lock::FileLock;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::store::layout::Commit;
use crate::store::listing::file_names;
use crate::store::unfinished::drop_finished;
use crate::table::manifest::{Committed, PartitionState, Pending};

#[cfg(test)]
mod tests;

/// A partition that this process alone may change, until dropped. Dropped without [`DiskCommit::publish`], it changes
/// nothing.
#[derive(Debug)]
pub struct DiskCommit {
    disk: Disk,
    commit: Commit,
    state: PartitionState,
    staging: PathBuf,
    /// Staging is left to the next start.
    keeps_staging: bool,
    _lock: FileLock,
}

impl Disk {
    /// Locks a partition, finishes or rolls back what a killed process began there, and opens staging for a new commit.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process is at work on it for longer than `patience`, [`ErrorCode::Destination`] if the disk
    /// fails.
    pub fn begin_commit(
        &self,
        commit: Commit,
        who: &str,
        patience: Duration,
    ) -> Result<DiskCommit> {
        let lock = self.lock_partition(&commit.report, &commit.partition, who, patience)?;
        let state = self
            .recover(&commit.report, &commit.partition)?
            .unwrap_or_else(|| PartitionState::new(&commit.report, &commit.partition));
        let staging = self.open_staging(&commit)?;
        failpoint::hit("commit.staging");
        Ok(DiskCommit {
            disk: self.clone(),
            commit,
            state,
            staging,
            keeps_staging: false,
            _lock: lock,
        })
    }
}

impl DiskCommit {
    /// What readers see now.
    pub fn committed(&self) -> Option<&Committed> {
        self.state.committed.as_ref()
    }

    /// The generation that this commit extends; 0 if there is none.
    pub fn base_generation(&self) -> u64 {
        self.state.generation
    }

    /// Where the new files are to be written and synced.
    pub fn staging(&self) -> &Path {
        &self.staging
    }

    /// The partition's folder, as readers see it.
    fn folder(&self) -> PathBuf {
        self.disk
            .partition_folder(&self.commit.report, &self.commit.partition)
    }

    /// Carries a committed file over into the new generation, without copying it.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn link_existing(&self, name: &str) -> Result<()> {
        link_unsynced(&self.folder().join(name), &self.staged_file(name))
    }

    fn staged_file(&self, name: &str) -> PathBuf {
        self.staging.join(format!("{name}{STAGED_SUFFIX}"))
    }

    /// Makes `next` what readers see, whole and at once.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`]; what readers saw before is then still there, and the next start resolves the rest.
    pub fn publish(mut self, next: Committed) -> Result<Committed> {
        self.check_staging(&next)?;
        self.check_foreign_files()?;
        sync_tree(&self.staging)?;
        failpoint::hit("commit.staged");
        let base_generation = self.state.generation;
        self.state.pending = Some(Pending {
            commit_id: self.commit.id.clone(),
            base_generation,
            next: next.clone(),
        });
        self.disk.write_state(&self.state)?;
        failpoint::hit("commit.pending");
        self.replace_folder(&next)?;
        failpoint::hit("commit.in_place");
        self.state.pending = None;
        self.state.generation = base_generation + 1;
        let previous = self.state.committed.replace(next.clone());
        drop_finished(&mut self.state.unfinished, previous.as_ref(), &next);
        // Before the state, which says that all is done: a crash in between rolls up twice, which costs readers a look.
        self.disk.roll_up(&self.state)?;
        failpoint::hit("commit.rolled_up");
        self.disk.write_state(&self.state)?;
        failpoint::hit("commit.committed");
        if let Err(error) = self.disk.clear_staging(&self.commit.id) {
            // What readers see is right and recorded; the intent stays, so that the next run removes the rest.
            tracing::warn!(error = %error.one_line(), "what a commit replaced is not removed yet");
            self.keeps_staging = true;
        }
        failpoint::hit("commit.cleared");
        Ok(next)
    }

    fn check_staging(&self, next: &Committed) -> Result<()> {
        let mut expected = BTreeSet::new();
        for file in &next.files {
            expected.insert(format!("{}{STAGED_SUFFIX}", file.name));
        }
        let staged = file_names(&self.staging)?;
        if staged == expected {
            return Ok(());
        }
        let message = format!("staging holds {staged:?} and the manifest names {expected:?}");
        Err(Error::new(ErrorCode::Internal, message))
    }

    /// A replacement deletes what it replaces, which must not include files of others.
    fn check_foreign_files(&self) -> Result<()> {
        let folder = self.folder();
        let mut foreign = file_names(&folder)?;
        if let Some(committed) = &self.state.committed {
            for file in &committed.files {
                foreign.remove(&file.name);
            }
        }
        if foreign.is_empty() {
            return Ok(());
        }
        let names = foreign.into_iter().take(5).collect::<Vec<_>>().join(", ");
        let message = format!("{} holds files that were not committed", folder.display());
        Err(Error::new(ErrorCode::Destination, message)
            .with_context("files", names)
            .with_hint("move them away, then run the same command again: readers would count them"))
    }

    /// Gives the staged files their final names, and the staged folder the partition's.
    fn replace_folder(&self, next: &Committed) -> Result<()> {
        for file in &next.files {
            name_unsynced(
                &self.staged_file(&file.name),
                &self.staging.join(&file.name),
            )?;
        }
        sync_tree(&self.staging)?;
        failpoint::hit("commit.named");
        let folder = self.folder();
        create_folder(folder.parent().unwrap_or(self.disk.root()))?;
        if folder.exists() {
            self.disk
                .exchange(&self.commit.id, &self.staging, &folder)?;
        } else {
            rename_entry(&self.staging, &folder)?;
        }
        failpoint::hit("commit.exchanged");
        Ok(())
    }
}

impl Drop for DiskCommit {
    fn drop(&mut self) {
        // After a publication staging is gone or holds what was replaced; before one it is ours to remove. A pending commit
        // that failed half-way is resolved by the next start, which needs its staging only if the exchange did not happen.
        if self.state.pending.is_none() && !self.keeps_staging {
            let _ = self.disk.clear_staging(&self.commit.id);
        }
    }
}
