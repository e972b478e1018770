//! What a run will cost.

mod estimates;
mod fit;
mod monthly_cost;
mod row_counts;
mod support;
