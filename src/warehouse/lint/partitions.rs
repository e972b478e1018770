//! Findings on the number of partitions and files.

use std::collections::BTreeSet;

use super::finding::{LintFinding, LocatedFile, Severity, mean_bytes};
use crate::warehouse::engine::Engine;
use crate::warehouse::table::{PartitionScheme, Table};

const KIB: u64 = 1 << 10;

/// Partitions that a table of `BigQuery` may have.
const BIGQUERY_PARTITIONS_MAX: usize = 10_000;
/// More files of a table than this are slow to list, if they are small too.
const MANY_FILES: usize = 1_000;
/// Files that are on average smaller than this are many for what they hold.
const TINY_FILE_BYTES: u64 = 256 * KIB;

/// More nights than `BigQuery` takes.
pub(super) fn too_many_partitions(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let names: BTreeSet<&str> = files.iter().map(|file| file.partition.as_str()).collect();
    if names.len() <= BIGQUERY_PARTITIONS_MAX || *table.scheme() != PartitionScheme::SnapshotDates {
        return None;
    }
    Some(LintFinding {
        severity: Severity::Broken,
        engines: vec![Engine::Bigquery],
        problem: format!(
            "{} nights, and a table of BigQuery can have 10,000 partitions",
            names.len()
        ),
        fix: "give the report a new name from now on".to_owned(),
    })
}

/// Many tiny files.
pub(super) fn too_many_files(files: &[LocatedFile]) -> Option<LintFinding> {
    let mean = mean_bytes(files);
    if files.len() <= MANY_FILES || mean >= TINY_FILE_BYTES {
        return None;
    }
    Some(LintFinding {
        severity: Severity::Slow,
        engines: Vec::new(),
        problem: format!(
            "{} files with {} KiB on average: listing and opening them takes longer than reading",
            files.len(),
            mean / KIB
        ),
        fix: "load copies instead of reading the folder (backhaul load ENGINE), or fetch it less often: every = \"week\""
            .to_owned(),
    })
}
