//! A run, told in order: what is open and due, what is known of the API, fetch, commit, what is left to be said, report.
//! The room that joins all others.
//!
//! ```text
//! agenda ─▶ probes ─▶ fetch (several at a time) ─▶ the last task of a partition ─▶ assemble ─▶ coverage, targets ─▶ report
//! ```
//! A task that fails leaves the others alone: its error is reported, its partition is committed without it, and its saved
//! answers stay for the next run.

mod export_run;
mod finish;
mod partition_scheduler;
mod report_builder;
mod warnings;

pub use export_run::ExportRun;
