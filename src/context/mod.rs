//! What everything in a run shares, read only.

pub(crate) mod client;
pub(crate) mod cpu_pool;
pub(crate) mod fetched_task;
pub mod progress;
pub(crate) mod removed_columns;
pub mod run_context;
