//! Small files of a partition become few: the same rows under the same commit protocol.
//!
//! A file is small if it has less than half of the size at which files end. The small ones of a folder are written anew,
//! task by task in the order of tasks; the others are linked. If that makes no fewer files, nothing is changed.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::row::{OwnedRow, RowConverter, SortField};

use super::assemble::Opened;
use super::chosen::Chosen;
use super::progress::Progress;
use super::rewrite::{Owners, file_folder, refuse_damaged, stretches, taken_over};
use super::stage::{Stage, run_id};
use super::tables::is_of_program;
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::error::{Code, Error, Errors, Result};
use crate::plan::Selection;
use crate::sink::{PartitionWriter, file_facts, read_batches, read_rows};
use crate::store::{Committing, Store, step};
use crate::table::manifest::{Committed, FileEntry, TaskEntry};
use crate::table::{TARGET, parameter_column};

/// A partition before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Folder, from the destination's root.
    pub path: String,
    /// Files before.
    pub files_before: u64,
    /// Files after.
    pub files_after: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

/// Merges the small files of the selected partitions. Gives those that have fewer now, and what could not be merged.
///
/// # Errors
/// What keeps anything from being merged: the destination or the selection.
pub fn compact(config: RunConfig, clock: SharedClock, selection: &Selection) -> Result<(Vec<Compacted>, Errors)> {
    let config = Arc::new(config);
    // Nothing is created where there is nothing yet.
    Chosen::new(&config, &Store::at(&config.destination.path), selection)?;
    let stage =
        Stage::open(Arc::clone(&config), run_id(&clock), Vec::new(), None, clock, Arc::new(Progress::default()))?;
    let chosen = Chosen::new(&config, &stage.store, selection)?;
    let (mut compacted, mut errors) = (Vec::new(), Errors::default());
    for table in chosen.tables.iter().filter(|table| !is_of_program(table)) {
        for (partition, state) in chosen.states(table)? {
            let outcome = state.and_then(|state| {
                let is_worth_it = state.committed.is_some_and(|held| !crowds(&stage, &held).is_empty());
                if is_worth_it { compact_partition(&stage, table, &partition) } else { Ok(None) }
            });
            match outcome {
                Ok(done) => compacted.extend(done),
                Err(error) => errors.push(error.with_context("partition", format!("{table}/{partition}"))),
            }
        }
    }
    stage.close()?;
    Ok((compacted, errors))
}

/// The small files of each folder that has several.
fn crowds(stage: &Stage, committed: &Committed) -> BTreeMap<String, Vec<FileEntry>> {
    let limit = stage.config.destination.file_size_bytes;
    let mut crowds: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    for file in committed.files.iter().filter(|file| file.bytes.saturating_mul(2) < limit) {
        crowds.entry(file_folder(&file.name).to_owned()).or_default().push(file.clone());
    }
    crowds.retain(|_, files| files.len() > 1);
    crowds
}

fn compact_partition(stage: &Stage, table: &str, partition: &str) -> Result<Option<Compacted>> {
    let mut opened = Opened::recorded(stage, table, partition)?;
    let Some(before) = opened.before.clone() else { return Ok(None) };
    let crowds = crowds(stage, &before);
    let mut writer = opened.writer(stage, &before.responses_hash);
    let mut merged = 0;
    for files in crowds.values() {
        files.iter().try_for_each(|file| refuse_damaged(&opened.committing, file))?;
        merged += files.len();
        let sources = Sources::index(&opened.committing, &before.tasks, files, opened.schema.parameters())?;
        sources.write(&opened.partition_by, &mut writer)?;
    }
    for file in &before.files {
        if !crowds.values().flatten().any(|merged| merged.name == file.name) {
            opened.committing.keep(&file.name)?;
            opened.kept.push(file.clone());
        }
    }
    if opened.kept.is_empty() && !writer.has_rows() {
        return Ok(None);
    }
    writer.begin_sequence(&[])?;
    if writer.num_files() >= merged {
        tracing::debug!(table, partition, "its small files cannot be fewer");
        return Ok(None);
    }
    step("compact.written");
    let hash = before.responses_hash.clone();
    let after = opened.publish(writer, &std::collections::BTreeSet::new(), &[], hash)?;
    let number = |committed: &Committed| u64::try_from(committed.files.len()).unwrap_or(u64::MAX);
    let bytes = |committed: &Committed| committed.files.iter().map(|file| file.bytes).sum();
    Ok(Some(Compacted {
        path: format!("{table}/{partition}"),
        files_before: number(&before),
        files_after: number(&after),
        bytes_before: bytes(&before),
        bytes_after: bytes(&after),
    }))
}

/// Where the rows of a task stand: file and rows of it.
type Part = (usize, Range<usize>);

/// Files that are being merged, with the places of every task's rows in them.
struct Sources<'a> {
    committing: &'a Committing,
    files: &'a [FileEntry],
    /// What the rows will be sorted by; empty: nothing is said.
    sorted_by: Vec<String>,
    /// In the order of tasks.
    tasks: Vec<(&'a TaskEntry, Vec<Part>)>,
}

impl<'a> Sources<'a> {
    /// Finds every task's rows: only the columns that tell tasks apart are read.
    fn index(
        committing: &'a Committing,
        entries: &'a [TaskEntry],
        files: &'a [FileEntry],
        parameters: &[String],
    ) -> Result<Self> {
        let owners = Owners::of(entries);
        let names: Vec<String> =
            std::iter::once(TARGET.to_owned()).chain(parameters.iter().map(|name| parameter_column(name))).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let mut parts: BTreeMap<&str, (&TaskEntry, Vec<Part>)> = BTreeMap::new();
        let mut claims = Vec::new();
        for (index, file) in files.iter().enumerate().filter(|(_, file)| file.rows > 0) {
            let path = committing.committed_file(&file.name);
            claims.push(file_facts(&path)?.sorted_by);
            let mut first = 0;
            for batch in read_batches(&path, Some(&names))? {
                let batch = batch?;
                for (range, target, params) in stretches(&batch, parameters)? {
                    let entry = owners.expect(committing, file, &target, &params)?;
                    let rows = first + range.start..first + range.end;
                    let (_, parts) = parts.entry(&entry.task.0).or_insert_with(|| (entry, Vec::new()));
                    match parts.last_mut() {
                        Some((of, before)) if *of == index && before.end == rows.start => before.end = rows.end,
                        _ => parts.push((index, rows)),
                    }
                }
                first += batch.num_rows();
            }
        }
        let claim = claims.pop().unwrap_or_default();
        let is_common = claim.first().is_some_and(|name| name == TARGET) && claims.iter().all(|other| *other == claim);
        let sorted_by = if is_common { claim } else { Vec::new() };
        let mut sources = Self { committing, files, sorted_by, tasks: parts.into_values().collect() };
        sources.order(parameters)?;
        Ok(sources)
    }

    /// Puts the tasks in the order that the files claim, and gives the claim up where that cannot be.
    fn order(&mut self, parameters: &[String]) -> Result<()> {
        let is_parameter = |column: &&String| parameters.iter().any(|name| parameter_column(name) == **column);
        let claimed: Vec<String> = self.sorted_by.iter().skip(1).take_while(is_parameter).cloned().collect();
        let place = |entry: &TaskEntry, all: bool| {
            let is_claimed = |name: &&String| claimed.contains(&parameter_column(name));
            let first = claimed.iter().map(|column| entry.params.get(column.trim_start_matches('_')).cloned());
            let rest =
                parameters.iter().filter(|name| all && !is_claimed(name)).map(|name| entry.params.get(name).cloned());
            (entry.target.clone(), first.chain(rest).collect::<Vec<_>>())
        };
        self.tasks.sort_by_cached_key(|(entry, _)| place(entry, true));
        // Two tasks in the same place would have to be merged row by row.
        let mut places = self.tasks.iter().map(|(entry, _)| place(entry, false));
        let mut before = places.next();
        let is_unique = places.all(|place| before.replace(place.clone()) != Some(place));
        let key: Vec<String> = self.sorted_by.iter().skip(1 + claimed.len()).cloned().collect();
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
        let is_sorted = ends.iter().zip(ends.iter().skip(1)).all(|(left, right)| left.1 <= right.0);
        parts.extend(ends.into_iter().map(|(_, _, part)| part));
        Ok(is_sorted)
    }

    /// The sort columns of one row.
    fn key_of(&self, file: usize, row: Range<usize>, key: &[String]) -> Result<OwnedRow> {
        let path = self.files.get(file).map(|file| self.committing.committed_file(&file.name)).unwrap_or_default();
        let lacking = || Error::new(Code::Corrupt, "a file lacks a row or a column that it is said to be sorted by");
        let batch = read_rows(&path, None, row)?.next().ok_or_else(lacking)??;
        let columns = key.iter().map(|name| batch.column_by_name(name).cloned().ok_or_else(lacking));
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
        let internal =
            |error: arrow::error::ArrowError| Error::new(Code::Internal, "rows cannot be compared").with_source(error);
        let converter = RowConverter::new(fields).map_err(internal)?;
        let rows = converter.convert_columns(&columns).map_err(internal)?;
        rows.iter().next().map(|row| row.owned()).ok_or_else(lacking)
    }

    /// Writes all rows, task by task.
    fn write(&self, partition_by: &[String], writer: &mut PartitionWriter) -> Result<()> {
        writer.begin_sequence(&self.sorted_by)?;
        let mut written = 0_u64;
        for (entry, parts) in &self.tasks {
            writer.begin_task(taken_over(entry, partition_by))?;
            for (file, rows) in parts {
                let Some(file) = self.files.get(*file) else { continue };
                for batch in read_rows(&self.committing.committed_file(&file.name), None, rows.clone())? {
                    let batch = batch?;
                    written += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
                    writer.write(&batch)?;
                }
            }
        }
        let wanted: u64 = self.files.iter().map(|file| file.rows).sum();
        if written == wanted {
            return Ok(());
        }
        let message = format!("its small files hold {written} rows, the manifest says {wanted}");
        Err(Error::new(Code::Corrupt, message).with_next("backhaul verify   (it says what helps)"))
    }
}
