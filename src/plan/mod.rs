//! From the resolved configuration to the tasks of a night: what is asked for each report, target and country, under
//! which id, at which price per row and with which upper bound.
//!
//! Pure: no clock, no network, no state. Knows configuration and catalog; knows nothing of requests, pages or files.
//! Invariants: a task's id depends on report, target and what varies, and never on order, labels or dates; equal inputs
//! give equal plans.

mod bill;
mod cost;
mod describe;
mod night;
mod select;
mod task;

pub use bill::{FREE_BUDGET_UNITS, Total, guard, total};
pub use cost::{Before, Cost, like_before, of_rows};
pub use describe::describe;
pub use night::{check as check_night, night};
pub use select::{Selection, is_meant};
pub use task::{MAX_ROWS, Task, columns_asked, price_per_row, task_id, tasks, tasks_of_any_night};
