//! `run`: the nightly export.

mod command;
mod dry_run;

pub(super) use command::run;
