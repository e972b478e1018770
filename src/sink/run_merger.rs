//! Merges several sorted runs into one: a heap of cursors, and batches that are built from their rows.

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::row::RowConverter;

use super::error::mismatched_columns;
use super::row_order::RowOrder;
use super::run_cursor::{BatchIterator, RunCursor};
use crate::error::Result;

/// Merges sorted runs into batches with the hidden digest column.
///
/// Of each run one batch is in memory, and at most as many consumed batches again.
pub(super) struct RunMerger {
    order: RowOrder,
    converter: RowConverter,
    cursors: Vec<RunCursor>,
    /// Indices into `cursors`, smallest row first: a binary heap.
    heap: Vec<usize>,
    /// Batches that the next output refers to.
    batches: Vec<RecordBatch>,
    max_batches: usize,
    /// Rows of the next output: batch and row.
    selected: Vec<(usize, usize)>,
    batch_rows: usize,
    /// The bytes of the row before; meaningless before the first.
    previous: Vec<u8>,
    num_rows: u64,
    /// Rows so far that equal the one before them in every column.
    pub num_duplicates: u64,
}

impl RunMerger {
    /// Merges these runs, in batches of at most `batch_rows` rows.
    pub fn new(order: RowOrder, sources: Vec<BatchIterator>, batch_rows: usize) -> Result<Self> {
        let converter = order.converter()?;
        let mut cursors = Vec::with_capacity(sources.len());
        let mut batches = Vec::with_capacity(sources.len());
        for source in sources {
            if let Some((mut cursor, batch)) = RunCursor::open(source, &order, &converter)? {
                cursor.batch_index = batches.len();
                batches.push(batch);
                cursors.push(cursor);
            }
        }
        let mut heap: Vec<usize> = (0..cursors.len()).collect();
        heap.sort_by(|left, right| compare(&cursors, *left, *right));
        Ok(Self {
            order,
            converter,
            max_batches: 2 * cursors.len(),
            cursors,
            heap,
            batches,
            selected: Vec::with_capacity(batch_rows),
            batch_rows: batch_rows.max(1),
            previous: Vec::new(),
            num_rows: 0,
            num_duplicates: 0,
        })
    }

    /// The next batch; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(&first) = self.heap.first() {
            let Some(cursor) = self.cursors.get_mut(first) else {
                break;
            };
            let current = cursor.current();
            if self.num_rows > 0 && current.data() == self.previous {
                self.num_duplicates += 1;
            } else {
                self.previous.clear();
                self.previous.extend_from_slice(current.data());
            }
            self.num_rows += 1;
            self.selected.push((cursor.batch_index, cursor.row));
            if !cursor.advance() {
                match cursor.next_batch(&self.order, &self.converter)? {
                    Some(batch) => {
                        cursor.batch_index = self.batches.len();
                        self.batches.push(batch);
                    }
                    None => {
                        self.heap.swap_remove(0);
                    }
                }
            }
            self.sift_down_first();
            if self.selected.len() >= self.batch_rows || self.batches.len() > self.max_batches {
                break;
            }
        }
        if self.selected.is_empty() {
            Ok(None)
        } else {
            self.build_batch().map(Some)
        }
    }

    fn build_batch(&mut self) -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged =
            interleave_record_batch(&batches, &self.selected).map_err(mismatched_columns)?;
        self.selected.clear();
        self.drop_consumed_batches();
        Ok(merged)
    }

    /// Keeps the batches that a cursor points into, and no others.
    fn drop_consumed_batches(&mut self) {
        let mut kept = Vec::with_capacity(self.heap.len());
        for index in &self.heap {
            if let Some(cursor) = self.cursors.get_mut(*index)
                && let Some(batch) = self.batches.get(cursor.batch_index)
            {
                cursor.batch_index = kept.len();
                kept.push(batch.clone());
            }
        }
        self.batches = kept;
    }

    /// Restores the heap after its first cursor moved or was removed.
    fn sift_down_first(&mut self) {
        let mut parent = 0;
        loop {
            let mut smallest = parent;
            for child in [2 * parent + 1, 2 * parent + 2] {
                if let (Some(left), Some(right)) = (self.heap.get(child), self.heap.get(smallest))
                    && compare(&self.cursors, *left, *right).is_lt()
                {
                    smallest = child;
                }
            }
            if smallest == parent {
                return;
            }
            self.heap.swap(parent, smallest);
            parent = smallest;
        }
    }
}

fn compare(cursors: &[RunCursor], left: usize, right: usize) -> std::cmp::Ordering {
    match (cursors.get(left), cursors.get(right)) {
        (Some(left), Some(right)) => left.current().cmp(&right.current()),
        _ => std::cmp::Ordering::Equal,
    }
}
