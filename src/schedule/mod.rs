//! What is due tonight: the plan of a run, what earlier nights say of a task, what is deferred.

pub(crate) mod history_windows;
pub(crate) mod last_run;
pub(crate) mod pacing;
pub mod run_plan;
mod run_plan_builder;
pub(crate) mod task_history;

pub use run_plan_builder::plan_run;
