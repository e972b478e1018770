//! From fetched tasks to a committed partition.

pub(crate) mod carry_over;
pub(crate) mod change_marks;
pub(crate) mod coverage;
pub(crate) mod history;
pub(crate) mod merge_sources;
pub(crate) mod partition;
pub(crate) mod rewrite;
pub(crate) mod system_tables;
