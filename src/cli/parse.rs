//! Parses the command line.

use std::ffi::OsString;

use clap::{CommandFactory as _, FromArgMatches as _};

use super::arguments::Arguments;
use crate::error::{Error, ErrorCode, Result};

/// The result of parsing.
pub(super) enum Parsed {
    /// A command.
    Command(Box<Arguments>),
    /// Help or version, to be printed.
    Text(String),
}

/// Parses arguments; the first is the program's name.
///
/// # Errors
/// [`ErrorCode::Usage`].
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Parsed> {
    let parsed = Arguments::command()
        .try_get_matches_from(arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    match parsed {
        Ok(arguments) => Ok(Parsed::Command(Box::new(arguments))),
        Err(error) if error.use_stderr() => Err(usage_error(&error)),
        Err(help) => Ok(Parsed::Text(help.render().to_string())),
    }
}

/// An error of the parser in the form of every other error.
fn usage_error(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(str::trim);
    let first = paragraphs.next().unwrap_or_default();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let lines: Vec<&str> = first.lines().map(str::trim).collect();
    let usage_error = Error::new(ErrorCode::Usage, lines.join(" ")).with_hint("backhaul --help");
    for paragraph in paragraphs {
        if let Some(tip) = paragraph.strip_prefix("tip: ") {
            return usage_error.with_context("tip", tip.trim());
        }
    }
    usage_error
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn parse_words(words: &[&str]) -> Result<Parsed> {
        parse(words.iter().map(OsString::from))
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn an_error_of_the_parser_has_the_form_of_every_error() {
        let Err(error) = parse_words(&["backhaul", "rum"]) else {
            panic!("`rum` is not a command");
        };
        let text = error.render();
        assert!(
            text.starts_with("error[BH-USAGE]: unrecognized subcommand 'rum'"),
            "{text}"
        );
        assert!(
            text.contains("tip: a similar subcommand exists: 'run'"),
            "{text}"
        );
        assert!(
            text.ends_with("cost: 0 units, nothing was sent\n"),
            "{text}"
        );
    }

    #[test]
    fn global_flags_are_accepted_after_the_command_too() {
        let words = ["backhaul", "check", "--offline", "-c", "x.toml", "-v"];
        let Ok(Parsed::Command(arguments)) = parse_words(&words) else {
            panic!("a command");
        };
        assert_eq!(arguments.globals.config, PathBuf::from("x.toml"));
        assert_eq!(arguments.globals.verbose, 1);
    }
}
