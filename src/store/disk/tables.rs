//! The roll-up of a table and the states of its partitions, as files.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::{Disk, FileLock, durable};
use crate::error::Result;
use crate::store::TableRecord;
use crate::store::listing::{folders, json_names, read_json, to_json};
use crate::table::manifest::PartitionState;

/// Commits hold a table's lock for milliseconds; whoever holds it longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

impl Disk {
    /// What is recorded about a table; nothing yet is the default.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read or is no record.
    pub fn table(&self, report: &str) -> Result<TableRecord> {
        Ok(read_json(&self.table_path(report))?.unwrap_or_default())
    }

    /// Names of the tables of which anything is known, in order: a record, or a partition's state.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn tables(&self) -> Result<Vec<String>> {
        let folder = self.system("tables");
        let mut names: BTreeSet<String> = json_names(&folder)?.into_iter().collect();
        names.extend(folders(&folder)?);
        Ok(names.into_iter().collect())
    }

    /// Changes a table's record under its lock.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`], or what `change` says.
    pub fn update_table<T>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T>,
    ) -> Result<T> {
        let _held = FileLock::acquire(
            &self.table_lock(report),
            &format!("process {}", std::process::id()),
            PATIENCE,
        )?;
        let mut record = self.table(report)?;
        let before = record.clone();
        let value = change(&mut record)?;
        if record != before {
            durable::replace(&self.table_path(report), &to_json(&record)?)?;
        }
        Ok(value)
    }

    /// State of a partition; `None` if nothing was ever committed or begun.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read or is no state.
    pub fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        read_json(&self.state_path(report, partition))
    }

    /// Names of a table's partitions that have a state, in order.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn partitions(&self, report: &str) -> Result<Vec<String>> {
        let mut names = json_names(&self.system("tables").join(report))?;
        names.sort();
        Ok(names)
    }

    pub(super) fn state_path(&self, report: &str, partition: &str) -> PathBuf {
        self.system("tables")
            .join(report)
            .join(format!("{partition}.json"))
    }

    pub(super) fn table_lock(&self, report: &str) -> PathBuf {
        self.system("locks").join(format!("{report}.lock"))
    }

    fn table_path(&self, report: &str) -> PathBuf {
        self.system("tables").join(format!("{report}.json"))
    }
}
