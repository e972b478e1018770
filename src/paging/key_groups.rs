//! The rows of an answer, grouped by equal key.

use std::ops::Range;

use super::row_multiset::RowMultiset;
use crate::model::{Key, PageKeys, Value};

/// Rows that were seen at a key and must be received again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KeyGroup {
    pub(super) key: Key,
    pub(super) rows: RowMultiset,
}

/// A group that was emitted, with a few of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EmittedGroup {
    pub(super) key: Key,
    pub(super) sample: Vec<u128>,
}

/// The countable rows of an answer, by key.
pub(super) struct KeyGroups<'a> {
    keys: &'a PageKeys,
    width: usize,
    rows: &'a [usize],
    /// Ranges of `rows`, one for each group.
    spans: Vec<Range<usize>>,
}

impl<'a> KeyGroups<'a> {
    /// Splits `rows` of `keys` where the first `width` columns of the key change.
    pub(super) fn split(keys: &'a PageKeys, width: usize, rows: &'a [usize]) -> Self {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut last: Option<&[Value]> = None;
        for (index, row) in rows.iter().enumerate() {
            let key = prefix(keys.key(*row), width);
            match spans.last_mut() {
                Some(span) if last == Some(key) => span.end += 1,
                _ => spans.push(index..index + 1),
            }
            last = Some(key);
        }
        Self {
            keys,
            width,
            rows,
            spans,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Row numbers of one group; empty beyond the last.
    pub(super) fn rows(&self, group: usize) -> &'a [usize] {
        match self.spans.get(group) {
            Some(span) => self.rows.get(span.clone()).unwrap_or_default(),
            None => &[],
        }
    }

    /// Row numbers of the first `num_groups` groups.
    pub(super) fn rows_of_first(&self, num_groups: usize) -> &'a [usize] {
        let Some(last) = num_groups.checked_sub(1) else {
            return &[];
        };
        match self.spans.get(last) {
            Some(span) => self.rows.get(..span.end).unwrap_or_default(),
            None => &[],
        }
    }

    /// Key of one group; empty beyond the last.
    pub(super) fn key(&self, group: usize) -> &'a [Value] {
        match self.rows(group).first() {
            Some(row) => prefix(self.keys.key(*row), self.width),
            None => &[],
        }
    }

    /// Key of the last group.
    pub(super) fn last_key(&self) -> Option<&'a [Value]> {
        let last = self.spans.len().checked_sub(1)?;
        Some(self.key(last))
    }

    /// The rows whose key begins with `key`.
    pub(super) fn rows_at(&self, key: &[Value]) -> RowMultiset {
        let mut rows = RowMultiset::default();
        for row in self.rows {
            if prefix(self.keys.key(*row), key.len()) == key
                && let Some(digest) = digest(self.keys, *row)
            {
                rows.insert(digest);
            }
        }
        rows
    }

    /// One group with all its rows, as it must be received again.
    pub(super) fn to_group(&self, group: usize) -> KeyGroup {
        let mut rows = RowMultiset::default();
        for row in self.rows(group) {
            if let Some(digest) = digest(self.keys, *row) {
                rows.insert(digest);
            }
        }
        KeyGroup {
            key: self.key(group).into(),
            rows,
        }
    }

    /// One group as it is remembered once emitted.
    pub(super) fn to_emitted_group(&self, group: usize) -> EmittedGroup {
        const SAMPLE_ROWS: usize = 4;
        let mut sample = Vec::new();
        for row in self.rows(group).iter().take(SAMPLE_ROWS) {
            sample.extend(digest(self.keys, *row));
        }
        EmittedGroup {
            key: self.key(group).into(),
            sample,
        }
    }
}

/// Digest of one row.
pub(super) fn digest(keys: &PageKeys, row: usize) -> Option<u128> {
    keys.digests.get(row).copied()
}

/// The first `width` values of a key, or all of a shorter one.
pub(super) fn prefix(key: &[Value], width: usize) -> &[Value] {
    key.get(..width).unwrap_or(key)
}
