//! One decoded answer.

use arrow::array::{Array as _, RecordBatch};

use super::notes::DecodeNotes;
use crate::model::PageKeys;

/// One decoded answer.
#[derive(Debug, Clone)]
pub struct Page {
    /// The report's own columns, in order; columns that only paging added are not among them.
    pub batch: RecordBatch,
    /// What paging needs.
    pub keys: PageKeys,
    /// What was unusual.
    pub notes: DecodeNotes,
}

impl Page {
    /// Bytes of its values in memory, without unused capacity.
    pub fn bytes(&self) -> usize {
        let mut bytes = 0;
        for column in self.batch.columns() {
            bytes += column.to_data().get_slice_memory_size().unwrap_or(0);
        }
        bytes
    }
}
