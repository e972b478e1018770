//! Names that every kind of destination shares.

/// Folder of everything that is not a table.
pub const SYSTEM_FOLDER: &str = "_backhaul";

/// Stands for the partition of a table that has none.
pub const UNPARTITIONED: &str = "all";

/// Identifies one commit of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The table.
    pub report: String,
    /// The partition's folder, for example `snapshot_date=2026-11-23`.
    pub partition: String,
    /// Never used again: it is part of the names of the files that the commit writes.
    pub id: String,
}

/// Name of a partition's folder, from the destination's root on.
pub(super) fn partition_folder(report: &str, partition: &str) -> String {
    if partition == UNPARTITIONED {
        report.to_owned()
    } else {
        format!("{report}/{partition}")
    }
}

/// Name of a partition's file, from the destination's root on.
pub(super) fn partition_file(report: &str, partition: &str, name: &str) -> String {
    format!("{}/{name}", partition_folder(report, partition))
}
