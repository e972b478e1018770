//! From the resolved configuration to the tasks of a night: what is asked for each report and all that varies, under
//! which id, at which price per row and with which upper bound.
//!
//! Pure: no clock, no network, no state. Knows configuration and catalog; knows nothing of requests, pages or files.
//! Invariants: a task's id depends on report, target and what varies, and never on order, labels or dates; equal inputs
//! give equal plans.

mod admission;
mod bill;
mod cadence;
mod cost;
mod describe;
mod history;
mod job;
mod monthly;
mod night;
mod once;
mod query;
mod segments;
mod select;
mod task;

pub use admission::{Allowance, Candidate, admit};
pub use bill::{FREE_BUDGET_UNITS, Total, guard, total};
pub use cadence::{due, next as next_due};
pub use cost::{Before, Cost, like_before, of_rows};
pub use describe::describe;
pub use history::{
    Grouping, asked_window, is_answered, set_window, usual, whole_window, window, window_of,
};
pub use job::ScheduledTask;
pub use monthly::{
    Bill, NIGHTS_A_MONTH, bill as bill_of_month, first_load, least_units, refuse_impossible,
    ways_to_fit,
};
pub use night::{check_all as check_nights, knows as knows_night, night};
pub use once::{
    Bought, INDEX, Lot, MAX_TARGETS, batch_of, lots, packed_columns, packed_units, part, question,
    share,
};
pub use segments::{MAX_URL_BYTES, Segments};
pub use select::{Selection, is_meant};
pub use task::{Task, price_per_row, task_id, task_label, tasks, tasks_of_any_night};
