//! What a dead process left of a commit: finished if readers see it already, undone if not.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::commit::file_names;
use super::{Disk, durable, remove_tree, sync_dir};
use crate::error::{Code, Error, Result};
use crate::store::listing::to_json;
use crate::store::record::{Intent, add_unfinished, settle};
use crate::store::{Commit, cannot, step};
use crate::table::manifest::{Committed, MANIFEST_VERSION, PartitionState, UnfinishedTask};

impl Disk {
    /// Settles a pending commit whose process is gone. The caller holds the partition's lock.
    pub(super) fn recover(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        let Some(mut state) = self.partition(report, partition)? else {
            return Ok(None);
        };
        if state.version > MANIFEST_VERSION {
            return Err(Error::new(
                Code::Destination,
                format!("{report}/{partition} was written by a newer backhaul"),
            )
            .with_next("use the newest backhaul on this destination"));
        }
        let Some(pending) = state.pending.take() else {
            return Ok(Some(state));
        };
        let folder = self.partition_folder(report, partition);
        let replaced = self.replaced_path(&pending.commit_id);
        if replaced.exists() && !folder.exists() {
            // Cut off in the gap of a replacement in two steps: the old folder comes back.
            std::fs::rename(&replaced, &folder)
                .map_err(|error| cannot("put back", &folder, error))?;
            folder.parent().map_or(Ok(()), sync_dir)?;
        }
        let is_in_place = is_in_place(
            &file_names(&folder)?,
            state.committed.as_ref(),
            &pending.next,
        );
        if is_in_place {
            tracing::info!(
                report,
                partition,
                commit = pending.commit_id,
                "finishing a commit that was interrupted"
            );
            state.generation = pending.base_generation + 1;
            let before = state.committed.replace(pending.next.clone());
            settle(&mut state.unfinished, before.as_ref(), &pending.next);
        } else {
            tracing::info!(
                report,
                partition,
                commit = pending.commit_id,
                "rolling back a commit that was interrupted"
            );
        }
        if is_in_place {
            self.roll_up(&state)?;
        }
        self.write_state(&state)?;
        step("recover.settled");
        self.clear_staging(&pending.commit_id)?;
        Ok(Some(state))
    }

    /// Opens staging for a commit, and says beside it what it is for.
    pub(super) fn stage(&self, commit: &Commit) -> Result<PathBuf> {
        let intent = Intent {
            report: commit.report.clone(),
            partition: commit.partition.clone(),
        };
        durable::replace(&self.intent_path(&commit.id), &to_json(&intent)?)?;
        step("commit.intent");
        self.fresh_staging(&commit.id)
    }

    /// Removes what a settled commit left in staging.
    pub(super) fn clear_staging(&self, commit_id: &str) -> Result<()> {
        remove_tree(&self.system("staging").join(commit_id))?;
        remove_tree(&self.replaced_path(commit_id))?;
        durable::remove(&self.intent_path(commit_id))
    }

    pub(super) fn intent_path(&self, commit_id: &str) -> PathBuf {
        self.system("staging").join(format!("{commit_id}.json"))
    }

    /// Strikes what is said of unfinished tasks that `is_gone` names. Says how many went.
    ///
    /// # Errors
    /// As [`Disk::note_unfinished`].
    pub fn strike_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_gone: impl Fn(&UnfinishedTask) -> bool,
        who: &str,
        patience: Duration,
    ) -> Result<usize> {
        let _lock = self.lock_partition(report, partition, who, patience)?;
        let Some(mut state) = self.recover(report, partition)? else {
            return Ok(0);
        };
        let before = state.unfinished.len();
        state.unfinished.retain(|task| !is_gone(task));
        let gone = before - state.unfinished.len();
        if gone > 0 {
            self.write_state(&state)?;
        }
        Ok(gone)
    }

    /// Writes down, beside what a partition holds, which of its tasks did not end in a commit and why. Of one that was left
    /// to another process, which has committed it since, nothing is to be said.
    ///
    /// # Errors
    /// [`Code::Destination`], or [`Code::Locked`] if another process does not let go of the partition.
    pub fn note_unfinished(
        &self,
        report: &str,
        partition: &str,
        tasks: Vec<UnfinishedTask>,
        who: &str,
        patience: Duration,
    ) -> Result<()> {
        let _lock = self.lock_partition(report, partition, who, patience)?;
        let known = self
            .partition(report, partition)?
            .and_then(|state| state.committed);
        let mut state = self
            .recover(report, partition)?
            .unwrap_or_else(|| PartitionState::new(report, partition));
        if add_unfinished(&mut state, known.as_ref(), tasks) {
            self.write_state(&state)
        } else {
            Ok(())
        }
    }
}

/// Whether a folder holds what a pending commit puts there. Files that are nobody's (of a file manager, of another tool) do
/// not matter; one that only the commit before had tells that the exchange did not happen.
fn is_in_place(held: &BTreeSet<String>, before: Option<&Committed>, next: &Committed) -> bool {
    let wanted: BTreeSet<&String> = next.files.iter().map(|file| &file.name).collect();
    let old = before
        .into_iter()
        .flat_map(|before| &before.files)
        .map(|file| &file.name);
    wanted.iter().all(|name| held.contains(*name))
        && !old
            .filter(|name| !wanted.contains(name))
            .any(|name| held.contains(name))
}
