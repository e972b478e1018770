//! The keys and digests of the rows of a response.

use super::value::Value;

/// What paging needs of a response: the key of each row, in the order received, and a digest of the row's report columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageKeys {
    /// How many columns a key has.
    pub width: usize,
    /// The keys, one after the other: `width` values a row. Empty where `width` is 0.
    pub values: Vec<Value>,
    /// One digest a row, over the values of the report's own columns (never of columns that only paging added), so that
    /// equal rows have equal digests whatever key columns their request selected.
    pub digests: Vec<u128>,
}

impl PageKeys {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether the response had no row.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Key of one row; empty beyond the last row.
    pub fn key(&self, row: usize) -> &[Value] {
        let start = row * self.width;
        self.values
            .get(start..start + self.width)
            .unwrap_or_default()
    }
}
