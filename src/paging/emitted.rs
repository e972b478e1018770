//! Which rows of an answer are exported.

use std::ops::Range;

/// Which rows of the answer are exported now. All others were exported before, or will be received again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmittedRows {
    /// Ranges of row numbers, ascending and disjoint.
    pub ranges: Vec<Range<usize>>,
}

impl EmittedRows {
    /// The rows of these numbers, which ascend.
    pub(super) fn from_rows(rows: impl IntoIterator<Item = usize>) -> Self {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match ranges.last_mut() {
                Some(range) if range.end == row => range.end += 1,
                _ => ranges.push(row..row + 1),
            }
        }
        Self { ranges }
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }
}

/// A number of rows as it is counted over all answers.
pub(super) fn row_count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
