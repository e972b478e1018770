//! What the next run will cost. The JSON of `estimate --json`: keys are never renamed.

use serde::Serialize;

use super::fit::Fit;

/// What the next run will cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// Minutes.
    pub minutes: f64,
    /// Units that the estimate itself cost.
    pub own_units: u64,
    /// Tasks whose cost is unknown: no figure includes them.
    pub unknown_tasks: u64,
    /// By report, in the order of the configuration.
    pub reports: Vec<ReportEstimate>,
    /// Remarks.
    pub notes: Vec<String>,
    /// Every task, with `--tasks`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskEstimate>,
    /// What would make it fit, with `--fit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
}

/// One report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportEstimate {
    /// The table.
    pub name: String,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures are based on.
    pub basis: String,
    /// Tasks that are due.
    pub due: u64,
    /// By target, in the order of the configuration.
    pub targets: Vec<TargetEstimate>,
}

/// One target of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetEstimate {
    /// The target.
    pub name: String,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures are based on.
    pub basis: String,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskEstimate {
    /// Its id, the same on every night.
    pub task: String,
    /// The night.
    pub night: String,
    /// The table.
    pub report: String,
    /// The target.
    pub target: String,
    /// The parameters that vary, `country=us`.
    pub parameters: Vec<String>,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures are based on.
    pub basis: String,
}
