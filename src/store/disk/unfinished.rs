//! Records of tasks that did not end in a commit, in the state of their partition.

use std::time::Duration;

use super::layout::Disk;
use crate::error::Result;
use crate::store::unfinished::add_unfinished;
use crate::table::manifest::{PartitionState, UnfinishedTask};

impl Disk {
    /// As [`crate::store::Store::record_unfinished`].
    pub(in crate::store) fn record_unfinished(
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

    /// As [`crate::store::Store::remove_unfinished`].
    pub(in crate::store) fn remove_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_removed: impl Fn(&UnfinishedTask) -> bool,
        who: &str,
        patience: Duration,
    ) -> Result<usize> {
        let _lock = self.lock_partition(report, partition, who, patience)?;
        let Some(mut state) = self.recover(report, partition)? else {
            return Ok(0);
        };
        let num_before = state.unfinished.len();
        state.unfinished.retain(|task| !is_removed(task));
        let num_removed = num_before - state.unfinished.len();
        if num_removed > 0 {
            self.write_state(&state)?;
        }
        Ok(num_removed)
    }
}
