//! What a run did, what the next one will cost, and what was spent: the types of these reports and their texts. Data in,
//! text out; nothing is read or measured here.

mod estimate;
mod estimate_text;
mod fit;
mod fit_text;
mod format;
mod run_report;
mod run_summary;
mod unit_usage;
mod usage;
mod usage_text;

pub use estimate::{Estimate, ReportEstimate, TargetEstimate, TaskEstimate};
pub use fit::{Change, ColumnShare, Fit, Proposal};
pub use format::{count_noun, format_bytes, format_count};
pub use run_report::{
    ErrorEntry, MonthLeft, PartitionSummary, ReportSummary, RunReport, RunStatus, TaskCounts,
};
pub use run_summary::run_summary;
pub use unit_usage::{UnitOverhead, UnitUsage};
pub use usage::{Allowance, Difference, Usage, UsageShare};
