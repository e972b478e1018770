//! All commands. The help of each states what it does and what it costs.

use clap::{Args, Parser, Subcommand};

use super::commands::{
    CatalogArgs, CheckArgs, CompactArgs, DemoArgs, EstimateArgs, ForgetArgs, InitArgs, RebuildArgs,
    RunArgs, UsageArgs, VerifyArgs,
};
use super::globals::Globals;
use super::help::{EXIT_CODES, OVERVIEW};
use super::sandbox::SandboxArgs;
use super::warehouse::{LoadArgs, SchemaArgs};

/// Exports Ahrefs API v3 into typed, partitioned Parquet: complete, paid for once, every night.
#[derive(Debug, Parser)]
#[command(name = "backhaul", version, help_template = OVERVIEW, max_term_width = 110, disable_help_subcommand = false)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub(in crate::cli) globals: Globals,
    #[command(subcommand)]
    pub(in crate::cli) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Export a sample configuration from the built-in API sandbox, verify it and show the result
    Demo(DemoArgs),
    /// Write a commented starter configuration; never overwrites a file
    Init(InitArgs),
    /// Validate the configuration, the key and the destination, and list what a run would do; free
    Check(CheckArgs),
    /// Fetch what is due, commit it, print a summary with the cost
    #[command(after_help = EXIT_CODES)]
    Run(RunArgs),
    /// Estimate rows, requests, units and minutes of the next run, by report and target; sends no requests
    Estimate(EstimateArgs),
    /// Show the units of the account (limit, used, left, reset, expiry of the key) and the units spent by this
    /// destination; free
    Usage(UsageArgs),
    /// Check committed files against the manifest: presence, size, checksum, rows, schema, duplicates
    Verify(VerifyArgs),
    /// Write partitions again from saved responses, for 0 units: after a change of layout, or if a file was lost
    Rebuild(RebuildArgs),
    /// Merge the small files of partitions; readers see either the old files or the new ones
    Compact(CompactArgs),
    /// Remove a target: its rows, saved responses and log entries; prints what to delete in the warehouse
    Forget(ForgetArgs),
    /// Show the API: endpoints, or one endpoint's parameters, columns by price, presets
    Catalog(CatalogArgs),
    /// Print the schema of a report or endpoint, or its DDL for a warehouse
    Schema(SchemaArgs),
    /// Print SQL that loads the committed tables into a warehouse; it may be run again
    Load(LoadArgs),
    /// Serve a local API sandbox
    Sandbox(SandboxArgs),
    /// Print shell completions
    Completions(CompletionsArgs),
    /// Show past runs (not implemented yet)
    History(NotImplementedArgs),
    /// Serve as the one place that holds a team's key (not implemented yet)
    Gateway(NotImplementedArgs),
}

/// `completions`
#[derive(Debug, Args)]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub(in crate::cli) shell: clap_complete::Shell,
}

/// Any arguments of a command that is not implemented.
#[derive(Debug, Args)]
pub(in crate::cli) struct NotImplementedArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    arguments: Vec<String>,
}
