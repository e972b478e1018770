//! Behaviour tests: one binary, a module for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod access;
mod bucket;
mod budgets;
mod catalog;
mod changes;
mod columnar;
mod completeness;
mod configuration;
mod drift;
mod everything;
mod examples;
mod failures;
mod filter_sql;
mod ground;
mod history;
mod nights;
mod once;
mod operations;
mod paging;
mod presets;
mod ranking;
mod relay;
mod sandbox;
mod sandbox_sections;
mod spending;
mod support;
mod upkeep;
mod varying;
mod warehouses;
