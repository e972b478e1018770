//! What may be typed. Help teaches: each command says what it does, what it costs and what to do next.

use std::path::PathBuf;

use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::warehouse_arguments::{Load, Schema};
use crate::config::DEFAULT_FILE;

const HELP: &str = "\
{about-with-newline}
{usage-heading} backhaul [OPTIONS] COMMAND

Start:
  demo         export from a built-in imitation of the API: no key, no network
  init         write a commented starter configuration
  check        validate the configuration, the key and the destination; costs nothing

Every night:
  run          fetch what is due, commit it, print a summary and the bill
  estimate     rows, requests, units and minutes of the next run, beforehand; costs nothing

Look:
  history      past runs *
  usage        units left in the account beside what was spent here; costs nothing
  catalog      endpoints, or one endpoint's parameters, columns and prices
  schema       the schema of a report or endpoint, or its DDL for a warehouse
  load         SQL that loads what was committed into a warehouse

Maintain:
  verify       re-read committed files against the manifest
  rebuild      make partitions again from saved responses, for 0 units
  compact      merge small files
  forget       remove a client's rows and saved responses

Serve:
  sandbox      a local imitation of the API, for trying and for tests
  gateway      one place that keeps a team's key *

Other:
  completions  shell completions
  help         this text, or the help of a command

* designed and not built yet: refused by name

Options:
{options}
Examples:
  backhaul demo
  backhaul init --target acme.com && backhaul check --offline && backhaul run
  backhaul catalog site-explorer/all-backlinks
";

const EXIT_CODES: &str = "\
Exit codes:
  0 done                      3 partly done, the rest is committed
  1 failed                    4 stopped by a budget
  2 wrong configuration,      5 every due task is claimed by another process
    or no budget covers it    130 interrupted: run again to go on";

/// Exports Ahrefs API v3 into typed, partitioned Parquet: complete, paid once, every night.
#[derive(Debug, Parser)]
#[command(name = "backhaul", version, help_template = HELP, max_term_width = 110, disable_help_subcommand = false)]
pub struct Arguments {
    #[command(flatten)]
    pub globals: Globals,
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// The configuration
    #[arg(short, long, global = true, value_name = "FILE", env = "BACKHAUL_CONFIG", default_value = DEFAULT_FILE)]
    pub config: PathBuf,
    /// Say more on stderr; twice for everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Form of the log on stderr
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Colours on stderr
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Export a sample configuration from a built-in imitation of the API, read it back and show what came out
    Demo(Demo),
    /// Write a commented starter configuration; never overwrites
    Init(Init),
    /// Validate the configuration, the key and the destination, and list what a run would do; costs nothing
    Check(Check),
    /// Fetch what is due, commit it, print a summary and the bill
    #[command(after_help = EXIT_CODES)]
    Run(Run),
    /// Rows, requests, units and minutes of the next run, by report and target; sends nothing
    Estimate(Estimate),
    /// Units of the account (limit, used, left, reset, expiry of the key) beside what was spent from here; costs nothing
    Usage(Usage),
    /// Re-read committed files against the manifest: presence, size, checksum, rows, schema, duplicates
    Verify(Verify),
    /// Make partitions again from saved responses, for 0 units: after a change of layout, or when a file was lost
    Rebuild(Rebuild),
    /// Merge the small files of partitions into few; readers see the old files or the new ones
    Compact(Compact),
    /// Remove a client: its rows, saved responses and mentions; prints what the warehouse has to delete
    Forget(Forget),
    /// Show the API: endpoints, or one endpoint's parameters, columns by price, presets
    Catalog(Catalog),
    /// Print the schema of a report or endpoint, or its DDL for a warehouse
    Schema(Schema),
    /// Print SQL that brings a warehouse to what was committed; may be run again
    Load(Load),
    /// Serve a local imitation of the API
    Sandbox(Sandbox),
    /// Print shell completions
    Completions(Completions),
    /// Past runs (not built yet)
    History(Later),
    /// One place that keeps a team's key (not built yet)
    Gateway(Later),
}

/// Arguments of a command that this version does not have: any.
#[derive(Debug, Args)]
pub struct Later {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    pub arguments: Vec<String>,
}

/// `demo`
#[derive(Debug, Args)]
pub struct Demo {
    /// Where the tables go; it must be empty or an earlier demo's
    #[arg(long, value_name = "DIR", default_value = "backhaul-demo")]
    pub out: PathBuf,
}

/// `init`
#[derive(Debug, Args)]
pub struct Init {
    /// A site to look up; may be repeated
    #[arg(long = "target", value_name = "URL")]
    pub targets: Vec<String>,
    /// The file to write
    #[arg(long, value_name = "FILE", default_value = DEFAULT_FILE)]
    pub out: PathBuf,
}

/// `check`
#[derive(Debug, Args)]
pub struct Check {
    /// Look at the configuration only: no key, no network, no destination
    #[arg(long)]
    pub offline: bool,
    /// Also test on the API's free targets (0 units) what paging assumes of it,
    /// and that it has every column of the configuration
    #[arg(long, conflicts_with = "offline")]
    pub live: bool,
}

/// Which tasks: the same grammar for every command that takes tasks.
#[derive(Debug, Clone, Default, Args)]
pub struct Selection {
    /// Only this report; may be repeated
    #[arg(long = "report", value_name = "NAME")]
    pub reports: Vec<String>,
    /// Only this target, by name, URL or label; may be repeated
    #[arg(long = "target", value_name = "NAME|URL|label=value")]
    pub targets: Vec<String>,
    /// The night, a UTC date; default: today
    #[arg(long, value_name = "D", conflicts_with_all = ["from", "to"])]
    pub date: Option<NaiveDate>,
    /// First of several nights, or first day of histories
    #[arg(long, value_name = "D", requires = "to")]
    pub from: Option<NaiveDate>,
    /// Last of several nights, or last day of histories
    #[arg(long, value_name = "D", requires = "from")]
    pub to: Option<NaiveDate>,
}

/// `run`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    clippy::struct_field_names,
    reason = "flags of a command line, by their names"
)]
pub struct Run {
    #[command(flatten)]
    pub selection: Selection,
    /// Spend at most this many API units in this run
    #[arg(long, value_name = "N")]
    pub max_units: Option<u64>,
    /// Run on the API's free targets, for 0 units, and write under `_sample/` of the destination
    #[arg(long)]
    pub sample: bool,
    /// Fetch and pay again what is complete; a night of changes asks for the same days again
    #[arg(long)]
    pub refetch: bool,
    /// Fetch all live rows of the reports of changes again, tonight, as a new base to which later nights add
    #[arg(long, conflicts_with = "sample")]
    pub base: bool,
    /// Prefer the I-th of N parts of the tasks (not built yet)
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Print what would be fetched, its price, and what `pace` would put off by what is known here of the month; send nothing,
    /// not even a free request
    #[arg(long)]
    pub dry_run: bool,
    /// Print the run's report as JSON
    #[arg(long)]
    pub json: bool,
}

/// `estimate`
#[derive(Debug, Args)]
pub struct Estimate {
    #[command(flatten)]
    pub selection: Selection,
    /// List every task that is due, with its id
    #[arg(long)]
    pub tasks: bool,
    /// Show what each column costs, and a change to the configuration with which a run fits
    #[arg(long, value_name = "UNITS")]
    pub fit: Option<u64>,
    /// Buy the row counts that are missing, 50 units a site or so, within the budgets; they are kept for 35 days
    #[arg(long)]
    pub probe: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `usage`
#[derive(Debug, Args)]
pub struct Usage {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `verify`
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub selection: Selection,
    /// Judge the layout instead, for each engine: sizes, types, names, nulls, small files; says what to change
    #[arg(long)]
    pub lint: bool,
}

/// `rebuild`
#[derive(Debug, Args)]
pub struct Rebuild {
    #[command(flatten)]
    pub selection: Selection,
}

/// `compact`
#[derive(Debug, Args)]
pub struct Compact {
    #[command(flatten)]
    pub selection: Selection,
}

/// `forget`
#[derive(Debug, Args)]
pub struct Forget {
    /// The target's name, as in `_target` of every table; it need not be in the configuration any more
    #[arg(long, value_name = "NAME")]
    pub target: String,
}

/// `catalog`
#[derive(Debug, Args)]
pub struct Catalog {
    /// The endpoint; default: the list of all
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `sandbox`
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Port on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 7070)]
    pub port: u16,
    /// Rows of each target and list endpoint
    #[arg(long, default_value_t = 20_000)]
    pub rows: u64,
    /// The same seed gives the same data everywhere
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// The key that it accepts
    #[arg(long, default_value = "sandbox-key")]
    pub key: String,
    /// Units of the workspace; 0: no limit
    #[arg(long, default_value_t = 1_000_000)]
    pub units: u64,
    /// Requests a minute; 0: no limit
    #[arg(long, default_value_t = 60)]
    pub rpm: u32,
    /// Rows a request at most, cut in silence; default: no cap
    #[arg(long, value_name = "N")]
    pub row_cap: Option<u32>,
    /// Rows that share each leading key
    #[arg(long, value_name = "N")]
    pub ties: Option<u32>,
    /// Probability that data changes between two requests
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub churn: f64,
    /// Links, domains and anchors come and go from day to day (a function of seed and date)
    #[arg(long)]
    pub living: bool,
    /// Make an assumption of paging false; may be repeated
    #[arg(long = "quirk", value_name = "NAME")]
    pub quirks: Vec<String>,
    /// Faults with their probabilities: 429=0.05,500=0.02,reset=0.02…
    #[arg(long, value_name = "SPEC", default_value = "")]
    pub faults: String,
}

/// `completions`
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}
