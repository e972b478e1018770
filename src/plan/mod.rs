//! From the resolved configuration to the tasks of a night: what is asked for each report and all that varies, under
//! which id, at which price per row and with which upper bound.
//!
//! Pure: no clock, no network, no state. Knows configuration and catalog; knows nothing of requests, pages or files.
//! Invariants: a task's id depends on report, target and what varies, and never on order, labels or dates; equal inputs
//! give equal plans.

mod admission;
mod batches;
mod bounds;
mod cadence;
mod cost;
mod describe;
mod expand;
mod granularity;
mod history;
mod monthly_cost;
mod night;
mod price;
mod query;
mod scheduled_task;
mod segments;
mod selection;
mod sharing;
mod subject;
mod task;

pub use admission::{Allowance, Candidate, admit};
pub use batches::{
    INDEX, MAX_TARGETS, batch_columns, batch_operation_for, batch_units, split_evenly,
};
pub use bounds::{CostBound, FREE_BUDGET_UNITS, require_budget, total};
pub use cadence::{due, next as next_due};
pub use cost::{Cost, LastRun, of_rows, scaled_from_last_run};
pub use describe::describe;
pub use expand::{tasks, tasks_of_any_night};
pub use granularity::Granularity;
pub use history::{
    asked_window, is_answered, set_window, steady_state, whole_window, window, window_of,
};
pub use monthly_cost::{
    MonthlyCost, NIGHTS_A_MONTH, first_load, least_units, monthly_cost, refuse_impossible,
    ways_to_fit,
};
pub use night::{can_answer_for, ensure_answerable, resolve_date};
pub use price::price_per_row;
pub use scheduled_task::ScheduledTask;
pub use segments::{MAX_URL_BYTES, Segments};
pub use selection::{Selection, is_meant};
pub use sharing::{FetchGroup, assign_shares, group_for_fetching, question_fingerprint};
pub use task::{Purchase, Task, task_id, task_label};
