//! `compact`: merges small files.

use std::fmt::Write as _;

use super::arguments::{CompactArgs, Globals};
use super::configuration::load_configuration;
use super::exit::{ExitResult, report_errors};
use super::{output, test_overrides};
use crate::config::Environment;
use crate::report::{count_noun, format_bytes};

/// Merges the files of the selected partitions, and prints what changed.
pub(super) fn compact(globals: &Globals, command: &CompactArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = load_configuration(globals, &environment)?;
    let selection = command.selection.resolve()?;
    let (compacted, errors) = crate::maintain::compact::compact(config, clock, &selection)?;
    let mut text = String::new();
    let mut num_partitions = 0;
    for partition in &compacted {
        num_partitions += 1;
        let _ = writeln!(
            text,
            "{}  {}, {} -> {}, {}",
            partition.path,
            count_noun(partition.files_before, "file"),
            format_bytes(partition.bytes_before),
            count_noun(partition.files_after, "file"),
            format_bytes(partition.bytes_after)
        );
    }
    if compacted.is_empty() && errors.0.is_empty() {
        text.push_str("nothing to compact: no partition has several small files\n");
    } else {
        let partitions = count_noun(num_partitions, "partition");
        let _ = writeln!(text, "compacted {partitions}");
    }
    output::print(&text);
    Ok(report_errors(&errors, num_partitions > 0))
}
