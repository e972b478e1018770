//! Several sorted runs become one: a heap of cursors, and batches put together from their rows.

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use arrow::row::RowConverter;

use super::cursor::{Cursor, Source};
use super::internal;
use super::order::Order;
use crate::error::Result;

/// Merges sorted runs into batches with the hidden digest column.
///
/// Of each run one batch is in memory, and of used-up batches as many again at most.
pub(super) struct Merge {
    order: Order,
    converter: RowConverter,
    cursors: Vec<Cursor>,
    /// Indices into `cursors`, smallest row first: a binary heap.
    heap: Vec<usize>,
    /// Batches that the next output refers to.
    batches: Vec<RecordBatch>,
    max_batches: usize,
    picked: Vec<(usize, usize)>,
    batch_rows: usize,
    previous: Vec<u8>,
    has_previous: bool,
    /// Rows so far that equal the one before them in every column.
    pub num_duplicates: u64,
}

impl Merge {
    /// Of these runs, in batches of at most `batch_rows` rows.
    pub fn new(order: Order, sources: Vec<Source>, batch_rows: usize) -> Result<Self> {
        let converter = order.converter()?;
        let mut cursors = Vec::with_capacity(sources.len());
        let mut batches = Vec::with_capacity(sources.len());
        for source in sources {
            if let Some((mut cursor, batch)) = Cursor::open(source, &order, &converter)? {
                cursor.slot = batches.len();
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
            picked: Vec::with_capacity(batch_rows),
            batch_rows: batch_rows.max(1),
            previous: Vec::new(),
            has_previous: false,
            num_duplicates: 0,
        })
    }

    /// The next batch; `None` at the end.
    pub fn next_batch(&mut self) -> Result<Option<RecordBatch>> {
        while let Some(&first) = self.heap.first() {
            let Some(cursor) = self.cursors.get_mut(first) else {
                break;
            };
            let bytes = cursor.current();
            if self.has_previous && bytes.data() == self.previous {
                self.num_duplicates += 1;
            } else {
                self.previous.clear();
                self.previous.extend_from_slice(bytes.data());
                self.has_previous = true;
            }
            self.picked.push((cursor.slot, cursor.row));
            if !cursor.advance() {
                match cursor.next_batch(&self.order, &self.converter)? {
                    Some(batch) => {
                        cursor.slot = self.batches.len();
                        self.batches.push(batch);
                    }
                    None => {
                        self.heap.swap_remove(0);
                    }
                }
            }
            self.sink_first();
            if self.picked.len() >= self.batch_rows || self.batches.len() > self.max_batches {
                break;
            }
        }
        if self.picked.is_empty() {
            Ok(None)
        } else {
            self.put_together().map(Some)
        }
    }

    fn put_together(&mut self) -> Result<RecordBatch> {
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let merged = interleave_record_batch(&batches, &self.picked).map_err(internal)?;
        self.picked.clear();
        self.forget_used_batches();
        Ok(merged)
    }

    /// Keeps the batches that a cursor stands in, and no others.
    fn forget_used_batches(&mut self) {
        let mut kept = Vec::with_capacity(self.heap.len());
        for place in &self.heap {
            if let Some(cursor) = self.cursors.get_mut(*place)
                && let Some(batch) = self.batches.get(cursor.slot)
            {
                cursor.slot = kept.len();
                kept.push(batch.clone());
            }
        }
        self.batches = kept;
    }

    /// Restores the heap after its first cursor moved on or left.
    fn sink_first(&mut self) {
        let mut place = 0;
        loop {
            let mut smallest = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if let (Some(left), Some(right)) = (self.heap.get(child), self.heap.get(smallest))
                    && compare(&self.cursors, *left, *right).is_lt()
                {
                    smallest = child;
                }
            }
            if smallest == place {
                return;
            }
            self.heap.swap(place, smallest);
            place = smallest;
        }
    }
}

fn compare(cursors: &[Cursor], left: usize, right: usize) -> std::cmp::Ordering {
    match (cursors.get(left), cursors.get(right)) {
        (Some(left), Some(right)) => left.current().cmp(&right.current()),
        _ => std::cmp::Ordering::Equal,
    }
}
