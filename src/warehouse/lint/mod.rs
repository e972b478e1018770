//! Whether a committed table is laid out well for each engine, and what to change where it is not.

mod columns;
mod files;
mod finding;
mod partitions;
mod row_groups;
#[cfg(test)]
mod tests;

pub use finding::{LintFinding, LocatedFile, Severity};

use super::table::Table;

/// Checks a table by the layout of its files. The most severe findings come first.
pub fn lint_table(table: &Table, files: &[LocatedFile]) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    findings.extend(columns::duplicate_names(table));
    findings.extend(columns::reserved_names(table));
    findings.extend(columns::partition_key_clash(table));
    findings.extend(columns::unknown_types(files));
    findings.extend(columns::missing_columns(table, files));
    findings.extend(columns::null_columns(table, files));
    findings.extend(files::small_files(table, files));
    findings.extend(files::large_files(files));
    findings.extend(row_groups::small_row_groups(table, files));
    findings.extend(row_groups::large_row_groups(table, files));
    findings.extend(row_groups::missing_page_index(table, files));
    findings.extend(row_groups::undeclared_order(table, files));
    findings.extend(partitions::too_many_partitions(table, files));
    findings.extend(partitions::too_many_files(files));
    findings.sort();
    findings
}
