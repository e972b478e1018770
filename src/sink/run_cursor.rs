//! A position in a sorted run.

use arrow::array::RecordBatch;
use arrow::row::{Row, RowConverter, Rows};

use super::row_order::RowOrder;
use crate::error::Result;

/// Batches of a run, in order.
pub(super) type BatchIterator = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A position in a sorted run, of which one batch is in memory.
pub(super) struct RunCursor {
    source: BatchIterator,
    rows: Rows,
    /// Index of the batch among those that the merger holds.
    pub batch_index: usize,
    /// Row of the batch, from 0.
    pub row: usize,
}

impl RunCursor {
    /// Starts at the first row of a run. Returns its first batch as well; `None` for a run without rows.
    pub fn open(
        mut source: BatchIterator,
        order: &RowOrder,
        converter: &RowConverter,
    ) -> Result<Option<(Self, RecordBatch)>> {
        let Some(batch) = next_batch_with_rows(&mut source)? else {
            return Ok(None);
        };
        let rows = order.rows(converter, &batch)?;
        Ok(Some((
            Self {
                source,
                rows,
                batch_index: 0,
                row: 0,
            },
            batch,
        )))
    }

    /// The bytes of the current row.
    #[inline]
    pub fn current(&self) -> Row<'_> {
        self.rows.row(self.row)
    }

    /// Moves to the next row. Returns whether the batch has one.
    #[inline]
    pub fn advance(&mut self) -> bool {
        self.row += 1;
        self.row < self.rows.num_rows()
    }

    /// Moves to the run's next batch and returns it; `None` at the end.
    pub fn next_batch(
        &mut self,
        order: &RowOrder,
        converter: &RowConverter,
    ) -> Result<Option<RecordBatch>> {
        let Some(batch) = next_batch_with_rows(&mut self.source)? else {
            return Ok(None);
        };
        self.rows = order.rows(converter, &batch)?;
        self.row = 0;
        Ok(Some(batch))
    }
}

fn next_batch_with_rows(source: &mut BatchIterator) -> Result<Option<RecordBatch>> {
    for batch in source {
        let batch = batch?;
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}
