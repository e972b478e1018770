//! `check`: the configuration, the key, the destination, and what a run would do. Free.

mod command;
mod monthly_cost;

pub(super) use command::check;
