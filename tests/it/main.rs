//! Behaviour tests: one binary, a module for each subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod bucket;
mod budgets;
mod catalog;
mod changes;
mod columnar;
mod completeness;
mod configuration;
mod examples;
mod failures;
mod ground;
mod nights;
mod paging;
mod ranking;
mod sandbox;
mod spending;
mod support;
mod upkeep;
