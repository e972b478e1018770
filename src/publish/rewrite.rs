//! Rows that a new generation of a partition takes over from the one before.
//!
//! A file all of whose tasks stay, in the folder where they belong, is linked: nothing is read. Any other is read through
//! once, batch by batch, and its remaining rows are rewritten in the same order, so that what it says of its order stays
//! true. No row goes that does not belong to a task that gives way, and nothing is copied from a damaged file: its damage
//! would get a checksum of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use chrono::{DateTime, NaiveDate};

use crate::error::{Error, ErrorCode, Result};
use crate::model::{RunId, TaskId};
use crate::publish::partition::folder;
use crate::sink::{PartitionWriter, TaskColumns, read_batches, read_footer};
use crate::store::{Commit, LocalFile, PartitionCommit, file_problem};
use crate::table::manifest::{Committed, FileEntry, TaskEntry};
use crate::table::{TARGET, TableSchema, parameter_column};

/// Carries over the rows of every task that is not replaced. Gives the files that were kept as they are.
pub(crate) fn keep_others(
    committing: &PartitionCommit,
    before: &Committed,
    replaced: &BTreeSet<TaskId>,
    partition_by: &[String],
    schema: &TableSchema,
    writer: &mut PartitionWriter,
) -> Result<Vec<FileEntry>> {
    let mut kept = Vec::new();
    let owners = RowOwners::of(&before.tasks);
    for file in &before.files {
        if file.rows == 0 {
            continue;
        }
        // A file that does not say whose rows it holds may hold those of anybody.
        let holds = |entry: &&TaskEntry| file.tasks.is_empty() || file.tasks.contains(&entry.task);
        let tasks: Vec<&TaskEntry> = before.tasks.iter().filter(holds).collect();
        let stays = |entry: &&TaskEntry| !replaced.contains(&entry.task);
        let is_at_home = |entry: &&TaskEntry| {
            file_folder(&file.name) == folder(partition_by, &entry.target, &entry.params)
        };
        if tasks.iter().all(stays) && tasks.iter().all(is_at_home) {
            committing.link_existing(&file.name)?;
            kept.push(file.clone());
        } else if tasks.iter().any(stays) {
            let local = whole_file(committing, file)?;
            writer.start_sorted_run(&read_footer(local.path())?.sorted_by)?;
            let from = (file, &local);
            copy_rows(
                committing.commit(),
                from,
                &owners,
                replaced,
                partition_by,
                schema,
                writer,
            )?;
        }
    }
    Ok(kept)
}

/// A committed file to copy rows from, if it is what the manifest says.
///
/// # Errors
/// [`ErrorCode::Corrupt`] if it is not.
pub(crate) fn whole_file(committing: &PartitionCommit, file: &FileEntry) -> Result<LocalFile> {
    let missing = || damaged(committing.commit(), file, "is missing");
    let local = committing.committed_file(&file.name)?.ok_or_else(missing)?;
    match file_problem(local.path(), file)? {
        Some(problem) => Err(damaged(committing.commit(), file, &problem)),
        None => Ok(local),
    }
}

fn damaged(commit: &Commit, file: &FileEntry, problem: &str) -> Error {
    let message = format!(
        "{}/{}/{} {problem}",
        commit.report, commit.partition, file.name
    );
    Error::new(ErrorCode::Corrupt, message).with_hint(format!(
        "backhaul verify --report {}   (it says what helps)",
        commit.report
    ))
}

/// Folder of a file inside its partition.
pub(crate) fn file_folder(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Whose rows a file may hold, by target and parameters.
pub(crate) struct RowOwners<'a>(BTreeMap<(&'a str, &'a BTreeMap<String, String>), &'a TaskEntry>);

impl<'a> RowOwners<'a> {
    pub fn of(tasks: impl IntoIterator<Item = &'a TaskEntry>) -> Self {
        Self(
            tasks
                .into_iter()
                .map(|entry| ((entry.target.as_str(), &entry.params), entry))
                .collect(),
        )
    }

    pub fn find(&self, target: &str, params: &BTreeMap<String, String>) -> Option<&'a TaskEntry> {
        self.0.get(&(target, params)).copied()
    }

    /// The owner of rows of a file.
    ///
    /// # Errors
    /// [`ErrorCode::Corrupt`] if the manifest names none: rows that nobody brought are neither kept nor dropped in silence.
    pub fn expect(
        &self,
        commit: &Commit,
        file: &FileEntry,
        target: &str,
        params: &BTreeMap<String, String>,
    ) -> Result<&'a TaskEntry> {
        self.find(target, params).ok_or_else(|| {
            damaged(
                commit,
                file,
                &format!("holds rows of {target} {params:?}, of which the manifest knows nothing"),
            )
        })
    }
}

/// Copies all rows of a file but those of the tasks that are replaced.
fn copy_rows(
    commit: &Commit,
    (file, local): (&FileEntry, &LocalFile),
    owners: &RowOwners<'_>,
    replaced: &BTreeSet<TaskId>,
    partition_by: &[String],
    schema: &TableSchema,
    writer: &mut PartitionWriter,
) -> Result<()> {
    let mut under_way: Option<&TaskId> = None;
    let (mut seen, mut copied) = (0_u64, 0_u64);
    for batch in read_batches(local.path(), None)? {
        let batch = batch?;
        for (range, target, params) in stretches(&batch, schema.parameters())? {
            let entry = owners.expect(commit, file, &target, &params)?;
            let rows = u64::try_from(range.len()).unwrap_or(u64::MAX);
            seen += rows;
            if replaced.contains(&entry.task) {
                continue;
            }
            if under_way != Some(&entry.task) {
                writer.begin_task(taken_over(entry, partition_by))?;
                under_way = Some(&entry.task);
            }
            copied += rows;
            writer.write(&batch.slice(range.start, range.len()))?;
        }
    }
    if seen != file.rows {
        return Err(damaged(
            commit,
            file,
            &format!("holds {seen} rows, the manifest says {}", file.rows),
        ));
    }
    tracing::debug!(file = file.name, rows = copied, "rows taken over");
    Ok(())
}

/// A task whose rows bring their own metadata columns.
pub(crate) fn taken_over(entry: &TaskEntry, partition_by: &[String]) -> TaskColumns {
    TaskColumns {
        task: entry.task.clone(),
        folder: folder(partition_by, &entry.target, &entry.params),
        target: entry.target.clone(),
        // The rows bring the columns that these would fill.
        snapshot_date: NaiveDate::default(),
        exported_at: DateTime::default(),
        run_id: RunId::default(),
        parameters: entry.params.clone(),
    }
}

/// Rows of one task that stand together, with its target and parameters.
pub(crate) type TaskRange = (Range<usize>, String, BTreeMap<String, String>);

/// A batch divided by task, by its target and those of these parameters that it has a column for.
pub(crate) fn stretches(batch: &RecordBatch, parameters: &[String]) -> Result<Vec<TaskRange>> {
    let text = |name: &str| -> Result<&StringArray> {
        let column = batch
            .column_by_name(name)
            .and_then(|column| column.as_string_opt::<i32>());
        column.ok_or_else(|| {
            Error::new(
                ErrorCode::Corrupt,
                format!("a file of the table lacks the text column `{name}`"),
            )
        })
    };
    let target = text(TARGET)?;
    let mut known = Vec::new();
    for name in parameters {
        // A file from before the parameter came has rows without it.
        if batch.column_by_name(&parameter_column(name)).is_some() {
            known.push((name, text(&parameter_column(name))?));
        }
    }
    let columns = || std::iter::once(target).chain(known.iter().map(|(_, column)| *column));
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
        let params = known
            .iter()
            .filter(|(_, column)| !column.is_null(start))
            .map(|(name, column)| ((*name).clone(), column.value(start).to_owned()))
            .collect();
        found.push((start..row, target.value(start).to_owned(), params));
        start = row;
    }
    Ok(found)
}
