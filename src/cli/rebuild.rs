//! `rebuild`: partitions from saved responses, for 0 units.

use std::fmt::Write as _;

use super::arguments::{Globals, RebuildArgs};
use super::configuration::load_configuration;
use super::exit::{ExitResult, report_errors};
use super::{output, test_overrides};
use crate::config::Environment;
use crate::report::{count_noun, format_bytes};

/// Rebuilds the selected partitions, and prints them.
pub(super) async fn rebuild(globals: &Globals, command: &RebuildArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = load_configuration(globals, &environment)?;
    let selection = command.selection.resolve()?;
    let rebuilt = crate::maintain::rebuild::rebuild(config, clock, &selection).await?;
    let mut text = String::new();
    let mut num_partitions = 0;
    for partition in &rebuilt.partitions {
        num_partitions += 1;
        let _ = writeln!(
            text,
            "{}  {}, {} in {}",
            partition.path,
            count_noun(partition.rows, "row"),
            format_bytes(partition.bytes),
            count_noun(partition.files, "file")
        );
    }
    let _ = writeln!(
        text,
        "rebuilt {}: {} from saved responses, 0 units",
        count_noun(num_partitions, "partition"),
        count_noun(rebuilt.tasks, "task")
    );
    if rebuilt.kept > 0 {
        let tasks = count_noun(rebuilt.kept, "task");
        let _ = writeln!(
            text,
            "{tasks} without saved responses: the existing rows stay"
        );
    }
    output::print(&text);
    Ok(report_errors(&rebuilt.errors, num_partitions > 0))
}
