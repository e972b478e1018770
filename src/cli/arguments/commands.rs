//! Arguments of the commands on configuration, runs and the destination.

use std::path::PathBuf;

use clap::Args;

use super::selection::SelectionArgs;
use crate::config::DEFAULT_FILE;

/// `demo`
#[derive(Debug, Args)]
pub(in crate::cli) struct DemoArgs {
    /// Folder of the tables; it must be empty or hold an earlier demo
    #[arg(long, value_name = "DIR", default_value = "backhaul-demo")]
    pub(in crate::cli) out: PathBuf,
}

/// `init`
#[derive(Debug, Args)]
pub(in crate::cli) struct InitArgs {
    /// A site to export; may be repeated
    #[arg(long = "target", value_name = "URL")]
    pub(in crate::cli) targets: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub(in crate::cli) out: PathBuf,
}

/// `check`
#[derive(Debug, Args)]
pub(in crate::cli) struct CheckArgs {
    /// Check only the configuration: no key, no network, no bucket
    #[arg(long)]
    pub(in crate::cli) offline: bool,
    /// Also test on the API's free targets (0 units) what paging assumes of the API,
    /// and that the API has every column of the configuration
    #[arg(long, conflicts_with = "offline")]
    pub(in crate::cli) live: bool,
}

/// `run`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, by their names"
)]
pub(in crate::cli) struct RunArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// Spend at most this many API units in this run
    #[arg(long, value_name = "N")]
    pub(in crate::cli) max_units: Option<u64>,
    /// Run on the API's free targets, for 0 units, and write to `_sample/` in the destination
    #[arg(long)]
    pub(in crate::cli) sample: bool,
    /// Fetch complete tasks again, at their full cost; a night of changes requests the same days again
    #[arg(long)]
    pub(in crate::cli) refetch: bool,
    /// Fetch all live rows of the reports of changes again, as a new base to which later nights add
    #[arg(long, conflicts_with = "sample")]
    pub(in crate::cli) base: bool,
    /// Prefer the I-th of N parts of the tasks (not implemented yet)
    #[arg(long, value_name = "I/N")]
    pub(in crate::cli) shard: Option<String>,
    /// Print what would be fetched, its cost, and what `pace` would defer by what is known here about the month; send no
    /// request, not even a free one
    #[arg(long)]
    pub(in crate::cli) dry_run: bool,
    /// Print the report of the run as JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `estimate`
#[derive(Debug, Args)]
pub(in crate::cli) struct EstimateArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// List every task that is due, with its id
    #[arg(long)]
    pub(in crate::cli) tasks: bool,
    /// Show the cost of each column, and a change to the configuration with which a run costs at most this
    #[arg(long, value_name = "UNITS")]
    pub(in crate::cli) fit: Option<u64>,
    /// Buy the row counts that are missing, about 50 units a site, within the budgets; they are reused for 35 days
    #[arg(long)]
    pub(in crate::cli) probe: bool,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `usage`
#[derive(Debug, Args)]
pub(in crate::cli) struct UsageArgs {
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// `verify`
#[derive(Debug, Args)]
pub(in crate::cli) struct VerifyArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
    /// Check the layout for each engine instead (sizes, types, names, nulls, small files), and print what to change
    #[arg(long)]
    pub(in crate::cli) lint: bool,
}

/// `rebuild`
#[derive(Debug, Args)]
pub(in crate::cli) struct RebuildArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
}

/// `compact`
#[derive(Debug, Args)]
pub(in crate::cli) struct CompactArgs {
    #[command(flatten)]
    pub(in crate::cli) selection: SelectionArgs,
}

/// `forget`
#[derive(Debug, Args)]
pub(in crate::cli) struct ForgetArgs {
    /// The target's name, as in the column `_target`; it may have been removed from the configuration
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) target: String,
}

/// `catalog`
#[derive(Debug, Args)]
pub(in crate::cli) struct CatalogArgs {
    /// The endpoint; default: a list of all
    #[arg(value_name = "ENDPOINT")]
    pub(in crate::cli) endpoint: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}
