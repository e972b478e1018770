//! Committed rows that are rewritten, task by task: where each task's rows stand in the files, and in which order they
//! are to be written so that what is said of their order stays true.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow::row::{OwnedRow, RowConverter, SortField};

use crate::error::{Error, ErrorCode, Result};
use crate::publish::rewrite::{RowOwners, stretches, taken_over};
use crate::sink::{PartitionWriter, read_batches, read_footer, read_rows};
use crate::store::{Commit, LocalFile};
use crate::table::manifest::{FileEntry, TaskEntry};
use crate::table::{TARGET, parameter_column};

/// Where the rows of a task stand: file and rows of it.
pub(crate) type Part = (usize, Range<usize>);

/// Files that are being merged, with the places of every task's rows in them.
pub(crate) struct TaskRowIndex {
    files: Vec<(FileEntry, LocalFile)>,
    /// What the rows will be sorted by; empty: nothing is said.
    pub sorted_by: Vec<String>,
    /// In the order of tasks.
    pub tasks: Vec<(TaskEntry, Vec<Part>)>,
}

impl TaskRowIndex {
    /// Finds every task's rows: only the columns that tell tasks apart are read.
    pub fn index(
        commit: &Commit,
        entries: &[TaskEntry],
        files: Vec<(FileEntry, LocalFile)>,
        parameters: &[String],
    ) -> Result<Self> {
        let owners = RowOwners::of(entries);
        let names: Vec<String> = std::iter::once(TARGET.to_owned())
            .chain(parameters.iter().map(|name| parameter_column(name)))
            .collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut parts: BTreeMap<&str, (&TaskEntry, Vec<Part>)> = BTreeMap::new();
        let mut claims = Vec::new();
        for (index, (file, local)) in files
            .iter()
            .enumerate()
            .filter(|(_, (file, _))| file.rows > 0)
        {
            claims.push(read_footer(local.path())?.sorted_by);
            let mut first = 0;
            for batch in read_batches(local.path(), Some(&names))? {
                let batch = batch?;
                for (range, target, params) in stretches(&batch, parameters)? {
                    let entry = owners.expect(commit, file, &target, &params)?;
                    let rows = first + range.start..first + range.end;
                    let (_, parts) = parts
                        .entry(entry.task.as_str())
                        .or_insert_with(|| (entry, Vec::new()));
                    match parts.last_mut() {
                        Some((of, before)) if *of == index && before.end == rows.start => {
                            before.end = rows.end;
                        }
                        _ => parts.push((index, rows)),
                    }
                }
                first += batch.num_rows();
            }
        }
        let claim = claims.pop().unwrap_or_default();
        let is_common = claim.first().is_some_and(|name| name == TARGET)
            && claims.iter().all(|other| *other == claim);
        let sorted_by = if is_common { claim } else { Vec::new() };
        let tasks = parts
            .into_values()
            .map(|(entry, parts)| (entry.clone(), parts))
            .collect();
        let mut sources = Self {
            files,
            sorted_by,
            tasks,
        };
        sources.order(parameters)?;
        Ok(sources)
    }

    /// Puts the tasks in the order that the files claim, and gives the claim up where that cannot be.
    fn order(&mut self, parameters: &[String]) -> Result<()> {
        let is_parameter = |column: &&String| {
            parameters
                .iter()
                .any(|name| parameter_column(name) == **column)
        };
        let claimed: Vec<String> = self
            .sorted_by
            .iter()
            .skip(1)
            .take_while(is_parameter)
            .cloned()
            .collect();
        let place = |entry: &TaskEntry, all: bool| {
            let is_claimed = |name: &&String| claimed.contains(&parameter_column(name));
            let first = claimed
                .iter()
                .map(|column| entry.params.get(column.trim_start_matches('_')).cloned());
            let rest = parameters
                .iter()
                .filter(|name| all && !is_claimed(name))
                .map(|name| entry.params.get(name).cloned());
            (entry.target.clone(), first.chain(rest).collect::<Vec<_>>())
        };
        self.tasks
            .sort_by_cached_key(|(entry, _)| place(entry, true));
        // Two tasks in the same place would have to be merged row by row.
        let mut places = self.tasks.iter().map(|(entry, _)| place(entry, false));
        let mut before = places.next();
        let is_unique = places.all(|place| before.replace(place.clone()) != Some(place));
        let key: Vec<String> = self
            .sorted_by
            .iter()
            .skip(1 + claimed.len())
            .cloned()
            .collect();
        let mut is_sorted = is_unique && !self.sorted_by.is_empty();
        let mut tasks = std::mem::take(&mut self.tasks);
        for (_, parts) in tasks.iter_mut().filter(|(_, parts)| parts.len() > 1) {
            is_sorted = is_sorted && !key.is_empty() && self.order_parts(parts, &key)?;
        }
        self.tasks = tasks;
        if !is_sorted {
            self.sorted_by.clear();
        }
        Ok(())
    }

    /// Puts the parts of a task that was divided between files in the order of its rows; says whether they do not overlap.
    fn order_parts(&self, parts: &mut Vec<Part>, key: &[String]) -> Result<bool> {
        let mut ends = Vec::with_capacity(parts.len());
        for (file, rows) in parts.drain(..) {
            let last = rows.end.saturating_sub(1)..rows.end;
            let first = self.key_of(file, rows.start..rows.start + 1, key)?;
            ends.push((first, self.key_of(file, last, key)?, (file, rows)));
        }
        ends.sort_by(|left, right| left.0.cmp(&right.0).then_with(|| left.1.cmp(&right.1)));
        let is_sorted = ends
            .iter()
            .zip(ends.iter().skip(1))
            .all(|(left, right)| left.1 <= right.0);
        parts.extend(ends.into_iter().map(|(_, _, part)| part));
        Ok(is_sorted)
    }

    /// The sort columns of one row.
    fn key_of(&self, file: usize, row: Range<usize>, key: &[String]) -> Result<OwnedRow> {
        let lacking = || {
            Error::new(
                ErrorCode::Corrupt,
                "a file lacks a row or a column that it is said to be sorted by",
            )
        };
        let (_, local) = self.files.get(file).ok_or_else(lacking)?;
        let batch = read_rows(local.path(), None, row)?
            .next()
            .ok_or_else(lacking)??;
        let columns = key
            .iter()
            .map(|name| batch.column_by_name(name).cloned().ok_or_else(lacking));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let fields = columns
            .iter()
            .map(|column| SortField::new(column.data_type().clone()))
            .collect();
        let internal = |error: arrow::error::ArrowError| {
            Error::new(ErrorCode::Internal, "rows cannot be compared").with_source(error)
        };
        let converter = RowConverter::new(fields).map_err(internal)?;
        let rows = converter.convert_columns(&columns).map_err(internal)?;
        rows.iter()
            .next()
            .map(|row| row.owned())
            .ok_or_else(lacking)
    }

    /// Writes all rows, task by task.
    pub fn write(&self, partition_by: &[String], writer: &mut PartitionWriter) -> Result<()> {
        writer.start_sorted_run(&self.sorted_by)?;
        let mut written = 0_u64;
        for place in 0..self.tasks.len() {
            written += self.write_task(place, partition_by, writer)?;
        }
        let wanted: u64 = self.files.iter().map(|(file, _)| file.rows).sum();
        if written == wanted {
            Ok(())
        } else {
            Err(miscounted(written, wanted))
        }
    }

    /// Writes the rows of one task, by its place among them. Gives their number.
    pub fn write_task(
        &self,
        place: usize,
        partition_by: &[String],
        writer: &mut PartitionWriter,
    ) -> Result<u64> {
        let Some((entry, parts)) = self.tasks.get(place) else {
            return Ok(0);
        };
        writer.begin_task(taken_over(entry, partition_by))?;
        let mut written = 0;
        for (file, rows) in parts {
            let Some((_, local)) = self.files.get(*file) else {
                continue;
            };
            for batch in read_rows(local.path(), None, rows.clone())? {
                let batch = batch?;
                written += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
                writer.write(&batch)?;
            }
        }
        Ok(written)
    }
}

/// The error of rows that are taken over and are not as many as the manifest says.
pub(crate) fn miscounted(written: u64, wanted: u64) -> Error {
    let message = format!(
        "the files that rows are taken over from hold {written}, the manifest says {wanted}"
    );
    Error::new(ErrorCode::Corrupt, message).with_hint("backhaul verify   (it says what helps)")
}
