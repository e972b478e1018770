//! A 128-bit digest of each row: equal rows have equal digests, different rows have different ones but for chance.
//!
//! XXH3 over Arrow's row format, not cryptographic. No digest outlives the process: they are compared within a task, and
//! rows with equal sort keys are ordered by them. Another hash changes that order in new files and nothing else: what
//! reads files of several versions compares sort keys only.

use arrow::array::{Array as _, ArrayRef};
use arrow::error::ArrowError;
use arrow::row::{RowConverter, SortField};
use xxhash_rust::xxh3::xxh3_128;

/// Rows that are encoded at a time, so that they stay in the processor's cache.
const CHUNK_ROWS: usize = 1_024;

/// One digest for each of `num_rows` rows over these columns, in this order.
///
/// # Errors
/// An [`ArrowError`] for a type that no column of a table has: a defect.
pub fn row_digests(columns: &[ArrayRef], num_rows: usize) -> Result<Vec<u128>, ArrowError> {
    if columns.is_empty() {
        return Ok(vec![xxh3_128(&[]); num_rows]);
    }
    let fields = columns
        .iter()
        .map(|column| SortField::new(column.data_type().clone()))
        .collect();
    let converter = RowConverter::new(fields)?;
    let mut rows = converter.empty_rows(CHUNK_ROWS, 0);
    let mut digests = Vec::with_capacity(num_rows);
    for first in (0..num_rows).step_by(CHUNK_ROWS) {
        let length = CHUNK_ROWS.min(num_rows - first);
        let mut chunk = Vec::with_capacity(columns.len());
        for column in columns {
            chunk.push(column.slice(first, length));
        }
        rows.clear();
        converter.append(&mut rows, &chunk)?;
        for row in &rows {
            digests.push(xxh3_128(row.data()));
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::sync::Arc;

    use arrow::array::{Int64Array, StringArray};

    use super::*;

    fn texts(values: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(values.to_vec()))
    }

    #[test]
    fn a_hundred_thousand_near_rows_have_different_halves() {
        let values: Vec<String> = (0..100_000)
            .map(|number| format!("https://example.com/{number}"))
            .collect();
        let column: ArrayRef = Arc::new(StringArray::from(values));
        let digests = row_digests(&[column], 100_000).unwrap();
        let high: HashSet<u128> = digests.iter().map(|digest| digest >> 64).collect();
        let low: HashSet<u128> = digests.iter().map(|digest| digest << 64).collect();
        assert_eq!((high.len(), low.len()), (100_000, 100_000));
    }

    #[test]
    fn nulls_empty_texts_and_moved_borders_have_different_digests() {
        let left = texts(&[None, Some(""), Some("a"), Some("ab"), Some("a\0"), Some("")]);
        let right = texts(&[Some(""), None, Some("bc"), Some("c"), Some("bc"), Some("")]);
        let digests = row_digests(&[left, right], 6).unwrap();
        assert_eq!(digests.iter().collect::<HashSet<_>>().len(), 6);
    }

    #[test]
    fn every_bit_of_an_integer_changes_about_half_of_the_digest() {
        let values: Vec<i64> = std::iter::once(0)
            .chain((0..63).map(|bit| 1 << bit))
            .collect();
        let digests = row_digests(&[Arc::new(Int64Array::from(values))], 64).unwrap();
        for digest in &digests[1..] {
            let changed = (digest ^ digests[0]).count_ones();
            assert!((30..98).contains(&changed), "{changed} bits");
        }
    }

    #[test]
    fn a_digest_does_not_depend_on_the_rows_around_it() {
        let values: Vec<i64> = (0..3_000).collect();
        let column: ArrayRef = Arc::new(Int64Array::from(values));
        let all = row_digests(&[Arc::clone(&column)], 3_000).unwrap();
        for row in [0, 1_023, 1_024, 2_999] {
            let alone = row_digests(&[column.slice(row, 1)], 1).unwrap();
            assert_eq!(alone, [all[row]]);
        }
        assert_eq!(row_digests(&[], 3).unwrap().len(), 3);
    }
}
