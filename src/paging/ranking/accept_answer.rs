//! An answer to a ranking: which of its rows are new, and where the next request begins.

use super::position::{hash_identity, nulls_come_first};
use super::state::{Ranking, RankingPart};
use crate::model::{PageKeys, Value};
use crate::paging::assumption::Assumption;
use crate::paging::emitted::{EmittedRows, row_count};
use crate::paging::error::PagingError;
use crate::paging::evidence::Shortfall;
use crate::paging::key_groups::{digest, prefix};
use crate::paging::row_multiset::RowMultiset;

/// A group that fills this part of a page is received again with every page: a longer key is cheaper then.
const WIDE_GROUP_DIVISOR: u64 = 4;

impl Ranking {
    pub(super) fn accept(
        &mut self,
        keys: &PageKeys,
        is_last: bool,
    ) -> Result<EmittedRows, PagingError> {
        if is_last && self.part == RankingPart::All {
            // The whole table in one answer: its order does not matter.
            let emitted = self.emit_new_rows(keys);
            self.end_part(keys);
            return Ok(emitted);
        }
        if self.part == RankingPart::All && nulls_come_first(keys) {
            return self.restart_without_nulls(keys);
        }
        self.check_part(keys)?;
        self.check_order(keys)?;
        if self.lacks_expected_rows(keys, is_last)? {
            return Ok(EmittedRows::default());
        }
        let emitted = self.emit_new_rows(keys);
        self.is_filter_proven |= !self.bound.is_empty() && !keys.is_empty();
        if self.rows == self.top.rows {
            self.finish();
        } else if is_last {
            self.end_part(keys);
        } else {
            self.continue_after(keys, emitted.num_rows() > 0)?;
        }
        Ok(emitted)
    }

    /// The source puts rows without a value first: requests those with one instead, where it can.
    fn restart_without_nulls(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        if let Some(obstacle) = self.paging_obstacle {
            let emitted = self.emit_new_rows(keys);
            self.stop(obstacle);
            return Ok(emitted);
        }
        self.part = RankingPart::WithValue;
        self.check_url()?;
        Ok(EmittedRows::default())
    }

    /// Whether rows that were exported are not received again as they should be, so that nothing of this answer is
    /// exported: the position cannot be requested, or they moved; or more rows tie at it than an answer holds, in no order.
    fn lacks_expected_rows(&mut self, keys: &PageKeys, is_last: bool) -> Result<bool, PagingError> {
        let width = self.bound.len();
        let received = RowMultiset::from_digests(keys.digests.iter().copied());
        let missing = self.expected_rows.clone().without(&received);
        let is_passed = match keys.len().checked_sub(1) {
            Some(last_row) => is_last || prefix(keys.key(last_row), width) != self.bound,
            None => true,
        };
        if is_passed {
            if missing.is_empty() {
                return Ok(false);
            }
            self.stop(Shortfall::Assumption(Assumption::RoundTrip));
            return Ok(true);
        }
        let is_every_row_missing = !missing.is_empty() && missing.len() == self.expected_rows.len();
        if width != self.position_width() || !is_every_row_missing {
            return Ok(false);
        }
        match self.spare.pop_front() {
            None => self.stop(self.tie_shortfall),
            Some(column) => {
                self.key.push(column);
                self.check_url()?;
            }
        }
        Ok(true)
    }

    /// Exports the rows that are new, as far as rows are wanted; those that were expected again are skipped.
    fn emit_new_rows(&mut self, keys: &PageKeys) -> EmittedRows {
        let mut rows: Vec<usize> = Vec::new();
        let mut exported_values: Vec<(u64, Value)> = Vec::new();
        let identity = self.identity_indices();
        for row in 0..keys.len() {
            if row_count(rows.len()) >= self.remaining_rows() {
                break;
            }
            if let Some(digest) = digest(keys, row)
                && self.expected_rows.count_of(digest) > 0
            {
                self.expected_rows.remove(digest);
                continue;
            }
            if !identity.is_empty() {
                let hash = hash_identity(keys.key(row), &identity);
                let value = keys.key(row).first().unwrap_or(&Value::Null);
                let earlier = self.exported_values.get(&hash);
                if earlier.is_some_and(|earlier| earlier != value) {
                    continue;
                }
                exported_values.push((hash, value.clone()));
            }
            rows.push(row);
        }
        // Only what an earlier answer showed can have moved since.
        self.exported_values.extend(exported_values);
        self.rows += row_count(rows.len());
        EmittedRows::from_rows(rows)
    }

    /// Decides what comes after an answer that was cut.
    fn continue_after(&mut self, keys: &PageKeys, has_new_rows: bool) -> Result<(), PagingError> {
        if let Some(obstacle) = self.paging_obstacle {
            self.stop(obstacle);
            return Ok(());
        }
        let width = self.position_width();
        let last_row = keys.len().saturating_sub(1);
        let last = prefix(keys.key(last_row), width).to_vec();
        let is_stuck_in_ties = last == self.bound && !has_new_rows;
        let has_null_key = last.iter().skip(1).any(|value| *value == Value::Null);
        if has_null_key || (is_stuck_in_ties && self.spare.is_empty()) {
            self.stop(self.tie_shortfall);
            return Ok(());
        }
        self.expect_group(keys, &last);
        self.part = if last.first() == Some(&Value::Null) {
            RankingPart::WithoutValue
        } else {
            RankingPart::WithValue
        };
        if self.part == RankingPart::WithoutValue && last.len() == 1 {
            self.stop(self.tie_shortfall);
            return Ok(());
        }
        self.bound = last;
        self.spans_pages |= self.rows > 0;
        let num_expected = self.expected_rows.len();
        if is_stuck_in_ties || num_expected * WIDE_GROUP_DIVISOR > row_count(keys.len()) {
            self.key.extend(self.spare.pop_front());
        }
        self.check_url()
    }

    /// The rows at the last position are received again. The rest of a wider group is expected until its key is passed.
    fn expect_group(&mut self, keys: &PageKeys, last: &[Value]) {
        if self.bound.is_empty() || !last.starts_with(&self.bound) {
            self.expected_rows = RowMultiset::default();
        }
        for row in 0..keys.len() {
            if prefix(keys.key(row), last.len()) == last
                && let Some(digest) = digest(keys, row)
            {
                self.expected_rows.insert(digest);
            }
        }
    }
}
