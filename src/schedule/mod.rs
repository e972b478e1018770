//! What is due tonight: the plan of a run, what earlier nights say of a task, what is deferred.

pub(crate) mod history_windows;
pub(crate) mod pacing;
pub mod run_plan;
pub(crate) mod task_history;
