//! What the load statements of one partition are made from: names as the engine writes them, nothing that an engine decides.

use super::data_location::DataLocation;
use super::table::{PartitionRange, PartitionScheme, Table};
use super::table_load::PartitionChange;

/// One partition that is to be replaced in a warehouse.
pub(crate) struct PartitionLoad<'a> {
    pub(super) location: &'a DataLocation,
    pub(super) table: &'a Table,
    pub(super) change: &'a PartitionChange,
    pub(super) range: PartitionRange,
    /// The table in the warehouse.
    pub(super) name: String,
    /// A table in which rows are prepared before they replace the partition's.
    pub(super) loading_table: String,
    /// Which rows of the table are the partition's.
    pub(super) condition: String,
    /// The columns of the files, separated by commas.
    pub(super) columns: String,
    /// The files as the engine opens them, in the order of the change.
    pub(super) file_urls: Vec<String>,
}

impl PartitionLoad<'_> {
    /// What is reported if the number of rows is wrong.
    pub(super) fn expected(&self) -> String {
        let PartitionChange { partition, .. } = self.change;
        let rows = self.change.rows();
        format!("{}/{partition}: expected {rows} rows", self.table.name())
    }

    /// The same, before the number that was found.
    pub(super) fn expected_found(&self) -> String {
        format!("{}, found ", self.expected())
    }

    /// Folder of the partition below the destination, with a slash at its end.
    pub(super) fn folder(&self) -> String {
        partition_folder(self.table, &self.change.partition)
    }
}

/// Folder of a partition below the destination, with a slash at its end.
pub(super) fn partition_folder(table: &Table, partition: &str) -> String {
    let report = table.name();
    match table.scheme() {
        PartitionScheme::Unpartitioned => format!("{report}/"),
        PartitionScheme::SnapshotDates | PartitionScheme::Years { .. } => {
            format!("{report}/{partition}/")
        }
    }
}
