//! Names of what a destination holds: folders of partitions, claims, files of runs.

use chrono::Datelike as _;

use crate::config::Report;
use crate::model::{SnapshotDate, TaskId};
use crate::state::periods::period_name;
use crate::table::{parse_segment, segment};

/// Folder of the reports of runs below `_backhaul/`.
pub(crate) const RUNS: &str = "runs";

/// What the names of lists of bad values end with.
pub(crate) const BAD_VALUES: &str = ".bad-values.jsonl";

/// Name of the claim that says that somebody works on a task.
pub(crate) fn claim_name(night: SnapshotDate, task: &TaskId) -> String {
    format!("{night}/{}", task.as_str())
}

/// Folder of the partition in which a report keeps a night: that of the night, or of a history its year.
pub(crate) fn partition_of(report: &Report, night: SnapshotDate) -> String {
    if report.endpoint.history_column().is_some() {
        period_name(night.date().year())
    } else {
        partition_name(night)
    }
}

/// The night of a partition; `None` for the name of any other.
pub(crate) fn night_of(partition: &str) -> Option<SnapshotDate> {
    let (_, value) = parse_segment(partition)?;
    value.parse().ok()
}

/// Folder of a night's partition.
pub(crate) fn partition_name(night: SnapshotDate) -> String {
    segment("snapshot_date", &night.to_string())
}
