//! A task of a night.

use crate::model::Night;
use crate::plan::Task;

/// A task of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScheduledTask {
    /// The night.
    pub night: Night,
    /// The task.
    pub task: Task,
}
