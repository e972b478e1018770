//! `compact`: small files become few.

use std::fmt::Write as _;

use super::arguments::{Compact, Globals};
use super::{ExitResult, output, test_overrides};
use crate::config::Environment;
use crate::report::format_bytes;

/// Merges what is selected, and says what came of it.
pub fn compact(globals: &Globals, command: &Compact) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let selection = super::run::selection(&command.selection)?;
    let (compacted, errors) = crate::maintain::compact::compact(config, clock, &selection)?;
    let mut text = String::new();
    for partition in &compacted {
        let (before, after) = (
            format_bytes(partition.bytes_before),
            format_bytes(partition.bytes_after),
        );
        let (from, to) = (partition.files_before, partition.files_after);
        let _ = writeln!(
            text,
            "{}  {from} files, {before} -> {to} files, {after}",
            partition.path
        );
    }
    if compacted.is_empty() && errors.0.is_empty() {
        text.push_str("nothing to do: no partition has several small files\n");
    } else {
        let _ = writeln!(text, "compacted {} partitions", compacted.len());
    }
    output::print(&text);
    if errors.0.is_empty() {
        return Ok(0);
    }
    output::eprint_text(&errors.render());
    Ok(if compacted.is_empty() { 1 } else { 3 })
}
