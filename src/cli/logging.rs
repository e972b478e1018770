//! Logs on stderr: lines of text, or one JSON object a line.

use std::io::IsTerminal as _;

use tracing::level_filters::LevelFilter;

use super::arguments::{Color, Globals, LogFormat};

/// Sets up the log for the whole process.
pub(super) fn start(globals: &Globals) {
    let level = match (globals.quiet, globals.verbose) {
        (true, _) => LevelFilter::ERROR,
        (false, 0) => LevelFilter::WARN,
        (false, 1) => LevelFilter::INFO,
        (false, _) => LevelFilter::DEBUG,
    };
    let ansi = match globals.color {
        Color::Auto => std::io::stderr().is_terminal(),
        Color::Always => true,
        Color::Never => false,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(level)
        .with_ansi(ansi);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = match globals.log_format {
        LogFormat::Text => subscriber.with_target(false).try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
}
