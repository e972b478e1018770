//! Where the responses of an attempt are stored.

use crate::model::{SnapshotDate, TaskId};

/// Suffix of the name of a saved response.
pub(super) const SUFFIX: &str = ".response";

/// Identifies one attempt at a task of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The night.
    pub night: SnapshotDate,
    /// The task.
    pub task: TaskId,
    /// Number of the attempt, from 0.
    pub number: u32,
}

impl Attempt {
    pub(super) fn folder(&self) -> String {
        format!("{}/{}", task_folder(self.night, &self.task), self.number)
    }

    /// Name of the response with this number.
    pub(super) fn file(&self, sequence: u32) -> String {
        format!("{}/{sequence:06}{SUFFIX}", self.folder())
    }
}

pub(super) fn task_folder(night: SnapshotDate, task: &TaskId) -> String {
    format!("{night}/{}", task.as_str())
}

/// Number of a saved response, by the name of its file.
pub(super) fn sequence_of(name: &str) -> Option<u32> {
    name.strip_suffix(SUFFIX)?.parse().ok()
}
