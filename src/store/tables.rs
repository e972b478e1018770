//! What a destination records of its tables and partitions.

use std::collections::BTreeMap;
use std::time::Duration;

use super::destination::Store;
use super::table_record::TableRecord;
use crate::error::Result;
use crate::table::RecordedColumn;
use crate::table::manifest::{PartitionState, UnfinishedTask};

/// A record of unfinished tasks is not worth waiting for a commit of many rows, or for a process that was stopped.
const PATIENCE: Duration = Duration::from_secs(10);

impl Store {
    /// What is recorded about a table; the default if nothing is.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read or is damaged.
    pub fn table(&self, report: &str) -> Result<TableRecord> {
        match self {
            Self::Disk(disk) => disk.table(report),
            Self::Bucket(remote) => remote.wait(remote.bucket().table(report)),
        }
    }

    /// Names of the tables of which anything is known, in order: a record, or a partition's state.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn tables(&self) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => disk.tables(),
            Self::Bucket(remote) => remote.wait(remote.bucket().tables()),
        }
    }

    /// State of a partition; `None` if nothing was ever committed or begun.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read or is damaged.
    pub fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        match self {
            Self::Disk(disk) => disk.partition(report, partition),
            Self::Bucket(remote) => remote.wait(remote.bucket().partition(report, partition)),
        }
    }

    /// Names of a table's partitions that have a state, in order.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn partitions(&self, report: &str) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => disk.partitions(report),
            Self::Bucket(remote) => remote.wait(remote.bucket().partitions(report)),
        }
    }

    /// Records the columns that a table is about to be written with, and the keys of its partitions' folders below the
    /// snapshot date. Returns the columns that its files must have.
    ///
    /// # Errors
    /// As [`TableRecord::check_columns`].
    pub fn record_columns(
        &self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        self.update_table(report, |record| {
            record.merge_columns(report, endpoint, wanted, partition_by)
        })
    }

    /// Records the columns of presets that the table uses for the first time; those of others do not change.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn record_presets(
        &self,
        report: &str,
        presets: &BTreeMap<String, Vec<String>>,
    ) -> Result<()> {
        self.update_table(report, |record| {
            for (name, columns) in presets {
                record
                    .presets
                    .entry(name.clone())
                    .or_insert_with(|| columns.clone());
            }
            Ok(())
        })
    }

    /// Records that all partitions of a table are laid out by these keys now.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn record_layout(&self, report: &str, partition_by: &[String]) -> Result<()> {
        self.update_table(report, |record| {
            partition_by.clone_into(&mut record.partition_by);
            Ok(())
        })
    }

    fn update_table<T: Send>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T> + Send + Sync,
    ) -> Result<T> {
        match self {
            Self::Disk(disk) => disk.update_table(report, change),
            Self::Bucket(remote) => remote.wait(remote.bucket().update_table(report, change)),
        }
    }

    /// Records, in the state of a partition, which of its tasks did not end in a commit and why. A task that was left to
    /// another process, which has committed it since, is left out.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], or [`crate::error::ErrorCode::Locked`] if another process does not release the
    /// partition.
    pub fn record_unfinished(
        &self,
        report: &str,
        partition: &str,
        tasks: Vec<UnfinishedTask>,
        who: &str,
    ) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.record_unfinished(report, partition, tasks, who, PATIENCE),
            Self::Bucket(remote) => {
                let bucket = remote.bucket();
                remote.wait(bucket.record_unfinished(report, partition, tasks, who, PATIENCE))
            }
        }
    }

    /// Removes the records of unfinished tasks for which `is_removed` holds. Returns how many were removed.
    ///
    /// # Errors
    /// As [`Store::record_unfinished`].
    pub fn remove_unfinished(
        &self,
        report: &str,
        partition: &str,
        is_removed: impl Fn(&UnfinishedTask) -> bool + Send + Sync,
        who: &str,
    ) -> Result<usize> {
        match self {
            Self::Disk(disk) => {
                disk.remove_unfinished(report, partition, is_removed, who, PATIENCE)
            }
            Self::Bucket(remote) => {
                let bucket = remote.bucket();
                remote.wait(bucket.remove_unfinished(report, partition, is_removed, who, PATIENCE))
            }
        }
    }
}
