//! A range of the source: which rows belong to it, how far it has been read, and the filter that requests the rest.
//!
//! Ranges are disjoint: they differ in which key columns are null. A range whose [`Nulls`] are unknown is requested
//! without a bound only, so no comparison can hide a row with a null.

use std::collections::VecDeque;

use super::error::{PagingError, format_key};
use super::key_groups::{EmittedGroup, KeyGroup, prefix};
use super::url_length::url_bytes;
use crate::filter::{Filter, at_least};
use crate::model::Value;

/// How many emitted groups are remembered for rechecks.
pub(super) const REMEMBERED_GROUPS: usize = 3;

/// What is known of nulls in the columns of K.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Nothing yet.
    Unknown,
    /// No column has one.
    Absent,
    /// The columns of the key have none, by filter; those that may be appended may have some.
    OnlyInSpare,
}

/// One range and how far it has been read.
#[derive(Debug, Clone)]
pub(super) struct KeyRange {
    /// Columns of the order.
    pub(super) key: Vec<String>,
    /// Columns of K that may be appended.
    pub(super) spare: VecDeque<String>,
    /// Columns that are null in every row of the range.
    pub(super) null: Vec<String>,
    /// Columns that the filter requires to be not null.
    pub(super) not_null: Vec<String>,
    pub(super) nulls: Nulls,
    /// The group with which the next answer must begin, with the rows of it that were seen.
    pub(super) held: Option<KeyGroup>,
    /// Groups that were held under a shorter key; their rows must be emitted before the reading passes that key.
    pub(super) held_prefixes: Vec<KeyGroup>,
    /// The last emitted groups, newest last.
    pub(super) emitted: VecDeque<EmittedGroup>,
}

/// The lower bound of a request and the filter that expresses it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bound {
    pub(super) filter: Option<Filter>,
    pub(super) values: Vec<Value>,
}

impl KeyRange {
    pub(super) fn new(key: Vec<String>, spare: VecDeque<String>) -> Self {
        Self {
            key,
            spare,
            null: Vec::new(),
            not_null: Vec::new(),
            nulls: Nulls::Unknown,
            held: None,
            held_prefixes: Vec::new(),
            emitted: VecDeque::new(),
        }
    }

    /// Key columns first, then those that must be null, so that answers show whether the filter was applied.
    pub(super) fn key_columns(&self) -> Vec<String> {
        [self.key.as_slice(), self.null.as_slice()].concat()
    }

    /// The key's columns as messages name them.
    pub(super) fn columns(&self) -> String {
        format!("({})", self.key.join(", "))
    }

    /// Key of the last emitted group.
    pub(super) fn last_emitted_key(&self) -> Option<&[Value]> {
        self.emitted.back().map(|emitted| emitted.key.as_ref())
    }

    pub(super) fn remember(&mut self, emitted: EmittedGroup) {
        self.emitted.push_back(emitted);
        while self.emitted.len() > REMEMBERED_GROUPS {
            self.emitted.pop_front();
        }
    }

    /// Holds the last group of an answer, with the rows of the same group that were held before.
    pub(super) fn hold(&mut self, mut group: KeyGroup) {
        if let Some(held) = self.held.take()
            && held.key == group.key
        {
            group.rows = group.rows.union(&held.rows);
        }
        self.held = Some(group);
    }

    /// Key columns that may have nulls as far as the filter goes.
    pub(super) fn undecided_columns(&self) -> Vec<String> {
        let mut columns = self.key.clone();
        columns.retain(|column| !self.not_null.contains(column));
        columns
    }

    /// The range's filter from `bound` on; an empty bound is none.
    pub(super) fn filter(&self, base: Option<&Filter>, bound: &[Value]) -> Option<Filter> {
        let mut parts = Vec::new();
        parts.extend(base.cloned());
        for column in &self.null {
            parts.push(Filter::IsNull(column.clone()));
        }
        for column in &self.not_null {
            let is_null = Filter::IsNull(column.clone());
            parts.push(Filter::Not(Box::new(is_null)));
        }
        parts.extend(at_least(&self.key, bound));
        if parts.len() > 1 {
            Some(Filter::And(parts))
        } else {
            parts.pop()
        }
    }

    /// Filter and bound of the next page. Where the held key is too long for a URL, the shortest separator replaces it:
    /// greater than every emitted key, not greater than the held one.
    pub(super) fn next_bound(
        &self,
        base: Option<&Filter>,
        available: usize,
    ) -> Result<Bound, PagingError> {
        let held: &[Value] = match self.held.as_ref().or(self.held_prefixes.last()) {
            Some(group) => &group.key,
            None => &[],
        };
        // Nothing was emitted: an open range requests the same rows and cannot exclude one by mistake.
        let Some(last_emitted) = self.last_emitted_key() else {
            return self.bound_from(base, Vec::new(), available);
        };
        let error = match self.bound_from(base, held.to_vec(), available) {
            Ok(bound) => return Ok(bound),
            Err(error) => error,
        };
        match separator(last_emitted, held) {
            Some(shorter) => self.bound_from(base, shorter, available),
            None => Err(error),
        }
    }

    /// The filter from `values` on.
    ///
    /// # Errors
    /// [`PagingError::UrlTooLong`] if it does not fit into `available` bytes of URL.
    pub(super) fn bound_from(
        &self,
        base: Option<&Filter>,
        values: Vec<Value>,
        available: usize,
    ) -> Result<Bound, PagingError> {
        let filter = self.filter(base, &values);
        let needed = url_bytes(filter.as_ref(), &self.key, &self.key_columns());
        if needed > available {
            return Err(PagingError::UrlTooLong {
                columns: self.columns(),
                value: format_key(&values),
                needed,
                available,
            });
        }
        Ok(Bound { filter, values })
    }

    /// Splits the range by the nulls of its key columns. `self` keeps the rows without any; the others are returned.
    pub(super) fn split_by_nulls(&mut self) -> Vec<Self> {
        let undecided = self.undecided_columns();
        let mut others = Vec::new();
        for (index, column) in undecided.iter().enumerate() {
            let mut key = self.key.clone();
            key.retain(|other| other != column);
            let mut other = Self::new(key, self.spare.clone());
            other.null.clone_from(&self.null);
            other.null.push(column.clone());
            other.not_null.clone_from(&self.not_null);
            other.not_null.extend(undecided.iter().take(index).cloned());
            others.push(other);
        }
        self.not_null.extend(undecided);
        self.nulls = Nulls::OnlyInSpare;
        if self.emitted.is_empty() {
            // What was held may have a null in a column that was not visible then: read it again.
            self.held = None;
            self.held_prefixes.clear();
        }
        others
    }
}

/// The shortest key `b` with `low < b <= high` that is a prefix of `high`, its last string cut short.
fn separator(low: &[Value], high: &[Value]) -> Option<Vec<Value>> {
    let index = common_prefix_len(low, high);
    let (low, high_value) = (low.get(index)?, high.get(index)?);
    let mut key = prefix(high, index + 1).to_vec();
    if let (Value::Text(low), Value::Text(high)) = (low, high_value) {
        let common = common_prefix_len(low.as_bytes(), high.as_bytes());
        let end = (common + 1..=high.len()).find(|end| high.is_char_boundary(*end))?;
        *key.last_mut()? = Value::Text(high.get(..end)?.into());
    }
    Some(key)
}

fn common_prefix_len<T: PartialEq>(left: &[T], right: &[T]) -> usize {
    let mut len = 0;
    while left.get(len).is_some() && left.get(len) == right.get(len) {
        len += 1;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Value {
        Value::Text(value.into())
    }

    #[test]
    fn a_separator_is_above_the_emitted_key_and_not_above_the_held_one() {
        let low = [Value::Int(3), text("https://é/aaaa")];
        let high = [Value::Int(3), text("https://é/abcdefgh"), text("rest")];
        let found = separator(&low, &high).unwrap();
        assert_eq!(found, [Value::Int(3), text("https://é/ab")]);
        assert!(low.as_slice() < found.as_slice() && found.as_slice() <= high.as_slice());
    }

    #[test]
    fn a_separator_cuts_strings_between_characters_only() {
        let found = separator(&[text("aé")], &[text("aüb")]).unwrap();
        assert_eq!(found, [text("aü")]);
    }
}
