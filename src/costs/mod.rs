//! What the next run will cost and what earlier runs cost.

pub(crate) mod durations;
pub(crate) mod estimate;
pub(crate) mod fit;
pub(crate) mod row_counts;
pub(crate) mod usage;
