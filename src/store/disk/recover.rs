//! What a killed process left of a commit: finished if readers see it already, undone if not.

use std::collections::BTreeSet;

use super::durable::rename_entry;
use super::layout::Disk;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint;
use crate::store::listing::file_names;
use crate::store::unfinished::drop_finished;
use crate::table::manifest::{Committed, MANIFEST_VERSION, PartitionState, Pending};

impl Disk {
    /// Finishes or undoes a pending commit whose process is gone. The caller holds the partition's lock.
    pub(super) fn recover(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        let Some(mut state) = self.partition(report, partition)? else {
            return Ok(None);
        };
        if state.version > MANIFEST_VERSION {
            let message = format!("{report}/{partition} was written by a newer backhaul");
            return Err(Error::new(ErrorCode::Destination, message)
                .with_hint("use the newest backhaul on this destination"));
        }
        let Some(pending) = state.pending.take() else {
            return Ok(Some(state));
        };
        self.restore_replaced(report, partition, &pending)?;
        let files = file_names(&self.partition_folder(report, partition))?;
        let commit = pending.commit_id.as_str();
        if is_in_place(&files, state.committed.as_ref(), &pending.next) {
            tracing::info!(report, partition, commit, "finishing an interrupted commit");
            state.generation = pending.base_generation + 1;
            let previous = state.committed.replace(pending.next.clone());
            drop_finished(&mut state.unfinished, previous.as_ref(), &pending.next);
            self.roll_up(&state)?;
        } else {
            tracing::info!(report, partition, commit, "undoing an interrupted commit");
        }
        self.write_state(&state)?;
        failpoint::hit("recover.settled");
        self.clear_staging(commit)?;
        Ok(Some(state))
    }

    /// Gives a folder that was moved away its name again, if a replacement in two steps was interrupted between them.
    fn restore_replaced(&self, report: &str, partition: &str, pending: &Pending) -> Result<()> {
        let folder = self.partition_folder(report, partition);
        let replaced = self.replaced_path(&pending.commit_id);
        if replaced.exists() && !folder.exists() {
            rename_entry(&replaced, &folder)?;
        }
        Ok(())
    }
}

/// Whether a folder contains the files of a pending commit. Files of others (of a file manager, of another tool) do not
/// matter; one that only the commit before had shows that the exchange did not happen.
fn is_in_place(files: &BTreeSet<String>, previous: Option<&Committed>, next: &Committed) -> bool {
    let mut expected = BTreeSet::new();
    for file in &next.files {
        if !files.contains(&file.name) {
            return false;
        }
        expected.insert(&file.name);
    }
    if let Some(previous) = previous {
        for file in &previous.files {
            if !expected.contains(&file.name) && files.contains(&file.name) {
                return false;
            }
        }
    }
    true
}
