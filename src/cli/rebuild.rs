//! `rebuild`: partitions from saved responses, for 0 units.

use std::fmt::Write as _;

use super::arguments::{Globals, Rebuild};
use super::{ExitResult, output, test_overrides};
use crate::config::Environment;
use crate::report::{format_bytes, format_count};

/// Rebuilds what is selected, and says what came of it.
pub async fn rebuild(globals: &Globals, command: &Rebuild) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let selection = super::run::selection(&command.selection)?;
    let rebuilt = crate::maintain::rebuild::rebuild(config, clock, &selection).await?;
    let mut text = String::new();
    for partition in &rebuilt.partitions {
        let (rows, size) = (format_count(partition.rows), format_bytes(partition.bytes));
        let _ = writeln!(
            text,
            "{}  {rows} rows, {size} in {} files",
            partition.path, partition.files
        );
    }
    let (partitions, tasks) = (rebuilt.partitions.len(), format_count(rebuilt.tasks));
    let _ = writeln!(
        text,
        "rebuilt {partitions} partitions: {tasks} tasks from saved responses, 0 units"
    );
    if rebuilt.kept > 0 {
        let kept = format_count(rebuilt.kept);
        let _ = writeln!(
            text,
            "{kept} tasks kept the rows that they had: their saved responses are gone"
        );
    }
    output::print(&text);
    if rebuilt.errors.0.is_empty() {
        return Ok(0);
    }
    output::eprint_text(&rebuilt.errors.render());
    Ok(if rebuilt.partitions.is_empty() { 1 } else { 3 })
}
