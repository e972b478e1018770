//! Rows of equal key, counted by digest, and what was promised of them.

use std::collections::HashMap;
use std::ops::Range;

use crate::model::{Key, PageKeys, Value};

/// Rows as a multiset of digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rows(HashMap<u128, u64>);

impl Rows {
    pub(super) fn count(digests: impl IntoIterator<Item = u128>) -> Self {
        let mut rows = Self::default();
        for digest in digests {
            *rows.0.entry(digest).or_default() += 1;
        }
        rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.0.values().sum()
    }

    /// Takes one such row away, if there is one.
    pub(super) fn take(&mut self, digest: u128) {
        if let Some(count) = self.0.get_mut(&digest) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&digest);
            }
        }
    }

    pub(super) fn add(&mut self, digest: u128) {
        *self.0.entry(digest).or_default() += 1;
    }

    /// The rows of `self` that `other` lacks.
    pub(super) fn without(mut self, other: &Self) -> Self {
        self.0.retain(|digest, count| {
            *count = count.saturating_sub(other.get(*digest));
            *count > 0
        });
        self
    }

    /// Every row that either of them shows; a row in both counts once.
    pub(super) fn union(mut self, other: &Self) -> Self {
        for (digest, count) in &other.0 {
            let mine = self.0.entry(*digest).or_default();
            *mine = (*mine).max(*count);
        }
        self
    }

    pub(super) fn get(&self, digest: u128) -> u64 {
        self.0.get(&digest).copied().unwrap_or_default()
    }

    /// Whether any of the rows of `self` occurs more often in `now` than in `before`.
    pub(super) fn any_came_back(&self, before: &Self, now: &Self) -> bool {
        self.0
            .keys()
            .any(|digest| now.get(*digest) > before.get(*digest))
    }
}

/// Rows that were seen at a key and must come again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) key: Key,
    pub(super) rows: Rows,
}

/// A group that was emitted, with a few of its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Emitted {
    pub(super) key: Key,
    pub(super) sample: Vec<u128>,
}

/// The rows of an answer that count, by key.
pub(super) struct Groups<'a> {
    keys: &'a PageKeys,
    width: usize,
    rows: &'a [usize],
    spans: Vec<Range<usize>>,
}

impl<'a> Groups<'a> {
    /// Divides `rows` of `keys` where the first `width` columns of the key change.
    pub(super) fn divide(keys: &'a PageKeys, width: usize, rows: &'a [usize]) -> Self {
        let mut spans: Vec<Range<usize>> = Vec::new();
        let mut last: Option<&[Value]> = None;
        for (place, row) in rows.iter().enumerate() {
            let key = prefix(keys.key(*row), width);
            match spans.last_mut() {
                Some(span) if last == Some(key) => span.end += 1,
                _ => spans.push(place..place + 1),
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
        self.spans
            .get(group)
            .and_then(|span| self.rows.get(span.clone()))
            .unwrap_or_default()
    }

    /// Row numbers of the first `groups` groups.
    pub(super) fn rows_of_first(&self, groups: usize) -> &'a [usize] {
        let end = groups
            .checked_sub(1)
            .and_then(|last| self.spans.get(last))
            .map_or(0, |span| span.end);
        self.rows.get(..end).unwrap_or_default()
    }

    /// Key of one group; empty beyond the last.
    pub(super) fn key(&self, group: usize) -> &'a [Value] {
        self.rows(group)
            .first()
            .map_or(&[], |row| prefix(self.keys.key(*row), self.width))
    }

    /// Key of the last group.
    pub(super) fn last_key(&self) -> Option<&'a [Value]> {
        self.spans.len().checked_sub(1).map(|last| self.key(last))
    }

    /// The rows whose key begins with `key`.
    pub(super) fn at(&self, key: &[Value]) -> Rows {
        let keys = self.keys;
        let same = self
            .rows
            .iter()
            .filter(|row| prefix(keys.key(**row), key.len()) == key);
        Rows::count(same.filter_map(|row| digest(keys, *row)))
    }

    /// One group as a promise for later answers.
    pub(super) fn group(&self, group: usize) -> Group {
        let keys = self.keys;
        Group {
            key: self.key(group).into(),
            rows: Rows::count(self.rows(group).iter().filter_map(|row| digest(keys, *row))),
        }
    }

    /// One group as it is remembered once emitted.
    pub(super) fn emitted(&self, group: usize) -> Emitted {
        const SAMPLE: usize = 4;
        let sample = self
            .rows(group)
            .iter()
            .take(SAMPLE)
            .filter_map(|row| digest(self.keys, *row))
            .collect();
        Emitted {
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
