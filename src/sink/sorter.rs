//! External sort of one task's rows, within a memory budget.

use std::path::PathBuf;

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::datatypes::SchemaRef;
use arrow::row::{RowConverter, Rows};

use super::cursor::Source;
use super::internal;
use super::merge::Merge;
use super::order::Order;
use super::spill::{Run, RunWriter};
use crate::error::Result;

/// Runs that are merged at a time.
const FAN_IN: usize = 8;

/// Largest budget: the text of all batches in memory must fit in one batch's 31-bit offsets.
const MAX_BUDGET_BYTES: usize = 512 << 20;

/// Rows of a batch that comes out, unless asked otherwise.
const BATCH_ROWS: usize = 8_192;

/// How much a sorter may hold and where it puts the rest.
#[derive(Debug, Clone)]
pub struct SorterOptions {
    /// Bytes of rows in memory, over which they are spilled; at most 512 MiB. One page more than this may be held.
    pub memory_bytes: usize,
    /// Directory for sorted runs, used by this sorter alone and created by the caller.
    pub scratch: PathBuf,
    /// Rows of a batch that comes out, at most.
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

/// Collects the pages of one task and hands out its rows sorted. What does not fit in memory is sorted in runs on disk,
/// which go when the sorter or its result goes.
pub struct TaskSorter {
    order: Order,
    converter: RowConverter,
    options: SorterOptions,
    batches: Vec<RecordBatch>,
    rows: Vec<Rows>,
    held_bytes: usize,
    held_rows: usize,
    num_rows: u64,
    runs: Vec<Run>,
    num_files: u64,
}

impl TaskSorter {
    /// Sorts rows of `schema` by `sort_key`, nulls first, strings bytewise; equal ones by digest.
    ///
    /// # Errors
    /// [`crate::error::Code::Internal`] if the schema lacks one of the columns or it cannot be ordered.
    pub fn new(schema: &SchemaRef, sort_key: &[String], options: SorterOptions) -> Result<Self> {
        let order = Order::new(schema, sort_key)?;
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
            held_bytes: 0,
            held_rows: 0,
            num_rows: 0,
            runs: Vec::new(),
            num_files: 0,
        })
    }

    /// Adds rows with their digests (see [`crate::model::PageKeys`]).
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if a run cannot be written; [`crate::error::Code::Internal`] if batch and digests do not fit.
    pub fn push(&mut self, batch: &RecordBatch, digests: &[u128]) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.order.attach(batch, digests)?;
        let rows = self.order.rows(&self.converter, &batch)?;
        self.held_bytes += batch.get_array_memory_size() + rows.size();
        self.held_rows += batch.num_rows();
        self.num_rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        self.batches.push(batch);
        self.rows.push(rows);
        if self.held_bytes >= self.options.memory_bytes {
            self.spill()
        } else {
            Ok(())
        }
    }

    /// Puts everything on disk, so that a sorter that waits for others holds no rows in memory.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if the run cannot be written.
    pub fn park(&mut self) -> Result<()> {
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

    /// Whether rows went to disk.
    pub fn has_spilled(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Ends the collecting; the rows come out sorted.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if runs cannot be written or read.
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
            self.merge_some(FAN_IN)?;
        }
        let merge = Merge::new(self.order.clone(), sources(&self.runs)?, batch_rows)?;
        Ok(SortedRows {
            rows: Sorted::FromRuns(Box::new(merge)),
            order: self.order,
            _runs: self.runs,
        })
    }

    /// Takes what is held, sorted, in batches of so many rows.
    fn take_sorted(&mut self, batch_rows: usize) -> SortedBatches {
        let rows = std::mem::take(&mut self.rows);
        let batches = std::mem::take(&mut self.batches);
        let mut places: Vec<(usize, usize)> = Vec::with_capacity(self.held_rows);
        for (batch, rows) in rows.iter().enumerate() {
            places.extend((0..rows.num_rows()).map(|row| (batch, row)));
        }
        self.held_bytes = 0;
        self.held_rows = 0;
        let bytes = |place: &(usize, usize)| rows.get(place.0).map(|rows| rows.row(place.1));
        // A stable sort makes use of the order that pages have already.
        places.sort_by(|left, right| bytes(left).cmp(&bytes(right)));
        let neighbours = places.iter().zip(places.iter().skip(1));
        let num_duplicates = neighbours
            .filter(|(left, right)| bytes(left) == bytes(right))
            .count();
        let num_duplicates = u64::try_from(num_duplicates).unwrap_or(u64::MAX);
        SortedBatches {
            batches,
            places,
            next: 0,
            batch_rows,
            num_duplicates,
        }
    }

    /// Writes what is held as a run.
    fn spill(&mut self) -> Result<()> {
        // In a merge, two batches of each run are held at most, with the bytes of their sort columns.
        let run_batch_bytes = self.options.memory_bytes / (4 * FAN_IN);
        let row_bytes = (self.held_bytes / self.held_rows.max(1)).max(1);
        let batch_rows = (run_batch_bytes / row_bytes).clamp(1, BATCH_ROWS);
        let mut writer = self.create_run(0)?;
        for batch in self.take_sorted(batch_rows) {
            writer.write(&batch?)?;
        }
        self.runs.push(writer.close()?);
        // Runs of one level are merged together, so that a row is written once for each level only.
        for level in 0..=self.runs.iter().map(|run| run.level).max().unwrap_or(0) {
            if self.runs.iter().filter(|run| run.level == level).count() >= FAN_IN {
                self.runs.sort_by_key(|run| run.level != level);
                self.merge_some(FAN_IN)?;
            }
        }
        Ok(())
    }

    /// Replaces the first runs by one.
    fn merge_some(&mut self, count: usize) -> Result<()> {
        let rest = self.runs.split_off(count.min(self.runs.len()));
        let merged = std::mem::replace(&mut self.runs, rest);
        let level = merged.iter().map(|run| run.level).max().unwrap_or(0) + 1;
        let batch_rows = merged_batch_rows(&merged)?;
        let mut merge = Merge::new(self.order.clone(), sources(&merged)?, batch_rows)?;
        let mut writer = self.create_run(level)?;
        while let Some(batch) = merge.next_batch()? {
            writer.write(&batch)?;
        }
        self.runs.push(writer.close()?);
        Ok(())
    }

    fn create_run(&mut self, level: u32) -> Result<RunWriter> {
        self.num_files += 1;
        let name = format!("run-{:06}.arrows", self.num_files);
        RunWriter::create(&self.options.scratch, &name, self.order.keyed(), level)
    }
}

/// Rows of a merged run's batches: as many as in those that go in, so that it takes no more room.
fn merged_batch_rows(runs: &[Run]) -> Result<usize> {
    let mut rows = BATCH_ROWS;
    for run in runs {
        if let Some(batch) = run.read()?.next() {
            rows = rows.min(batch?.num_rows());
        }
    }
    Ok(rows.max(1))
}

fn sources(runs: &[Run]) -> Result<Vec<Source>> {
    runs.iter()
        .map(|run| Ok(Box::new(run.read()?) as Source))
        .collect()
}

/// Batches in memory, read in the order of `places`.
struct SortedBatches {
    batches: Vec<RecordBatch>,
    places: Vec<(usize, usize)>,
    next: usize,
    batch_rows: usize,
    num_duplicates: u64,
}

impl Iterator for SortedBatches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = (self.next + self.batch_rows).min(self.places.len());
        let places = self
            .places
            .get(self.next..end)
            .filter(|places| !places.is_empty())?;
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let sorted = interleave_record_batch(&batches, places).map_err(internal);
        self.next = end;
        Some(sorted)
    }
}

/// The sorted rows of a task, batch by batch.
pub struct SortedRows {
    rows: Sorted,
    order: Order,
    /// Their files go when the rows are out.
    _runs: Vec<Run>,
}

enum Sorted {
    InMemory(SortedBatches),
    FromRuns(Box<Merge>),
}

impl SortedRows {
    /// Rows that equal another row of the task in every column, not counting the first of each: duplicates of the source.
    /// Known when the last batch is out.
    pub fn num_duplicates(&self) -> u64 {
        match &self.rows {
            Sorted::InMemory(batches) => batches.num_duplicates,
            Sorted::FromRuns(merge) => merge.num_duplicates,
        }
    }

    /// The schema of the batches.
    pub fn schema(&self) -> &SchemaRef {
        self.order.plain()
    }
}

impl Iterator for SortedRows {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = match &mut self.rows {
            Sorted::InMemory(batches) => batches.next(),
            Sorted::FromRuns(merge) => merge.next_batch().transpose(),
        };
        batch.map(|batch| self.order.detach(&batch?))
    }
}
