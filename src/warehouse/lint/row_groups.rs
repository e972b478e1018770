//! Findings on row groups and on what their metadata lacks.

use super::finding::{LintFinding, LocatedFile, Severity, rebuild_command};
use crate::warehouse::engine::Engine;
use crate::warehouse::table::Table;

const MIB: u64 = 1 << 20;

/// `BigQuery`'s minimum for the row groups of a file that has several.
const SMALL_GROUP_BYTES: u64 = 16 * MIB;
/// `DuckDB` reads row groups in parallel: with fewer rows in each, it does little else than start.
const SMALL_GROUP_ROWS: u64 = 10_000;
/// Snowflake's maximum.
const LARGE_GROUP_BYTES: u64 = 256 * MIB;

/// Small row groups. The last one of a file holds what is left, so it does not count.
pub(super) fn small_row_groups(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let small = files.iter().find(|file| {
        let groups = file.layout.row_groups.split_last();
        let but_last = groups.map(|(_, groups)| groups).unwrap_or_default();
        but_last
            .iter()
            .any(|group| group.bytes < SMALL_GROUP_BYTES && group.rows < SMALL_GROUP_ROWS)
    })?;
    Some(LintFinding {
        severity: Severity::Slow,
        engines: vec![Engine::Bigquery, Engine::Duckdb, Engine::Athena],
        problem: format!(
            "{} has row groups of less than 10,000 rows and 16 MiB",
            small.path()
        ),
        fix: rebuild_command(table.name()),
    })
}

/// Large row groups.
pub(super) fn large_row_groups(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let large = files.iter().find(|file| {
        let groups = &file.layout.row_groups;
        groups.iter().any(|group| group.bytes > LARGE_GROUP_BYTES)
    })?;
    Some(LintFinding {
        severity: Severity::Slow,
        engines: vec![Engine::Snowflake],
        problem: format!("{} has a row group of more than 256 MiB", large.path()),
        fix: rebuild_command(table.name()),
    })
}

/// Columns without a page index.
pub(super) fn missing_page_index(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let file = files.iter().find(|file| {
        let columns = &file.layout.columns;
        file.layout.rows > 0
            && columns
                .iter()
                .any(|column| !column.has_index && column.kind.is_some())
    })?;
    Some(LintFinding {
        severity: Severity::Slow,
        engines: vec![Engine::Athena, Engine::Spark, Engine::Databricks],
        problem: format!("{} has no page index", file.path()),
        fix: rebuild_command(table.name()),
    })
}

/// Files that do not declare by which columns they are sorted.
pub(super) fn undeclared_order(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let file = files
        .iter()
        .find(|file| file.layout.rows > 0 && !file.layout.is_sorted)?;
    Some(LintFinding {
        severity: Severity::Note,
        engines: Vec::new(),
        problem: format!("{} does not declare its sort order", file.path()),
        fix: rebuild_command(table.name()),
    })
}
