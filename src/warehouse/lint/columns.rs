//! Findings on columns: names, types, columns that are missing or null.

use std::collections::BTreeSet;

use super::finding::{LintFinding, LocatedFile, Severity};
use crate::table::TableColumn;
use crate::warehouse::engine::Engine;
use crate::warehouse::table::Table;

/// Prefixes of names that `BigQuery` reserves.
const BIGQUERY_PREFIXES: [&str; 7] = [
    "_TABLE_",
    "_FILE_",
    "_PARTITION",
    "_ROW_TIMESTAMP",
    "__ROOT__",
    "_COLIDENTIFIER",
    "_CHANGE_",
];

/// Names that differ only in case: only `ClickHouse` distinguishes them.
pub(super) fn duplicate_names(table: &Table) -> Vec<LintFinding> {
    let mut engines = Engine::ALL.to_vec();
    engines.retain(|engine| *engine != Engine::Clickhouse);
    let mut findings = Vec::new();
    let mut seen = BTreeSet::new();
    for column in table.columns() {
        let name = &column.name;
        if !seen.insert(name.to_ascii_lowercase()) {
            findings.push(LintFinding {
                severity: Severity::Broken,
                engines: engines.clone(),
                problem: format!("two columns have the name `{name}`, except for case"),
                fix: remove_column(name),
            });
        }
    }
    findings
}

/// Names that `BigQuery` refuses.
pub(super) fn reserved_names(table: &Table) -> Vec<LintFinding> {
    let mut findings = Vec::new();
    for column in table.columns() {
        let name = &column.name;
        let upper = name.to_ascii_uppercase();
        let is_reserved = BIGQUERY_PREFIXES
            .iter()
            .any(|prefix| upper.starts_with(prefix));
        if is_reserved || name.contains('.') {
            findings.push(LintFinding {
                severity: Severity::Broken,
                engines: vec![Engine::Bigquery],
                problem: format!("BigQuery reserves names like `{name}`"),
                fix: remove_column(name),
            });
        }
    }
    findings
}

/// A column with the name of the folders' key.
pub(super) fn partition_key_clash(table: &Table) -> Option<LintFinding> {
    let (key, _) = table.folder_key()?;
    let column = table
        .columns()
        .iter()
        .find(|column| column.name.eq_ignore_ascii_case(key))?;
    Some(LintFinding {
        severity: Severity::Broken,
        engines: Vec::new(),
        problem: format!(
            "the partition key `{key}` is also the column `{}`",
            column.name
        ),
        fix: "remove the column and give the report a new name: readers see only one of the two"
            .to_owned(),
    })
}

/// Columns of types that this program does not write.
pub(super) fn unknown_types(files: &[LocatedFile]) -> Vec<LintFinding> {
    let mut findings = BTreeSet::new();
    for file in files {
        for column in &file.layout.columns {
            if column.kind.is_some() {
                continue;
            }
            findings.insert(LintFinding {
                severity: Severity::Broken,
                engines: Vec::new(),
                problem: format!(
                    "the column `{}` of {} is {}, which not every engine can read",
                    column.name,
                    file.path(),
                    column.spelled
                ),
                fix: "backhaul verify, then: backhaul rebuild   (0 units)".to_owned(),
            });
        }
    }
    findings.into_iter().collect()
}

/// Files from before a column was added lack it: engines that take the columns of the first file for all miss it, or refuse.
pub(super) fn missing_columns(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    let mut older = Vec::new();
    for file in files {
        let written = file.layout.columns.iter().map(|column| &column.name);
        let wanted = table.columns().iter().map(|column| &column.name);
        if !written.eq(wanted) {
            older.push(file);
        }
    }
    let (first, last) = (older.first()?, older.last()?);
    Some(LintFinding {
        severity: Severity::Slow,
        engines: vec![
            Engine::Duckdb,
            Engine::Spark,
            Engine::Databricks,
            Engine::Bigquery,
        ],
        problem: format!(
            "{} of {} files, from {} to {}, have fewer columns than the table now: to read the folder, DuckDB needs \
             union_by_name, Spark mergeSchema, and BigQuery the explicit schema that `load` prints",
            older.len(),
            files.len(),
            first.partition,
            last.partition
        ),
        fix: format!(
            "backhaul rebuild --report {}   (0 units, where the responses are still saved)",
            table.name()
        ),
    })
}

/// Columns that are null in every row of every file: they cost units for no information.
pub(super) fn null_columns(table: &Table, files: &[LocatedFile]) -> Option<LintFinding> {
    if table.is_system_table() || files.iter().all(|file| file.layout.rows == 0) {
        return None;
    }
    let (mut names, mut exclusions) = (Vec::new(), Vec::new());
    let mut units = 0;
    for column in table.columns() {
        if !column.is_metadata && is_all_null(column, files) {
            names.push(format!("`{}`", column.name));
            exclusions.push(format!("\"-{}\"", column.name));
            units += column.units;
        }
    }
    if names.is_empty() {
        return None;
    }
    let cost = match units {
        0 => String::new(),
        1 => ", at a cost of 1 unit a row".to_owned(),
        _ => format!(", at a cost of {units} units a row"),
    };
    Some(LintFinding {
        severity: Severity::Note,
        engines: Vec::new(),
        problem: format!("null in every row{cost}: {}", names.join(", ")),
        fix: format!(
            "if they are not needed: add {} to the report's `columns`",
            exclusions.join(", ")
        ),
    })
}

fn is_all_null(wanted: &TableColumn, files: &[LocatedFile]) -> bool {
    for file in files {
        if file.layout.rows == 0 {
            continue;
        }
        for column in &file.layout.columns {
            if column.name == wanted.name && !column.is_all_null {
                return false;
            }
        }
    }
    true
}

fn remove_column(name: &str) -> String {
    format!(
        "remove the column: columns = [\"standard\", \"-{name}\"], and give the report a new name"
    )
}
