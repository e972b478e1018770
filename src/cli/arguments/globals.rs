//! Flags of every command.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::DEFAULT_FILE;

/// Flags of every command.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct Globals {
    /// The configuration
    #[arg(short, long, help_heading = "Global options", global = true, value_name = "FILE", env = "BACKHAUL_CONFIG", default_value = DEFAULT_FILE)]
    pub(in crate::cli) config: PathBuf,
    /// Log more to stderr; repeat for debug messages
    #[arg(short, long, help_heading = "Global options", global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(in crate::cli) verbose: u8,
    /// Print only errors to stderr
    #[arg(short, long, help_heading = "Global options", global = true)]
    pub(in crate::cli) quiet: bool,
    /// Format of the log on stderr
    #[arg(long, help_heading = "Global options", global = true, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub(in crate::cli) log_format: LogFormat,
    /// Colors on stderr
    #[arg(long, help_heading = "Global options", global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(in crate::cli) color: Color,
}

/// Format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum LogFormat {
    /// Lines of text
    Text,
    /// One JSON object a line
    Json,
}

/// When to color.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
