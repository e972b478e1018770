//! Rows as a multiset of their digests: equal rows are counted, not told apart.

use std::collections::HashMap;

/// Rows as a multiset of digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct RowMultiset(HashMap<u128, u64>);

impl RowMultiset {
    pub(super) fn from_digests(digests: impl IntoIterator<Item = u128>) -> Self {
        let mut rows = Self::default();
        for digest in digests {
            rows.insert(digest);
        }
        rows
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        self.0.values().sum()
    }

    pub(super) fn insert(&mut self, digest: u128) {
        *self.0.entry(digest).or_default() += 1;
    }

    /// Removes one such row, if there is one.
    pub(super) fn remove(&mut self, digest: u128) {
        if let Some(count) = self.0.get_mut(&digest) {
            *count -= 1;
            if *count == 0 {
                self.0.remove(&digest);
            }
        }
    }

    /// The rows of `self` that `other` lacks.
    pub(super) fn without(mut self, other: &Self) -> Self {
        self.0.retain(|digest, count| {
            *count = count.saturating_sub(other.count_of(*digest));
            *count > 0
        });
        self
    }

    /// Every row of either multiset; a row in both counts once.
    pub(super) fn union(mut self, other: &Self) -> Self {
        for (digest, count) in &other.0 {
            let own = self.0.entry(*digest).or_default();
            *own = (*own).max(*count);
        }
        self
    }

    pub(super) fn count_of(&self, digest: u128) -> u64 {
        self.0.get(&digest).copied().unwrap_or_default()
    }

    /// Whether any of the rows of `self` occurs more often in `now` than in `before`.
    pub(super) fn any_reappeared(&self, before: &Self, now: &Self) -> bool {
        self.0
            .keys()
            .any(|digest| now.count_of(*digest) > before.count_of(*digest))
    }
}
