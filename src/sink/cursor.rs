//! A place in a sorted run.

use arrow::array::RecordBatch;
use arrow::row::{Row, RowConverter, Rows};

use super::order::Order;
use crate::error::Result;

/// Batches of a run, in order.
pub(super) type Source = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// A place in a sorted run: one batch of it is in memory.
pub(super) struct Cursor {
    source: Source,
    rows: Rows,
    /// Place of the batch among those that the merge holds.
    pub slot: usize,
    /// Row of the batch.
    pub row: usize,
}

impl Cursor {
    /// At the first row of a run, with its first batch; `None` for a run without rows.
    pub fn open(
        mut source: Source,
        order: &Order,
        converter: &RowConverter,
    ) -> Result<Option<(Self, RecordBatch)>> {
        let Some(batch) = next_filled(&mut source)? else {
            return Ok(None);
        };
        let rows = order.rows(converter, &batch)?;
        Ok(Some((
            Self {
                source,
                rows,
                slot: 0,
                row: 0,
            },
            batch,
        )))
    }

    /// The row's bytes.
    #[inline]
    pub fn current(&self) -> Row<'_> {
        self.rows.row(self.row)
    }

    /// Moves on. Whether the batch still has a row.
    #[inline]
    pub fn advance(&mut self) -> bool {
        self.row += 1;
        self.row < self.rows.num_rows()
    }

    /// Moves to the run's next batch and returns it; `None` at the end.
    pub fn next_batch(
        &mut self,
        order: &Order,
        converter: &RowConverter,
    ) -> Result<Option<RecordBatch>> {
        let Some(batch) = next_filled(&mut self.source)? else {
            return Ok(None);
        };
        self.rows = order.rows(converter, &batch)?;
        self.row = 0;
        Ok(Some(batch))
    }
}

fn next_filled(source: &mut Source) -> Result<Option<RecordBatch>> {
    for batch in source {
        let batch = batch?;
        if batch.num_rows() > 0 {
            return Ok(Some(batch));
        }
    }
    Ok(None)
}
