//! What the next run will cost and what earlier runs cost.

pub(crate) mod buy_counts;
pub(crate) mod durations;
pub(crate) mod estimate;
pub(crate) mod fit;
mod knowledge;
pub(crate) mod row_counts;
mod task_estimate;
pub(crate) mod usage;
