//! What is to be loaded: tables, and the partitions of each that changed.

use super::table::Table;
use crate::table::manifest::PartitionState;

/// How a warehouse gets a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadMethod {
    /// Rows are copied into tables of the warehouse.
    Copy,
    /// Tables over the files in place.
    External,
    /// Snowflake's read-only Iceberg tables over the folders.
    Direct,
}

/// A data file of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFile {
    /// Its name inside the partition's folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
}

/// A partition that is to be replaced in a warehouse by what is committed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionChange {
    /// Its folder below the table's.
    pub partition: String,
    /// Its files; none if it was removed.
    pub files: Vec<DataFile>,
    /// The columns of every file, in order.
    pub columns: Vec<String>,
}

/// A table and the partitions that are to be loaded.
#[derive(Debug, Clone)]
pub struct TableLoad {
    /// The table.
    pub table: Table,
    /// Its partitions that changed, in order.
    pub changes: Vec<PartitionChange>,
}

impl PartitionChange {
    /// Rows that a warehouse has to have of it.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// A partition that was removed.
    pub(crate) fn removed(partition: String) -> Self {
        Self {
            partition,
            files: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// What readers see of a partition; `None` for one that was never committed.
    pub(crate) fn committed(state: PartitionState) -> Option<Self> {
        let committed = state.committed?;
        let mut files = Vec::with_capacity(committed.files.len());
        for file in committed.files {
            files.push(DataFile {
                name: file.name,
                rows: file.rows,
            });
        }
        let columns = committed.columns.into_iter().map(|column| column.name);
        Some(Self {
            partition: state.partition,
            files,
            columns: columns.collect(),
        })
    }
}
