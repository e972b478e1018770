//! `HistoryWindows`: tables by year of their rows' dates, into which every night merges the days that it asked for.
//!
//! There is no record beside the partitions' states: each says, task by task, for which of its days rows were asked, and all
//! together say how far a task has come and what its next window is. `YearPartitioner` are committed in their order, that of
//! the night last, so that the night counts as complete only when all of them are.

mod answers;
mod merge;
mod rows;

pub(crate) use merge::{assemble, rebuild};
