//! The roll-up of a table: its recorded columns and a commit number that only grows. All of it can be rebuilt from the
//! partitions' states; it exists so that a reader need not list them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::listing::{folders, json_names, read_json, to_json};
use super::{FileLock, Store, durable};
use crate::error::{Code, Error, Result};
use crate::table::manifest::PartitionState;
use crate::table::{RecordedColumn, evolve};

/// Stands for the partition of a table that has none.
pub const UNPARTITIONED: &str = "all";

/// Commits hold a table's lock for milliseconds; whoever holds it longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is recorded about a whole table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Grows by one with every commit to any partition.
    #[serde(default)]
    pub commit_number: u64,
    /// Catalog name of the endpoint that the table was first filled from.
    #[serde(default)]
    pub endpoint: String,
    /// Every column that any file of the table has, in the order first recorded.
    #[serde(default)]
    pub columns: Vec<RecordedColumn>,
    /// The keys of its partitions' folders below the night's, in order.
    #[serde(default)]
    pub partition_by: Vec<String>,
    /// What each preset meant when the table first used it.
    #[serde(default)]
    pub presets: BTreeMap<String, Vec<String>>,
    /// The commit number at which each partition last changed.
    #[serde(default)]
    pub partitions: BTreeMap<String, u64>,
}

impl TableRecord {
    /// Takes what a report wants of the table, if it can be had. Gives the columns that the table's files must have.
    ///
    /// # Errors
    /// As [`TableRecord::admits`]; nothing is taken then.
    pub fn admit(
        &mut self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        let columns = self.admits(report, endpoint, wanted, partition_by)?;
        endpoint.clone_into(&mut self.endpoint);
        partition_by.clone_into(&mut self.partition_by);
        self.columns.clone_from(&columns);
        Ok(columns)
    }

    /// The columns that the table would have with these as well.
    ///
    /// # Errors
    /// [`Code::Schema`] if a column would change its type, if the table belongs to another endpoint, or if its partitions
    /// are laid out by other keys.
    pub fn admits(
        &self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        if !self.endpoint.is_empty() && self.endpoint != endpoint {
            let message = format!("the table `{report}` holds {} and would be filled from {endpoint}", self.endpoint);
            return Err(
                Error::new(Code::Schema, message).with_next("give the report a new name: a table keeps its endpoint")
            );
        }
        if !self.partitions.is_empty() && self.partition_by != partition_by {
            let keys = |keys: &[String]| {
                std::iter::once("snapshot_date").chain(keys.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
            };
            let (now, wanted) = (keys(&self.partition_by), keys(partition_by));
            let message = format!("the table `{report}` is partitioned by {now} and would be by {wanted}");
            return Err(Error::new(Code::Schema, message)
                .with_next(format!("backhaul rebuild --report {report}   (0 units; readers need all nights alike)")));
        }
        evolve(&self.columns, wanted).map_err(|error| error.with_context("table", report))
    }
}

impl Store {
    /// What is recorded about a table; nothing yet is the default.
    ///
    /// # Errors
    /// [`Code::Destination`] if it cannot be read or is no record.
    pub fn table(&self, report: &str) -> Result<TableRecord> {
        Ok(read_json(&self.table_path(report))?.unwrap_or_default())
    }

    /// Names of the tables of which anything is known, in order: a record, or a partition's state.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn tables(&self) -> Result<Vec<String>> {
        let folder = self.system("tables");
        let mut names: BTreeSet<String> = json_names(&folder)?.into_iter().collect();
        names.extend(folders(&folder)?);
        Ok(names.into_iter().collect())
    }

    /// Records the columns that a table is about to be written with, and the keys of its partitions' folders below the
    /// night's. Gives the columns that its files must have.
    ///
    /// # Errors
    /// As [`TableRecord::admits`].
    pub fn record_columns(
        &self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        self.update_table(report, |record| record.admit(report, endpoint, wanted, partition_by))
    }

    /// Records what presets stand for that the table uses for the first time; of others nothing changes.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn record_presets(&self, report: &str, presets: BTreeMap<String, Vec<String>>) -> Result<()> {
        self.update_table(report, |record| {
            for (name, columns) in presets {
                record.presets.entry(name).or_insert(columns);
            }
            Ok(())
        })
    }

    /// Records that all partitions of a table are laid out by these keys now.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn record_layout(&self, report: &str, partition_by: &[String]) -> Result<()> {
        self.update_table(report, |record| {
            partition_by.clone_into(&mut record.partition_by);
            Ok(())
        })
    }

    /// Changes a table's record under its lock.
    pub(super) fn update_table<T>(
        &self,
        report: &str,
        change: impl FnOnce(&mut TableRecord) -> Result<T>,
    ) -> Result<T> {
        let _held = FileLock::acquire(&self.table_lock(report), &format!("process {}", std::process::id()), PATIENCE)?;
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
    /// [`Code::Destination`] if it cannot be read or is no state.
    pub fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        read_json(&self.state_path(report, partition))
    }

    /// Names of a table's partitions that have a state, in order.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn partitions(&self, report: &str) -> Result<Vec<String>> {
        let mut names = json_names(&self.system("tables").join(report))?;
        names.sort();
        Ok(names)
    }

    pub(super) fn state_path(&self, report: &str, partition: &str) -> PathBuf {
        self.system("tables").join(report).join(format!("{partition}.json"))
    }

    pub(super) fn table_lock(&self, report: &str) -> PathBuf {
        self.system("locks").join(format!("{report}.lock"))
    }

    fn table_path(&self, report: &str) -> PathBuf {
        self.system("tables").join(format!("{report}.json"))
    }
}
