//! A task of a night.

use crate::model::SnapshotDate;
use crate::plan::Task;

/// A task of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledTask {
    /// The night.
    pub night: SnapshotDate,
    /// The task.
    pub task: Task,
}
