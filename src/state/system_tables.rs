//! Schemas of the system tables, and the rows of `targets`.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{AsArray as _, RecordBatch};

use crate::error::Result;
use crate::sink::read_batches;
use crate::store::{Store, UNPARTITIONED};
use crate::table::{COVERAGE, ColumnType, SystemColumn, TARGETS, TableSchema};

/// A row of `targets` without its name. Fields are empty where the table does not have the target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct KnownTarget {
    /// Domain or URL.
    pub url: String,
    /// Mode, as the API spells it.
    pub mode: String,
    /// Protocol, as the API spells it.
    pub protocol: String,
    /// Labels, as a JSON object.
    pub labels: String,
}

/// The committed rows of `targets`, by name. A file that is missing or damaged is skipped: the configuration and the
/// partitions' states still name its targets.
pub(crate) fn known_targets(store: &Store) -> Result<BTreeMap<String, KnownTarget>> {
    let mut rows = BTreeMap::new();
    let Some(state) = store.partition(TARGETS, UNPARTITIONED)? else {
        return Ok(rows);
    };
    let Some(committed) = state.committed else {
        return Ok(rows);
    };
    for file in committed.files {
        let Some(local) = store.table_file(TARGETS, UNPARTITIONED, &file.name)? else {
            continue;
        };
        let batches = match read_all(local.path()) {
            Ok(batches) => batches,
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "the table of targets cannot be read and is rewritten");
                continue;
            }
        };
        for batch in batches {
            for row in 0..batch.num_rows() {
                let target = KnownTarget {
                    url: text(&batch, 1, row),
                    mode: text(&batch, 2, row),
                    protocol: text(&batch, 3, row),
                    labels: text(&batch, 4, row),
                };
                rows.insert(text(&batch, 0, row), target);
            }
        }
    }
    Ok(rows)
}

fn read_all(path: &Path) -> Result<Vec<RecordBatch>> {
    read_batches(path, None)?.collect()
}

/// A value of a text column; empty if the column is missing or of another type.
fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    let Some(column) = batch.columns().get(column) else {
        return String::new();
    };
    match column.as_string_opt::<i32>() {
        Some(column) => column.value(row).to_owned(),
        None => String::new(),
    }
}

fn column(name: &'static str, kind: ColumnType, description: &'static str) -> SystemColumn {
    SystemColumn {
        name,
        kind,
        description,
    }
}

/// The columns of `coverage`.
pub(crate) fn coverage_schema() -> TableSchema {
    TableSchema::for_system_table(
        COVERAGE,
        vec![
            column("_snapshot_date", ColumnType::Date, "the night"),
            column("report", ColumnType::Text, "the table"),
            column("target", ColumnType::Text, "name of the target"),
            column(
                "parameters",
                ColumnType::Json,
                "what else the task is about: country…",
            ),
            column(
                "status",
                ColumnType::Text,
                "complete, capped, stopped, failed, deferred or skipped",
            ),
            column(
                "reason",
                ColumnType::Text,
                "why it is not complete, for a person",
            ),
            column(
                "evidence",
                ColumnType::Json,
                "what completeness rests on, or what is missing",
            ),
            column(
                "rows",
                ColumnType::Integer,
                "rows of the task in the table now",
            ),
            column(
                "duplicate_rows",
                ColumnType::Integer,
                "of these, rows that repeat another in every column",
            ),
            column(
                "units",
                ColumnType::Integer,
                "API units that these rows cost, or that were spent so far",
            ),
            column(
                "requests",
                ColumnType::Integer,
                "requests that were answered",
            ),
            column(
                "started_at",
                ColumnType::Timestamp,
                "when the first answer was received",
            ),
            column(
                "finished_at",
                ColumnType::Timestamp,
                "when the last answer was received, or the attempt ended",
            ),
            column("run", ColumnType::Text, "the run that had the last word"),
            column(
                "task",
                ColumnType::Text,
                "the task's id: the same on every night",
            ),
        ],
        &["report", "target", "parameters"],
    )
}

/// The columns of `targets`.
pub(crate) fn targets_schema() -> TableSchema {
    TableSchema::for_system_table(
        TARGETS,
        vec![
            column(
                "target",
                ColumnType::Text,
                "name of the target, as in `_target` of every table",
            ),
            column("url", ColumnType::Text, "domain or URL that is looked up"),
            column(
                "mode",
                ColumnType::Text,
                "how much of the site is meant: exact, prefix, domain or subdomains",
            ),
            column("protocol", ColumnType::Text, "both, http or https"),
            column("labels", ColumnType::Json, "labels of the configuration"),
        ],
        &["target"],
    )
}
