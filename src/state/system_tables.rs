//! The tables that the program fills itself, as they are read.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;

use crate::error::Result;
use crate::sink::read_batches;
use crate::store::{Store, UNPARTITIONED};
use crate::table::{COVERAGE, ColumnType, SystemColumn, TARGETS, TableSchema};

/// The rows of `targets` as readers see them now. Of a file that is missing or damaged nothing is known: the configuration
/// and the partitions' states still name the targets.
pub(crate) fn known_targets(store: &Store) -> Result<BTreeMap<String, [String; 4]>> {
    let mut rows = BTreeMap::new();
    let committed = store
        .partition(TARGETS, UNPARTITIONED)?
        .and_then(|state| state.committed);
    for file in committed.into_iter().flat_map(|committed| committed.files) {
        let Some(local) = store.table_file(TARGETS, UNPARTITIONED, &file.name)? else {
            continue;
        };
        let batches = match read_batches(local.path(), None)
            .and_then(Iterator::collect::<Result<Vec<_>>>)
        {
            Ok(batches) => batches,
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "the table of targets cannot be read and is written anew");
                continue;
            }
        };
        for batch in batches {
            for row in 0..batch.num_rows() {
                let text = |index: usize| {
                    let column = batch
                        .columns()
                        .get(index)
                        .and_then(|column| column.as_string_opt::<i32>());
                    column
                        .map(|column| column.value(row).to_owned())
                        .unwrap_or_default()
                };
                rows.insert(text(0), [text(1), text(2), text(3), text(4)]);
            }
        }
    }
    Ok(rows)
}

/// The columns of `coverage`.
pub(crate) fn coverage_schema() -> TableSchema {
    let column = |name, kind, description| SystemColumn {
        name,
        kind,
        description,
    };
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
    let column = |name, kind, description| SystemColumn {
        name,
        kind,
        description,
    };
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
