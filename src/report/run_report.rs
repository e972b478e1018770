//! What a run did. Its JSON is what `run --json` ends with and what `_backhaul/runs/` keeps: keys are never renamed.

use serde::{Deserialize, Serialize};

use super::unit_usage::UnitOverhead;
use crate::error::Error;
use crate::model::RunId;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// Everything that was due is committed.
    Done,
    /// Some tasks failed, the others are committed.
    Partial,
    /// A budget stopped it; what was complete is committed.
    Stopped,
    /// Nothing was committed.
    Failed,
    /// The user stopped it.
    Interrupted,
}

impl RunStatus {
    /// Exit status of the command.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Partial => 3,
            Self::Stopped => 4,
            Self::Interrupted => 130,
        }
    }
}

/// A whole run. Its JSON is what `run --json` ends with and what `_backhaul/runs/` keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Identifies the run; also in `_run_id` of its rows.
    pub run: RunId,
    /// The snapshot date.
    pub night: String,
    /// How it ended.
    pub status: RunStatus,
    /// Rows committed.
    pub rows: u64,
    /// Requests sent, retries included.
    pub requests: u64,
    /// Of these, retries.
    pub retries: u64,
    /// Units charged, or counted as charged where no response arrived.
    pub units: u64,
    /// Of these, units charged for responses that were lost or damaged.
    pub units_lost: u64,
    /// Of all units, those that were not spent on rows, by cause.
    #[serde(default)]
    pub wasted: UnitOverhead,
    /// What is left of the month's budget after the run, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<MonthLeft>,
    /// Wall-clock seconds.
    pub seconds: f64,
    /// Largest resident memory of the process so far, in bytes; 0 where the system does not report it.
    pub peak_memory_bytes: u64,
    /// One entry for each report of the configuration.
    pub reports: Vec<ReportSummary>,
    /// What went wrong.
    pub errors: Vec<ErrorEntry>,
    /// Remarks on what succeeded.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// What is left of a month's budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MonthLeft {
    /// The setting of the tightest monthly budget.
    pub budget: String,
    /// Its units.
    pub limit: u64,
    /// Units left of it.
    pub left: u64,
    /// The day on which usage is reset to zero.
    pub reset: String,
}

/// One report of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ReportSummary {
    /// The table.
    pub name: String,
    /// Catalog name of the endpoint.
    pub endpoint: String,
    /// Rows committed by this run.
    pub rows: u64,
    /// Units charged for its tasks.
    pub units: u64,
    /// Of these, and of those for lost responses, units that were not spent on rows, by cause.
    #[serde(default)]
    pub wasted: UnitOverhead,
    /// Its tasks by status.
    pub tasks: TaskCounts,
    /// Partitions that this run committed.
    pub partitions: Vec<PartitionSummary>,
}

/// Tasks by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCounts {
    /// All rows of the source.
    pub complete: u64,
    /// Ended early by `max_rows` or by an unproven assumption; its evidence names which.
    pub capped: u64,
    /// Deferred to a later night as planned.
    pub deferred: u64,
    /// Stopped by a budget or an interrupt.
    pub stopped: u64,
    /// Failed.
    pub failed: u64,
    /// Complete before this run: nothing was sent.
    pub skipped: u64,
}

/// One partition that a run committed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionSummary {
    /// Folder, from the destination's root.
    pub path: String,
    /// Rows in it now.
    pub rows: u64,
    /// Size of its files.
    pub bytes: u64,
    /// Number of its files.
    pub files: u64,
}

/// An error as the report keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorEntry {
    /// Stable code.
    pub code: String,
    /// The table, if the error is about one.
    pub report: Option<String>,
    /// The target, if the error is about one.
    pub target: Option<String>,
    /// What happened, with its causes.
    pub message: String,
    /// What to do about it.
    pub next: String,
    /// Units spent on it.
    pub units: u64,
}

impl ErrorEntry {
    /// The entry of an error; report and target are taken from its context.
    pub fn new(error: &Error) -> Self {
        Self {
            code: error.code().as_str().to_owned(),
            report: error.context_value("report").map(str::to_owned),
            target: error.context_value("target").map(str::to_owned),
            message: error.one_line(),
            next: error.hint().to_owned(),
            units: error.units(),
        }
    }
}
