//! The roll-up of a table and the states of its partitions, as files.

use std::collections::BTreeSet;
use std::time::Duration;

use super::durable::replace_file;
use super::layout::Disk;
use super::lock::{FileLock, this_process};
use crate::error::Result;
use crate::store::json::{read_json, to_json};
use crate::store::listing::{folders, json_names};
use crate::store::table_record::TableRecord;
use crate::table::manifest::PartitionState;

/// Commits hold a table's lock for milliseconds; a process that holds it longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

impl Disk {
    /// As [`crate::store::Store::table`].
    pub(in crate::store) fn table(&self, report: &str) -> Result<TableRecord> {
        Ok(read_json(&self.table_path(report))?.unwrap_or_default())
    }

    /// As [`crate::store::Store::tables`].
    pub(in crate::store) fn tables(&self) -> Result<Vec<String>> {
        let folder = self.system("tables");
        let mut names: BTreeSet<String> = json_names(&folder)?.into_iter().collect();
        names.extend(folders(&folder)?);
        Ok(names.into_iter().collect())
    }

    /// Changes a table's record under its lock.
    pub(in crate::store) fn update_table<T>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T>,
    ) -> Result<T> {
        let _lock = FileLock::acquire(&self.table_lock(report), &this_process(), PATIENCE)?;
        let mut record = self.table(report)?;
        let before = record.clone();
        let value = change(&mut record)?;
        if record != before {
            replace_file(&self.table_path(report), &to_json(&record)?)?;
        }
        Ok(value)
    }

    /// Adds the last commit of a partition to its table's record.
    pub(super) fn roll_up(&self, state: &PartitionState) -> Result<()> {
        if state.committed.is_none() {
            return Ok(());
        }
        self.update_table(&state.report, |record| {
            record.add_commit(state);
            Ok(())
        })
    }

    /// As [`crate::store::Store::partition`].
    pub(in crate::store) fn partition(
        &self,
        report: &str,
        partition: &str,
    ) -> Result<Option<PartitionState>> {
        read_json(&self.state_path(report, partition))
    }

    /// As [`crate::store::Store::partitions`].
    pub(in crate::store) fn partitions(&self, report: &str) -> Result<Vec<String>> {
        let mut names = json_names(&self.system("tables").join(report))?;
        names.sort();
        Ok(names)
    }

    pub(super) fn write_state(&self, state: &PartitionState) -> Result<()> {
        let path = self.state_path(&state.report, &state.partition);
        replace_file(&path, &to_json(state)?)
    }
}
