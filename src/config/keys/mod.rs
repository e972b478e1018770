//! The keys of the configuration, in one table.

mod tables;

pub use tables::*;
