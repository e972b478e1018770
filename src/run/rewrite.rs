//! Rows that a new generation of a partition takes over from the one before.
//!
//! A file all of whose tasks stay, in the folder where they belong, is linked: nothing is read. Any other is read through
//! once, batch by batch, and its remaining rows are written anew in the same order.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use chrono::{DateTime, NaiveDate};

use super::assemble::folder;
use crate::error::{Code, Error, Result};
use crate::model::TaskId;
use crate::sink::{PartitionWriter, TaskColumns, read_batches};
use crate::store::Committing;
use crate::table::manifest::{Committed, FileEntry, TaskEntry};
use crate::table::{TARGET, TableSchema, parameter_column};

/// Carries over the rows of every task that is not replaced. Gives the files that were kept as they are.
pub(super) fn keep_others(
    committing: &Committing,
    before: &Committed,
    replaced: &BTreeSet<TaskId>,
    partition_by: &[String],
    schema: &TableSchema,
    writer: &mut PartitionWriter,
) -> Result<Vec<FileEntry>> {
    let mut kept = Vec::new();
    for file in &before.files {
        if file.rows == 0 {
            continue;
        }
        let tasks: Vec<&TaskEntry> = before.tasks.iter().filter(|entry| file.tasks.contains(&entry.task)).collect();
        let stays = |entry: &&TaskEntry| !replaced.contains(&entry.task);
        let is_at_home =
            |entry: &&TaskEntry| file_folder(&file.name) == folder(partition_by, &entry.target, &entry.params);
        if tasks.iter().all(stays) && tasks.iter().all(is_at_home) {
            committing.keep(&file.name)?;
            kept.push(file.clone());
        } else if tasks.iter().any(stays) {
            writer.begin_sequence()?;
            let left: Vec<&TaskEntry> = tasks.into_iter().filter(stays).collect();
            copy_rows(committing, file, &left, partition_by, schema, writer)?;
        }
    }
    Ok(kept)
}

/// Folder of a file inside its partition.
fn file_folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Copies the rows of these tasks out of a file.
fn copy_rows(
    committing: &Committing,
    file: &FileEntry,
    tasks: &[&TaskEntry],
    partition_by: &[String],
    schema: &TableSchema,
    writer: &mut PartitionWriter,
) -> Result<()> {
    let by_place: BTreeMap<(&str, &BTreeMap<String, String>), &TaskEntry> =
        tasks.iter().map(|entry| ((entry.target.as_str(), &entry.params), *entry)).collect();
    let mut under_way: Option<&TaskId> = None;
    let mut rows = 0_u64;
    for batch in read_batches(&committing.committed_file(&file.name), None)? {
        let batch = batch?;
        for (range, target, params) in stretches(&batch, schema)? {
            let Some(entry) = by_place.get(&(target.as_str(), &params)).copied() else { continue };
            if under_way != Some(&entry.task) {
                writer.begin_task(TaskColumns {
                    task: entry.task.clone(),
                    folder: folder(partition_by, &target, &params),
                    target: entry.target.clone(),
                    // The rows bring the columns that these would fill.
                    snapshot_date: NaiveDate::default(),
                    exported_at: DateTime::default(),
                    run_id: String::new(),
                    parameters: entry.params.clone(),
                })?;
                under_way = Some(&entry.task);
            }
            rows += u64::try_from(range.len()).unwrap_or(u64::MAX);
            writer.write(&batch.slice(range.start, range.len()))?;
        }
    }
    tracing::debug!(file = file.name, rows, "rows taken over");
    Ok(())
}

/// Rows of one task that stand together, with its target and parameters.
pub(super) type Stretch = (Range<usize>, String, BTreeMap<String, String>);

/// A batch divided by task.
pub(super) fn stretches(batch: &RecordBatch, schema: &TableSchema) -> Result<Vec<Stretch>> {
    let text = |name: &str| {
        let column = batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        column.ok_or_else(|| Error::new(Code::Corrupt, format!("a file of the table lacks the column `{name}`")))
    };
    let target = text(TARGET)?;
    let mut parameters = Vec::new();
    for name in schema.parameters() {
        // A file from before the parameter came has rows without it.
        if batch.column_by_name(&parameter_column(name)).is_some() {
            parameters.push((name, text(&parameter_column(name))?));
        }
    }
    let columns = || std::iter::once(target).chain(parameters.iter().map(|(_, column)| *column));
    let same = |left: usize, right: usize| {
        columns().all(|column| {
            column.is_null(left) == column.is_null(right)
                && (column.is_null(left) || column.value(left) == column.value(right))
        })
    };
    let mut found = Vec::new();
    let mut start = 0;
    for row in 1..=batch.num_rows() {
        if row < batch.num_rows() && same(row - 1, row) {
            continue;
        }
        let params = parameters
            .iter()
            .filter(|(_, column)| !column.is_null(start))
            .map(|(name, column)| ((*name).clone(), column.value(start).to_owned()))
            .collect();
        found.push((start..row, target.value(start).to_owned(), params));
        start = row;
    }
    Ok(found)
}
