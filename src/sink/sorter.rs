//! External sort of one task's rows, within a memory budget.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{Row, RowConverter, Rows};

use super::error::mismatched_columns;
use super::row_order::RowOrder;
use super::run_cursor::BatchIterator;
use super::run_merger::RunMerger;
use super::spilled_run::{RunWriter, SpilledRun};
use crate::error::Result;

/// Runs that are merged at a time.
const FAN_IN: usize = 8;

/// Largest budget: the text of all batches in memory must fit in one batch's 31-bit offsets.
const MAX_BUDGET_BYTES: usize = 512 << 20;

/// Rows of an output batch, by default.
const BATCH_ROWS: usize = 8_192;

/// How much a sorter may hold in memory and where it puts the rest.
#[derive(Debug, Clone)]
pub struct SorterOptions {
    /// Bytes of rows in memory, over which they are spilled; at most 512 MiB. One page more than this may be held.
    pub memory_bytes: usize,
    /// Directory for sorted runs, used by this sorter alone and created by the caller.
    pub scratch: PathBuf,
    /// Most rows of an output batch.
    pub batch_rows: usize,
}

impl SorterOptions {
    /// 64 MiB and batches of 8,192 rows.
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self {
            memory_bytes: 64 << 20,
            scratch: scratch.into(),
            batch_rows: BATCH_ROWS,
        }
    }
}

/// Collects the pages of one task and returns its rows sorted. What does not fit in memory is sorted in runs on disk, which
/// are deleted when the sorter or its result is dropped.
pub struct TaskSorter {
    order: RowOrder,
    converter: RowConverter,
    options: SorterOptions,
    batches: Vec<RecordBatch>,
    rows: Vec<Rows>,
    buffered_bytes: usize,
    buffered_rows: usize,
    num_rows: u64,
    runs: Vec<SpilledRun>,
    /// Run files that were created, also those that were merged since.
    num_files: u64,
}

impl TaskSorter {
    /// Sorts rows of `schema` by `sort_key`, nulls first, strings bytewise; equal ones by digest.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Internal`] if the schema lacks one of the columns or it cannot be ordered.
    pub fn new(schema: &SchemaRef, sort_key: &[String], options: SorterOptions) -> Result<Self> {
        let order = RowOrder::new(schema, sort_key)?;
        let memory_bytes = options.memory_bytes.clamp(1, MAX_BUDGET_BYTES);
        Ok(Self {
            converter: order.converter()?,
            order,
            options: SorterOptions {
                memory_bytes,
                ..options
            },
            batches: Vec::new(),
            rows: Vec::new(),
            buffered_bytes: 0,
            buffered_rows: 0,
            num_rows: 0,
            runs: Vec::new(),
            num_files: 0,
        })
    }

    /// Adds rows with their digests (see [`crate::model::PageKeys`]).
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if a run cannot be written; [`crate::error::ErrorCode::Internal`] if batch and digests do not fit.
    pub fn push(&mut self, batch: &RecordBatch, digests: &[u128]) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.order.with_digests(batch, digests)?;
        let rows = self.order.rows(&self.converter, &batch)?;
        self.buffered_bytes += batch.get_array_memory_size() + rows.size();
        self.buffered_rows += batch.num_rows();
        self.num_rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.batches.push(batch);
        self.rows.push(rows);
        if self.buffered_bytes >= self.options.memory_bytes {
            self.spill()
        } else {
            Ok(())
        }
    }

    /// Writes all rows to disk, so that a sorter that waits for other tasks holds none in memory.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the run cannot be written.
    pub fn spill_all(&mut self) -> Result<()> {
        if self.batches.is_empty() {
            Ok(())
        } else {
            self.spill()
        }
    }

    /// Rows so far.
    pub fn num_rows(&self) -> u64 {
        self.num_rows
    }

    /// Ends the input and returns the rows sorted.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if runs cannot be written or read.
    pub fn finish(mut self) -> Result<SortedRows> {
        let batch_rows = self.options.batch_rows.max(1);
        if self.runs.is_empty() {
            let rows = Sorted::InMemory(self.take_sorted(batch_rows));
            return Ok(SortedRows {
                rows,
                order: self.order,
                _runs: Vec::new(),
            });
        }
        if !self.batches.is_empty() {
            self.spill()?;
        }
        while self.runs.len() > FAN_IN {
            self.merge_first_runs()?;
        }
        let merger = RunMerger::new(self.order.clone(), read_all(&self.runs)?, batch_rows)?;
        Ok(SortedRows {
            rows: Sorted::FromRuns(Box::new(merger)),
            order: self.order,
            _runs: self.runs,
        })
    }

    /// Takes what is in memory, sorted, in batches of so many rows.
    fn take_sorted(&mut self, batch_rows: usize) -> SortedBatches {
        let rows = std::mem::take(&mut self.rows);
        let batches = std::mem::take(&mut self.batches);
        let mut positions: Vec<(usize, usize)> = Vec::with_capacity(self.buffered_rows);
        for (batch, rows) in rows.iter().enumerate() {
            positions.extend((0..rows.num_rows()).map(|row| (batch, row)));
        }
        self.buffered_bytes = 0;
        self.buffered_rows = 0;
        // A stable sort makes use of the order that pages have already.
        positions.sort_by(|left, right| row_at(&rows, *left).cmp(&row_at(&rows, *right)));
        let mut num_duplicates = 0;
        for pair in positions.windows(2) {
            if let [left, right] = pair
                && row_at(&rows, *left) == row_at(&rows, *right)
            {
                num_duplicates += 1;
            }
        }
        SortedBatches {
            batches,
            positions,
            next: 0,
            batch_rows,
            num_duplicates,
        }
    }

    /// Writes what is in memory as a run.
    fn spill(&mut self) -> Result<()> {
        // A merge holds at most two batches of each run, with the bytes of their sort columns.
        let run_batch_bytes = self.options.memory_bytes / (4 * FAN_IN);
        let row_bytes = (self.buffered_bytes / self.buffered_rows.max(1)).max(1);
        let batch_rows = (run_batch_bytes / row_bytes).clamp(1, BATCH_ROWS);
        let mut writer = self.create_run(0)?;
        for batch in self.take_sorted(batch_rows) {
            writer.write(&batch?)?;
        }
        self.runs.push(writer.close()?);
        // Runs of one level are merged together, so that a row is written once for each level only.
        for level in 0..=highest_level(&self.runs) {
            if self.runs.iter().filter(|run| run.level == level).count() >= FAN_IN {
                self.runs.sort_by_key(|run| run.level != level);
                self.merge_first_runs()?;
            }
        }
        Ok(())
    }

    /// Replaces the first [`FAN_IN`] runs by one.
    fn merge_first_runs(&mut self) -> Result<()> {
        let rest = self.runs.split_off(FAN_IN.min(self.runs.len()));
        let merged = std::mem::replace(&mut self.runs, rest);
        let level = highest_level(&merged) + 1;
        let batch_rows = merged_batch_rows(&merged)?;
        let mut merger = RunMerger::new(self.order.clone(), read_all(&merged)?, batch_rows)?;
        let mut writer = self.create_run(level)?;
        while let Some(batch) = merger.next_batch()? {
            writer.write(&batch)?;
        }
        self.runs.push(writer.close()?);
        Ok(())
    }

    fn create_run(&mut self, level: u32) -> Result<RunWriter> {
        self.num_files += 1;
        let name = format!("run-{:06}.arrows", self.num_files);
        let schema = self.order.digested_schema();
        RunWriter::create(&self.options.scratch, &name, schema, level)
    }
}

/// The bytes of a row in memory, by batch and row.
fn row_at(rows: &[Rows], (batch, row): (usize, usize)) -> Option<Row<'_>> {
    Some(rows.get(batch)?.row(row))
}

fn highest_level(runs: &[SpilledRun]) -> u32 {
    runs.iter().map(|run| run.level).max().unwrap_or(0)
}

/// Rows of a merged run's batches: as many as in those of its sources, so that it takes no more memory.
fn merged_batch_rows(runs: &[SpilledRun]) -> Result<usize> {
    let mut rows = BATCH_ROWS;
    for run in runs {
        if let Some(batch) = run.read()?.next() {
            rows = rows.min(batch?.num_rows());
        }
    }
    Ok(rows.max(1))
}

fn read_all(runs: &[SpilledRun]) -> Result<Vec<BatchIterator>> {
    let mut sources: Vec<BatchIterator> = Vec::with_capacity(runs.len());
    for run in runs {
        sources.push(Box::new(run.read()?));
    }
    Ok(sources)
}

/// Batches in memory, returned in the order of `positions`.
struct SortedBatches {
    batches: Vec<RecordBatch>,
    /// Batch and row of each row.
    positions: Vec<(usize, usize)>,
    next: usize,
    batch_rows: usize,
    num_duplicates: u64,
}

impl Iterator for SortedBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = (self.next + self.batch_rows).min(self.positions.len());
        let positions = self.positions.get(self.next..end)?;
        if positions.is_empty() {
            return None;
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let sorted = interleave_record_batch(&batches, positions).map_err(mismatched_columns);
        self.next = end;
        Some(sorted)
    }
}

/// The sorted rows of a task, batch by batch.
pub struct SortedRows {
    rows: Sorted,
    order: RowOrder,
    /// Their files are deleted with the rows.
    _runs: Vec<SpilledRun>,
}

enum Sorted {
    InMemory(SortedBatches),
    FromRuns(Box<RunMerger>),
}

impl SortedRows {
    /// Rows that equal another row of the task in every column, not counting the first of each: duplicates of the source.
    /// Known once the last batch was returned.
    pub fn num_duplicates(&self) -> u64 {
        match &self.rows {
            Sorted::InMemory(batches) => batches.num_duplicates,
            Sorted::FromRuns(merger) => merger.num_duplicates,
        }
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        self.order.schema()
    }
}

impl Iterator for SortedRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match &mut self.rows {
            Sorted::InMemory(batches) => batches.next(),
            Sorted::FromRuns(merger) => merger.next_batch().transpose(),
        };
        batch.map(|batch| self.order.without_digests(&batch?))
    }
}
