//! From a task to its saved, sorted rows.

pub(crate) mod accounts;
pub(crate) mod batch;
pub(crate) mod batch_body;
pub(crate) mod body;
pub(crate) mod changes;
pub(crate) mod check_columns;
pub(crate) mod circuit_breaker;
pub(crate) mod group;
pub(crate) mod pager_plan;
pub(crate) mod probes;
pub(crate) mod removed_columns;
pub mod request;
pub(crate) mod resume;
pub(crate) mod saved_history;
pub(crate) mod shared_answers;
pub(crate) mod task;
pub(crate) mod task_pager;
