//! The outcome of fetching a task.

use crate::context::fetched_task::FetchedTask;
use crate::error::Error;
use crate::fetch::circuit_breaker::FailureSignature;
use crate::store::Lease;

/// The result of fetching a task.
pub(crate) enum TaskResult {
    /// All its rows are here.
    Fetched(Box<FetchedTask>),
    /// It failed.
    Failed(Error),
    /// Not tried: the task that fetches its answers failed, and it would fail in the same way.
    FailedWithGroup(Error),
    /// Not tried: the report's tasks all fail in the same way.
    SkippedByBreaker(FailureSignature),
    /// Another process works on it; its description.
    ClaimedElsewhere(String),
    /// Another process finished it in the meantime.
    AlreadyCommitted,
}

/// The result of a task with the claim on it, which must be held until the task's partition is committed.
pub(crate) struct TaskOutcome {
    /// Index into the run's jobs.
    pub index: usize,
    /// The result.
    pub result: TaskResult,
    /// The claim, if there is one.
    pub claim: Option<Lease>,
}

impl TaskOutcome {
    /// The outcome of a task that is not claimed.
    pub fn unclaimed(index: usize, result: TaskResult) -> Self {
        Self {
            index,
            result,
            claim: None,
        }
    }
}

/// The same error for another task, without report, target and units, which belong to the first task.
pub(crate) fn error_for_other_task(error: &Error) -> Error {
    let mut other = Error::new(error.code(), error.one_line()).with_hint(error.hint());
    for (key, value) in error.context() {
        if !matches!(*key, "report" | "target") {
            other = other.with_context(key, value.as_str());
        }
    }
    other
}
