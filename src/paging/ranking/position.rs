//! Positions of rows in a ranking: how they compare, and whether answers are in that order.

use std::cmp::Ordering;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use super::state::{Ranking, RankingPart};
use crate::model::{PageKeys, Value};
use crate::paging::error::{PagingError, format_key};
use crate::paging::key_groups::prefix;

impl Ranking {
    /// Values of a position: the ranked one and those of the key.
    pub(super) fn position_width(&self) -> usize {
        1 + self.key.len()
    }

    /// Rows have a value where only those with one were requested, and none where only those without.
    pub(super) fn check_part(&self, keys: &PageKeys) -> Result<(), PagingError> {
        let expects_null = match self.part {
            RankingPart::All => return Ok(()),
            RankingPart::WithValue => false,
            RankingPart::WithoutValue => true,
        };
        for row in 0..keys.len() {
            if is_unranked(keys, row) != expects_null {
                return Err(PagingError::NullFilter {
                    columns: self.top.by.clone(),
                });
            }
        }
        Ok(())
    }

    /// Rows are in the requested order, and none of them is before the bound.
    pub(super) fn check_order(&self, keys: &PageKeys) -> Result<(), PagingError> {
        if self.order_doubt.is_some() || keys.is_empty() {
            return Ok(());
        }
        let width = self.position_width();
        let mut before = prefix(keys.key(0), width);
        if compare_positions(before, &self.bound).is_lt() {
            return Err(PagingError::BelowBound {
                columns: self.order_text(),
                bound: format_key(&self.bound),
                first: format_key(before),
            });
        }
        for row in 1..keys.len() {
            let position = prefix(keys.key(row), width);
            if compare_positions(before, position).is_gt() {
                return Err(PagingError::OutOfOrder {
                    columns: self.order_text(),
                    before: format_key(before),
                    after: format_key(position),
                });
            }
            before = position;
        }
        Ok(())
    }
}

/// Whether a row has no value to be ranked by.
fn is_unranked(keys: &PageKeys, row: usize) -> bool {
    keys.key(row).first() == Some(&Value::Null)
}

/// Whether a row without a value precedes one with a value, or may: they rank last.
pub(super) fn nulls_come_first(keys: &PageKeys) -> bool {
    let mut has_null = false;
    for row in 0..keys.len() {
        let is_null = is_unranked(keys, row);
        if (row == 0 && is_null) || (has_null && !is_null) {
            return true;
        }
        has_null |= is_null;
    }
    false
}

/// The order of two positions, as far as the shorter goes: values descend, nulls last; K ascends, and where a source puts
/// nulls in K is not known.
fn compare_positions(left: &[Value], right: &[Value]) -> Ordering {
    if let (Some(left), Some(right)) = (left.first(), right.first())
        && left != right
    {
        return right.cmp(left);
    }
    for (left, right) in left.iter().zip(right).skip(1) {
        if *left == Value::Null || *right == Value::Null {
            return Ordering::Equal;
        }
        if left != right {
            return left.cmp(right);
        }
    }
    Ordering::Equal
}

/// Hash of the values that identify a row.
pub(super) fn hash_identity(key: &[Value], indices: &[usize]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for index in indices {
        key.get(*index).hash(&mut hasher);
    }
    hasher.finish()
}
