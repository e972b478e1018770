//! Fetches tasks: requests, saved answers, sorted rows.

pub(crate) mod accounts;
mod attempt_answers;
pub(crate) mod batch;
pub(crate) mod batch_body;
pub(crate) mod batch_split;
pub(crate) mod body;
pub(crate) mod changes;
pub(crate) mod check_columns;
pub(crate) mod circuit_breaker;
mod collected_rows;
pub(crate) mod group;
mod page_size;
pub(crate) mod pager_plan;
pub(crate) mod probes;
pub(crate) mod removed_columns;
pub mod request;
pub(crate) mod resume;
pub(crate) mod saved_history;
pub(crate) mod shared_answers;
pub(crate) mod task;
pub(crate) mod task_claim;
pub(crate) mod task_outcome;
pub(crate) mod task_pager;
