//! An answer with the next rows: which of its rows count, whether they are in order, whether held rows are among them.

use super::state::{Pager, ReceivedPage, Recheck};
use crate::model::{PageKeys, Value};
use crate::paging::emitted::EmittedRows;
use crate::paging::error::{PagingError, format_key};
use crate::paging::key_groups::{KeyGroup, KeyGroups, digest, prefix};
use crate::paging::key_range::{Bound, Nulls};

impl Pager {
    pub(super) fn accept_page(
        &mut self,
        page: ReceivedPage<'_>,
        bound: &Bound,
    ) -> Result<EmittedRows, PagingError> {
        self.learn_cap(page);
        let rows = self.countable_rows(page)?;
        if page.is_last && bound.values.is_empty() && self.range.emitted.is_empty() {
            // The whole range in one answer: its order does not matter.
            return self.emit_and_continue(page, rows, None);
        }
        self.check_order(page.keys, &rows, &bound.values)?;
        if let Some(recheck) = self.missing_held_rows(page, &rows) {
            self.start_recheck(recheck)?;
            return Ok(EmittedRows::default());
        }
        self.is_filter_proven |= !bound.values.is_empty() && !page.keys.is_empty();
        self.emit_and_continue(page, rows, None)
    }

    /// Held rows that the answer lacks, although it passes their key.
    fn missing_held_rows(&self, page: ReceivedPage<'_>, rows: &[usize]) -> Option<Recheck> {
        let held = self.range.held.as_ref()?;
        let groups = KeyGroups::split(page.keys, self.range.key.len(), rows);
        let is_passed = match groups.last_key() {
            Some(last) => last > held.key.as_ref(),
            None => true,
        };
        if !page.is_last && !is_passed {
            return None;
        }
        let seen = groups.rows_at(&held.key);
        let missing = held.rows.clone().without(&seen);
        if missing.is_empty() {
            return None;
        }
        Some(Recheck {
            missing: KeyGroup {
                key: held.key.clone(),
                rows: missing,
            },
            seen,
            from: self.range.emitted.len().checked_sub(1),
        })
    }

    /// The rows that count: all, but before nulls are decided only those without one, if more pages follow.
    pub(super) fn countable_rows(
        &mut self,
        page: ReceivedPage<'_>,
    ) -> Result<Vec<usize>, PagingError> {
        let keys = page.keys;
        self.check_null_columns(keys)?;
        self.check_not_null_columns(keys)?;
        if page.is_last || self.range.nulls != Nulls::Unknown {
            return Ok((0..keys.len()).collect());
        }
        let width = self.range.key.len();
        let mut rows = Vec::new();
        for row in 0..keys.len() {
            if !prefix(keys.key(row), width).contains(&Value::Null) {
                rows.push(row);
            } else if self.range.null.is_empty()
                && let Some(digest) = digest(keys, row)
            {
                self.expected_null_rows.insert(digest);
            }
        }
        Ok(rows)
    }

    /// Every row has a null in the columns that the range's filter requires to be null.
    fn check_null_columns(&self, keys: &PageKeys) -> Result<(), PagingError> {
        for row in 0..keys.len() {
            let mut null_columns = keys.key(row).iter().skip(self.range.key.len());
            if null_columns.any(|value| *value != Value::Null) {
                return Err(PagingError::NullFilter {
                    columns: self.range.null.join(", "),
                });
            }
        }
        Ok(())
    }

    /// No row has a null where there is none by now. A filter that excludes nulls in some columns is in force even before
    /// the others are decided.
    fn check_not_null_columns(&self, keys: &PageKeys) -> Result<(), PagingError> {
        let is_decided = self.range.nulls != Nulls::Unknown;
        for row in 0..keys.len() {
            for (column, value) in self.range.key.iter().zip(keys.key(row)) {
                if *value == Value::Null && (is_decided || self.range.not_null.contains(column)) {
                    return Err(PagingError::NullFilter {
                        columns: self.range.key.join(", "),
                    });
                }
            }
        }
        Ok(())
    }

    /// Keys ascend, bytewise, and none is below the bound.
    pub(super) fn check_order(
        &self,
        keys: &PageKeys,
        rows: &[usize],
        bound: &[Value],
    ) -> Result<(), PagingError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let width = self.range.key.len();
        let mut before = prefix(keys.key(*first), width);
        if prefix(before, bound.len()) < bound {
            return Err(PagingError::BelowBound {
                columns: self.range.columns(),
                bound: format_key(bound),
                first: format_key(before),
            });
        }
        for row in rows {
            let key = prefix(keys.key(*row), width);
            if before > key {
                return Err(PagingError::OutOfOrder {
                    columns: self.range.columns(),
                    before: format_key(before),
                    after: format_key(key),
                });
            }
            before = key;
        }
        Ok(())
    }
}
