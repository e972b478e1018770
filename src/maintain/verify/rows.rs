//! Compares the rows of a partition with what its manifest says of files and tasks. In memory are one batch, the digests of
//! identities, and the digests of the first and last row of each task in each file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::row::{OwnedRow, RowConverter, SortField};
use sha2::{Digest as _, Sha256};

use crate::catalog::Catalog;
use crate::error::{Error, ErrorCode, Result};
use crate::model::TaskId;
use crate::publish::partition::folder;
use crate::publish::rewrite::{RowOwners, file_folder, stretches};
use crate::sink::{IdentityCounter, read_batches};
use crate::store::TableRecord;
use crate::table::manifest::{Committed, FileEntry, PartitionState};
use crate::table::{ColumnType, RecordedColumn, is_system_table, recorded_parameters};

/// Consecutive rows of a task, up to the row that was read last.
struct TaskRange {
    position: usize,
    first: [u8; 32],
    last: OwnedRow,
}

/// One task while its partition is read.
#[derive(Default)]
struct RowCounts {
    rows: u64,
    /// Rows that equal the one before them.
    duplicates: u64,
    /// In how many ranges of the task each of these rows is first or last: equal rows of a task are consecutive, except
    /// where a file ends between them.
    edges: BTreeMap<[u8; 32], u64>,
    /// Whether all its rows were in files that have the columns of their identity.
    has_identity: bool,
}

/// Reads the files of a partition and compares them with the manifest.
pub(crate) struct PartitionReader<'a> {
    committed: &'a Committed,
    record: &'a TableRecord,
    is_system_table: bool,
    owners: RowOwners<'a>,
    parameters: Vec<String>,
    identity: &'static [String],
    identities: IdentityCounter<'a>,
    counts: Vec<RowCounts>,
    positions: BTreeMap<&'a TaskId, usize>,
    is_unreadable: bool,
}

impl<'a> PartitionReader<'a> {
    pub fn new(
        state: &'a PartitionState,
        committed: &'a Committed,
        record: &'a TableRecord,
        scratch: impl Fn() -> Result<PathBuf> + Send + 'a,
    ) -> Self {
        let identity = Catalog::embedded()
            .endpoint(&record.endpoint)
            .map_or(&[][..], |endpoint| &endpoint.identity);
        Self {
            committed,
            record,
            is_system_table: is_system_table(&state.report),
            owners: RowOwners::of(&committed.tasks),
            parameters: recorded_parameters(&committed.columns),
            identity,
            identities: IdentityCounter::new(identity, scratch),
            counts: committed
                .tasks
                .iter()
                .map(|_| RowCounts {
                    has_identity: true,
                    ..RowCounts::default()
                })
                .collect(),
            positions: committed
                .tasks
                .iter()
                .enumerate()
                .map(|(position, entry)| (&entry.task, position))
                .collect(),
            is_unreadable: false,
        }
    }

    /// Reads a file. Returns its number of rows and its problems.
    pub fn read(&mut self, path: &Path, file: &FileEntry) -> (u64, Vec<String>) {
        let mut problems = Vec::new();
        let mut found = BTreeSet::new();
        let rows = match self.try_read(path, file, &mut found, &mut problems) {
            Ok(rows) => rows,
            Err(error) => {
                self.is_unreadable = true;
                problems.push(error.one_line());
                return (0, problems);
            }
        };
        if rows != file.rows {
            problems.push(format!(
                "holds {rows} rows, the manifest says {}",
                file.rows
            ));
        }
        if !self.is_system_table {
            let named: BTreeSet<TaskId> = file.tasks.iter().cloned().collect();
            for task in named.difference(&found) {
                problems.push(format!(
                    "holds no rows of {}, the manifest says that it does",
                    self.name_of(task)
                ));
            }
            for task in found.difference(&named) {
                problems.push(format!(
                    "holds rows of {}, the manifest does not say so",
                    self.name_of(task)
                ));
            }
        }
        (rows, problems)
    }

    /// The target of a task; of one that the manifest lacks, its id.
    fn name_of(&self, task: &TaskId) -> String {
        for entry in &self.committed.tasks {
            if entry.task == *task {
                return entry.target.clone();
            }
        }
        task.to_string()
    }

    fn try_read(
        &mut self,
        path: &Path,
        file: &FileEntry,
        found: &mut BTreeSet<TaskId>,
        problems: &mut Vec<String>,
    ) -> Result<u64> {
        let batches = read_batches(path, None)?;
        let schema = batches.schema().clone();
        problems.extend(schema_problems(
            &schema,
            &self.committed.columns,
            &self.record.columns,
        ));
        let has_identity = !self.identity.is_empty()
            && self
                .identity
                .iter()
                .all(|name| schema.index_of(name).is_ok());
        let fields = schema
            .fields()
            .iter()
            .map(|field| SortField::new(field.data_type().clone()))
            .collect();
        let converter = RowConverter::new(fields).map_err(unreadable)?;
        let keys = &self.record.partition_by;
        let mut unknown: BTreeMap<String, u64> = BTreeMap::new();
        let mut misplaced: BTreeSet<String> = BTreeSet::new();
        let mut open: Option<TaskRange> = None;
        let mut rows = 0;
        for batch in batches {
            let batch = batch?;
            rows += count(batch.num_rows());
            if self.is_system_table {
                continue;
            }
            for (range, target, params) in stretches(&batch, &self.parameters)? {
                let owner = self.owners.find(&target, &params);
                let position = match owner {
                    Some(entry) => self.positions.get(&entry.task).copied(),
                    None => None,
                };
                let (Some(entry), Some(position)) = (owner, position) else {
                    let name = std::iter::once(target)
                        .chain(params.into_values())
                        .collect::<Vec<_>>()
                        .join(" ");
                    *unknown.entry(name).or_default() += count(range.len());
                    self.close_range(open.take());
                    continue;
                };
                let home = folder(keys, &entry.target, &entry.params);
                if file_folder(&file.name) != home {
                    misplaced.insert(format!("holds rows of {target}, which belong in {home}"));
                }
                found.insert(entry.task.clone());
                let part = batch.slice(range.start, range.len());
                self.add_rows(position, &part, has_identity, &converter, &mut open)?;
            }
        }
        self.close_range(open);
        problems.extend(
            unknown
                .iter()
                .map(|(name, rows)| format!("holds {rows} rows of {name}, which no task brought")),
        );
        problems.extend(misplaced);
        Ok(rows)
    }

    /// Counts consecutive rows of a task.
    fn add_rows(
        &mut self,
        position: usize,
        part: &RecordBatch,
        has_identity: bool,
        converter: &RowConverter,
        open: &mut Option<TaskRange>,
    ) -> Result<()> {
        if let Some(before) = open
            && before.position != position
        {
            self.close_range(open.take());
        }
        let encoded = converter
            .convert_columns(part.columns())
            .map_err(unreadable)?;
        let Some(counted) = self.counts.get_mut(position) else {
            return Ok(());
        };
        counted.rows += count(part.num_rows());
        counted.has_identity &= has_identity;
        let Some(end) = encoded.num_rows().checked_sub(1) else {
            return Ok(());
        };
        for row in 1..=end {
            counted.duplicates += u64::from(encoded.row(row) == encoded.row(row - 1));
        }
        let last = encoded.row(end).owned();
        match open {
            Some(open) => {
                counted.duplicates += u64::from(open.last.row() == encoded.row(0));
                open.last = last;
            }
            None => {
                *open = Some(TaskRange {
                    position,
                    first: Sha256::digest(encoded.row(0).data()).into(),
                    last,
                });
            }
        }
        if has_identity {
            self.identities
                .push(u32::try_from(position).unwrap_or(u32::MAX), part)?;
        }
        Ok(())
    }

    /// Ends the current range of a task.
    fn close_range(&mut self, open: Option<TaskRange>) {
        let Some(TaskRange {
            position,
            first,
            last,
        }) = open
        else {
            return;
        };
        let Some(counted) = self.counts.get_mut(position) else {
            return;
        };
        let last: [u8; 32] = Sha256::digest(last.row().data()).into();
        for edge in BTreeSet::from([first, last]) {
            *counted.edges.entry(edge).or_default() += 1;
        }
    }

    /// What is wrong with the tasks, as far as all files that hold their rows could be read; `damaged` could not.
    pub fn finish(self, damaged: &[String]) -> Result<Vec<(TaskId, String)>> {
        let repeats = self.identities.finish()?;
        let mut problems = Vec::new();
        let mut unread: BTreeSet<&TaskId> = BTreeSet::new();
        for file in &self.committed.files {
            if damaged.contains(&file.name) {
                unread.extend(&file.tasks);
            }
        }
        for (position, (entry, counted)) in
            self.committed.tasks.iter().zip(&self.counts).enumerate()
        {
            if self.is_unreadable || unread.contains(&entry.task) {
                continue;
            }
            let name = std::iter::once(&entry.target)
                .chain(entry.params.values())
                .cloned()
                .collect::<Vec<_>>()
                .join(" ");
            if counted.rows != entry.rows {
                let problem = format!(
                    "{name} has {} rows, the manifest says {}",
                    counted.rows, entry.rows
                );
                problems.push((entry.task.clone(), problem));
            }
            let across: u64 = counted.edges.values().map(|ranges| ranges - 1).sum();
            let duplicates = counted.duplicates + across;
            if duplicates != entry.duplicate_rows {
                let known = entry.duplicate_rows;
                let problem = format!(
                    "{name} has {duplicates} rows that repeat another, the source itself repeated {known}"
                );
                problems.push((entry.task.clone(), problem));
            }
            let identities = repeats
                .get(&u32::try_from(position).unwrap_or(u32::MAX))
                .copied()
                .unwrap_or(0);
            if let Some(known) = entry.duplicate_identities
                && counted.has_identity
                && identities > known
            {
                let columns = self.identity.join(", ");
                let problem = format!(
                    "{name} has {identities} rows that repeat another's identity ({columns}), the source itself \
                     repeated {known}"
                );
                problems.push((entry.task.clone(), problem));
            }
        }
        Ok(problems)
    }
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// A file of an earlier commit may lack columns that were added since, at the end.
fn schema_problems(
    schema: &Schema,
    manifest: &[RecordedColumn],
    record: &[RecordedColumn],
) -> Vec<String> {
    let mut problems = Vec::new();
    for (field, column) in schema.fields().iter().zip(manifest) {
        if *field.name() != column.name {
            problems.push(format!(
                "has column `{}` where the manifest says `{}`",
                field.name(),
                column.name
            ));
            return problems;
        }
        if let Some(wanted) = ColumnType::parse(&column.kind)
            && wanted.field(&column.name).data_type() != field.data_type()
        {
            let kind = field.data_type();
            problems.push(format!(
                "column `{}` is {kind} instead of {}",
                column.name, column.kind
            ));
        }
    }
    for field in schema.fields().iter().skip(manifest.len()) {
        problems.push(format!(
            "has the column `{}`, which the manifest lacks",
            field.name()
        ));
    }
    for field in schema.fields() {
        if record.iter().any(|column| column.name == *field.name()) {
            continue;
        }
        problems.push(format!(
            "has the column `{}`, which the table's record lacks",
            field.name()
        ));
    }
    problems
}

fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::new(ErrorCode::Corrupt, "its rows cannot be compared").with_source(error)
}
