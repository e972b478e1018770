//! Behaviour tests: one binary, a module for each subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod all_operations;
mod architecture;
mod bucket;
mod catalog;
mod columnar;
mod compatibility;
mod completeness;
mod configuration;
mod costs;
mod drift;
mod examples;
mod fetch;
mod filter_sql;
mod ledger;
mod maintain;
mod operations;
mod paging;
mod plan;
mod presets;
mod publish;
mod ranking;
mod run;
mod sandbox;
mod schedule;
mod support;
mod warehouses;
