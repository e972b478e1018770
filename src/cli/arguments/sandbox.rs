//! Arguments of `sandbox`.

use clap::Args;

/// `sandbox`
#[derive(Debug, Args)]
pub(in crate::cli) struct SandboxArgs {
    /// Port on 127.0.0.1; 0 chooses a free one
    #[arg(long, default_value_t = 7070)]
    pub(in crate::cli) port: u16,
    /// Rows of each target and list endpoint
    #[arg(long, default_value_t = 20_000)]
    pub(in crate::cli) rows: u64,
    /// Seed of the data: the same seed gives the same data everywhere
    #[arg(long, default_value_t = 1)]
    pub(in crate::cli) seed: u64,
    /// The key that it accepts
    #[arg(long, default_value = "sandbox-key")]
    pub(in crate::cli) key: String,
    /// Units of the workspace; 0: no limit
    #[arg(long, default_value_t = 1_000_000)]
    pub(in crate::cli) units: u64,
    /// Requests a minute; 0: no limit
    #[arg(long, default_value_t = 60)]
    pub(in crate::cli) rpm: u32,
    /// Maximum number of rows in a response, truncated silently; default: no cap
    #[arg(long, value_name = "N")]
    pub(in crate::cli) row_cap: Option<u32>,
    /// Rows that share each leading sort key
    #[arg(long, value_name = "N")]
    pub(in crate::cli) ties: Option<u32>,
    /// Probability that data changes between two requests
    #[arg(long, value_name = "P", default_value_t = 0.0)]
    pub(in crate::cli) churn: f64,
    /// Links, domains and anchors appear and disappear from day to day (a function of seed and date)
    #[arg(long)]
    pub(in crate::cli) living: bool,
    /// Break an assumption of paging; may be repeated
    #[arg(long = "quirk", value_name = "NAME")]
    pub(in crate::cli) quirks: Vec<String>,
    /// Faults with their probabilities: 429=0.05,500=0.02,reset=0.02…
    #[arg(
        long,
        value_name = "SPEC",
        default_value = "",
        hide_default_value = true
    )]
    pub(in crate::cli) faults: String,
}
