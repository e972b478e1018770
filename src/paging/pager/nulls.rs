//! Nulls in key columns: comparisons would hide their rows, so the pager looks for them once and reads them as ranges of
//! their own.

use super::state::{Awaited, Pager};
use crate::filter::Filter;
use crate::model::{PageKeys, Value};
use crate::paging::error::PagingError;
use crate::paging::key_range::Nulls;
use crate::paging::url_length::url_bytes;

impl Pager {
    /// Before the second page: whether any column of K has a null.
    pub(super) fn ask_for_nulls(&mut self) -> Result<(), PagingError> {
        if !self.expected_null_rows.is_empty() && self.range.null.is_empty() {
            return self.split_range_by_nulls();
        }
        let mut columns = self.range.undecided_columns();
        columns.extend(self.range.spare.iter().cloned());
        if columns.is_empty() {
            self.range.nulls = Nulls::Absent;
            return self.ask_for_page();
        }
        self.ask_for_nulls_in(columns)
    }

    pub(super) fn ask_for_nulls_in(&mut self, columns: Vec<String>) -> Result<(), PagingError> {
        let mut conditions: Vec<Filter> = columns.iter().cloned().map(Filter::IsNull).collect();
        let is_any_null = if conditions.len() > 1 {
            Some(Filter::Or(conditions))
        } else {
            conditions.pop()
        };
        let range_filter = self.range.filter(self.base_filter.as_ref(), &[]);
        let filter = Filter::and(range_filter, is_any_null);
        let needed = url_bytes(filter.as_ref(), &[], &columns);
        let available = self.limits.url_bytes;
        match filter {
            Some(filter) if needed <= available => {
                self.awaited = Awaited::Nulls { columns, filter };
                Ok(())
            }
            Some(_) | None => Err(PagingError::UrlTooLong {
                columns: columns.join(", "),
                value: "null".to_owned(),
                needed,
                available,
            }),
        }
    }

    pub(super) fn accept_nulls(
        &mut self,
        keys: &PageKeys,
        columns: &[String],
    ) -> Result<(), PagingError> {
        for row in 0..keys.len() {
            if !keys.key(row).contains(&Value::Null) {
                return Err(PagingError::NullFilter {
                    columns: columns.join(", "),
                });
            }
        }
        let is_found = !keys.is_empty();
        self.is_filter_proven |= !is_found;
        match (self.range.nulls, is_found) {
            (Nulls::Unknown, true) => self.split_range_by_nulls(),
            (Nulls::Unknown | Nulls::Absent, _) => {
                self.range.nulls = Nulls::Absent;
                self.ask_for_page()
            }
            (Nulls::OnlyInSpare, true) => {
                // Ordering by it would hide rows: the next column must do, or none.
                self.range.spare.pop_front();
                self.enlarge_page(keys.len(), None)
            }
            (Nulls::OnlyInSpare, false) => {
                self.extend_key();
                self.ask_for_page()
            }
        }
    }

    fn split_range_by_nulls(&mut self) -> Result<(), PagingError> {
        let others = self.range.split_by_nulls();
        self.pending_ranges.extend(others);
        self.ask_for_page()
    }
}
