//! Findings on the sizes of files.

use super::finding::{LintFinding, LocatedFile, Severity, mean_bytes};
use crate::warehouse::engine::Engine;
use crate::warehouse::table::Table;

const MIB: u64 = 1 << 20;

/// Files of a partition that are on average smaller than this cost more to open than to read.
const SMALL_FILE_BYTES: u64 = 16 * MIB;
/// Snowflake loads files of up to about this size in parallel; a larger one is loaded by one thread.
const LARGE_FILE_BYTES: u64 = 512 * MIB;

/// Partitions with several small files.
pub(super) fn small_files(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let mut first = None;
    let mut number = 0;
    for partition in files.chunk_by(|left, right| left.partition == right.partition) {
        if partition.len() > 1 && mean_bytes(partition) < SMALL_FILE_BYTES {
            number += 1;
            first = first.or(partition.first());
        }
    }
    let first = &first?.partition;
    let partitions = match number {
        1 => format!("1 partition, {first}, has"),
        _ => format!("{number} partitions, {first} for example, have"),
    };
    Some(LintFinding {
        severity: Severity::Slow,
        engines: Vec::new(),
        problem: format!("{partitions} several files that are smaller than 16 MiB on average"),
        fix: format!(
            "backhaul compact --report {}; with further keys in partition_by: remove those, then backhaul rebuild",
            table.name()
        ),
    })
}

/// Files that cannot be loaded in parallel.
pub(super) fn large_files(files: &[LocatedFile]) -> Option<LintFinding> {
    let large = files
        .iter()
        .find(|file| file.layout.bytes > LARGE_FILE_BYTES)?;
    Some(LintFinding {
        severity: Severity::Slow,
        engines: vec![Engine::Snowflake, Engine::Redshift],
        problem: format!(
            "{} is larger than 512 MiB: one file is loaded by one thread",
            large.path()
        ),
        fix: "file_size = \"128 MiB\" in [destination], then: backhaul rebuild   (0 units)"
            .to_owned(),
    })
}
