//! The rows of a partition against what its manifest says of files and tasks. One batch is in memory, with the digests of
//! identities and of the first and last row of each task in each file.

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

/// A task's rows that stand together, up to the row that was read last.
struct TaskRange {
    place: usize,
    first: [u8; 32],
    last: OwnedRow,
}

/// One task while its partition is read.
#[derive(Default)]
struct RowCounts {
    rows: u64,
    /// Rows that equal the one before them.
    duplicates: u64,
    /// In how many stretches of the task each of these rows stands first or last: equal rows of a task stand together, but
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
    tallies: Vec<RowCounts>,
    places: BTreeMap<&'a TaskId, usize>,
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
            tallies: committed
                .tasks
                .iter()
                .map(|_| RowCounts {
                    has_identity: true,
                    ..RowCounts::default()
                })
                .collect(),
            places: committed
                .tasks
                .iter()
                .enumerate()
                .map(|(place, entry)| (&entry.task, place))
                .collect(),
            is_unreadable: false,
        }
    }

    /// Reads a file. Gives its rows and what is wrong with it.
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
            let name = |task: &TaskId| {
                let place = self
                    .places
                    .get(task)
                    .and_then(|place| self.committed.tasks.get(*place));
                place.map_or_else(|| task.to_string(), |entry| entry.target.clone())
            };
            for task in named.difference(&found) {
                problems.push(format!(
                    "holds no rows of {}, the manifest says that it does",
                    name(task)
                ));
            }
            for task in found.difference(&named) {
                problems.push(format!(
                    "holds rows of {}, the manifest does not say so",
                    name(task)
                ));
            }
        }
        (rows, problems)
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
                let Some((place, entry)) =
                    owner.and_then(|entry| Some((*self.places.get(&entry.task)?, entry)))
                else {
                    let name = std::iter::once(target)
                        .chain(params.into_values())
                        .collect::<Vec<_>>()
                        .join(" ");
                    *unknown.entry(name).or_default() += count(range.len());
                    self.close(open.take());
                    continue;
                };
                let home = folder(keys, &entry.target, &entry.params);
                if file_folder(&file.name) != home {
                    misplaced.insert(format!("holds rows of {target}, which belong in {home}"));
                }
                found.insert(entry.task.clone());
                let part = batch.slice(range.start, range.len());
                self.take(place, &part, has_identity, &converter, &mut open)?;
            }
        }
        self.close(open);
        problems.extend(
            unknown
                .iter()
                .map(|(name, rows)| format!("holds {rows} rows of {name}, which no task brought")),
        );
        problems.extend(misplaced);
        Ok(rows)
    }

    /// Counts rows of a task that stand together.
    fn take(
        &mut self,
        place: usize,
        part: &RecordBatch,
        has_identity: bool,
        converter: &RowConverter,
        open: &mut Option<TaskRange>,
    ) -> Result<()> {
        if open.as_ref().is_some_and(|before| before.place != place) {
            self.close(open.take());
        }
        let encoded = converter
            .convert_columns(part.columns())
            .map_err(unreadable)?;
        let Some(tally) = self.tallies.get_mut(place) else {
            return Ok(());
        };
        tally.rows += count(part.num_rows());
        tally.has_identity &= has_identity;
        let Some(end) = encoded.num_rows().checked_sub(1) else {
            return Ok(());
        };
        for row in 1..=end {
            tally.duplicates += u64::from(encoded.row(row) == encoded.row(row - 1));
        }
        let last = encoded.row(end).owned();
        match open {
            Some(open) => {
                tally.duplicates += u64::from(open.last.row() == encoded.row(0));
                open.last = last;
            }
            None => {
                *open = Some(TaskRange {
                    place,
                    first: Sha256::digest(encoded.row(0).data()).into(),
                    last,
                });
            }
        }
        if has_identity {
            self.identities
                .push(u32::try_from(place).unwrap_or(u32::MAX), part)?;
        }
        Ok(())
    }

    /// Ends the stretch of a task.
    fn close(&mut self, open: Option<TaskRange>) {
        let Some(TaskRange { place, first, last }) = open else {
            return;
        };
        let Some(tally) = self.tallies.get_mut(place) else {
            return;
        };
        let last: [u8; 32] = Sha256::digest(last.row().data()).into();
        for edge in BTreeSet::from([first, last]) {
            *tally.edges.entry(edge).or_default() += 1;
        }
    }

    /// What is wrong with the tasks, as far as all files that hold their rows could be read; `damaged` could not.
    pub fn finish(self, damaged: &[String]) -> Result<Vec<(TaskId, String)>> {
        let repeats = self.identities.finish()?;
        let mut problems = Vec::new();
        let unread: BTreeSet<&TaskId> = self
            .committed
            .files
            .iter()
            .filter(|file| damaged.contains(&file.name))
            .flat_map(|file| &file.tasks)
            .collect();
        for (place, (entry, tally)) in self.committed.tasks.iter().zip(&self.tallies).enumerate() {
            if self.is_unreadable || unread.contains(&entry.task) {
                continue;
            }
            let mut found = |problem: String| problems.push((entry.task.clone(), problem));
            let name = std::iter::once(&entry.target)
                .chain(entry.params.values())
                .cloned()
                .collect::<Vec<_>>()
                .join(" ");
            if tally.rows != entry.rows {
                found(format!(
                    "{name} has {} rows, the manifest says {}",
                    tally.rows, entry.rows
                ));
            }
            let across: u64 = tally.edges.values().map(|stretches| stretches - 1).sum();
            let duplicates = tally.duplicates + across;
            if duplicates != entry.duplicate_rows {
                let known = entry.duplicate_rows;
                found(format!(
                    "{name} has {duplicates} rows that repeat another, the source itself repeated {known}"
                ));
            }
            let identities = repeats
                .get(&u32::try_from(place).unwrap_or(u32::MAX))
                .copied()
                .unwrap_or(0);
            if let Some(known) = entry
                .duplicate_identities
                .filter(|known| tally.has_identity && identities > *known)
            {
                let columns = self.identity.join(", ");
                found(format!(
                    "{name} has {identities} rows that repeat another's identity ({columns}), the source itself \
                     repeated {known}"
                ));
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
        let wanted = ColumnType::parse(&column.kind).map(|kind| kind.field(&column.name));
        if wanted.is_some_and(|wanted| wanted.data_type() != field.data_type()) {
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
    for field in schema
        .fields()
        .iter()
        .filter(|field| !record.iter().any(|column| column.name == *field.name()))
    {
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
