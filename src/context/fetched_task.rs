//! A fetched task, and errors of tasks that are not fetched.

use crate::decode::DecodeNotes;
use crate::error::{Error, ErrorCode, Result};
use crate::landing::AnswerOrigin;
use crate::model::RunId;
use crate::paging::Evidence;
use crate::sink::TaskSorter;
use crate::table::DateRange;
use crate::table::TaskSpec;

/// A task whose rows are all here.
pub struct FetchedTask {
    /// Index into the run's jobs.
    pub job: usize,
    /// Its rows, not yet in order, on disk.
    pub rows: TaskSorter,
    /// The evidence that they are complete, or what is missing.
    pub evidence: Evidence,
    /// Units charged for its answers, those of earlier runs included.
    pub units: u64,
    /// Of these, units charged by this run.
    pub new_units: u64,
    /// Rows accepted.
    pub num_rows: u64,
    /// When its first answer was received, in microseconds since 1970.
    pub started_at: i64,
    /// When its last answer was received, in microseconds since 1970.
    pub exported_at: i64,
    /// The run that received it.
    pub run: RunId,
    /// The attempt whose answers they are.
    pub attempt: u32,
    /// What was requested.
    pub spec: TaskSpec,
    /// Of a history: the days that were requested.
    pub window: Option<DateRange>,
    /// SHA-256 over its bodies as received.
    pub responses_hash: String,
    /// What was unusual in its answers.
    pub notes: DecodeNotes,
    /// Where its last answer comes from, if it was not received for it alone.
    pub source: Option<AnswerOrigin>,
}

/// The user, or a failure of the whole run, stopped the task.
pub(crate) fn interrupted_error() -> Error {
    Error::new(ErrorCode::Interrupted, "interrupted")
}

/// The task cannot be rebuilt from its saved responses.
pub(crate) fn responses_missing() -> Error {
    Error::new(
        ErrorCode::Unfinished,
        "the saved responses do not hold the whole task",
    )
    .with_hint("`backhaul run --refetch` requests it again, and is charged again")
}

/// The sorter, unless a background thread has it.
pub(crate) fn sorter_in_use(sorter: Option<TaskSorter>) -> Result<TaskSorter> {
    sorter.ok_or_else(|| {
        Error::new(
            ErrorCode::Internal,
            "the rows of a task are still in use by another thread",
        )
    })
}
