//! Nulls in key columns: comparisons would hide their rows, so they are looked for once and read as ranges of their own.

use crate::filter::Filter;
use crate::model::{PageKeys, Value};

use super::PagingError;
use super::pager::{Pager, State};
use super::range::{Nulls, url_bytes};

impl Pager {
    /// Before the second page: whether any column of K has a null.
    pub(super) fn ask_for_nulls(&mut self) -> Result<(), PagingError> {
        if !self.owed_nulls.is_empty() && self.range.null.is_empty() {
            return self.divide_by_nulls();
        }
        let undecided = self
            .range
            .key
            .iter()
            .filter(|column| !self.range.not_null.contains(column));
        let columns: Vec<String> = undecided.chain(&self.range.spare).cloned().collect();
        if columns.is_empty() {
            self.range.nulls = Nulls::Absent;
            return self.ask_for_page();
        }
        self.ask_for_nulls_in(columns)
    }

    pub(super) fn ask_for_nulls_in(&mut self, columns: Vec<String>) -> Result<(), PagingError> {
        let mut any: Vec<Filter> = columns.iter().cloned().map(Filter::IsNull).collect();
        let any = if any.len() > 1 {
            Some(Filter::Or(any))
        } else {
            any.pop()
        };
        let filter = Filter::and(self.range.filter(self.base.as_ref(), &[]), any);
        let needed = url_bytes(filter.as_ref(), &[], &columns);
        let available = self.limits.url_bytes;
        match filter {
            Some(filter) if needed <= available => {
                self.state = State::Nulls { columns, filter };
                Ok(())
            }
            Some(_) | None => Err(PagingError::TooLong {
                columns: columns.join(", "),
                value: "null".to_owned(),
                needed,
                available,
            }),
        }
    }

    pub(super) fn nulls(&mut self, keys: &PageKeys, columns: &[String]) -> Result<(), PagingError> {
        if (0..keys.len()).any(|row| !keys.key(row).contains(&Value::Null)) {
            return Err(PagingError::NullFilter {
                columns: columns.join(", "),
            });
        }
        let found = !keys.is_empty();
        self.where_seen |= !found;
        match (self.range.nulls, found) {
            (Nulls::Unknown, true) => self.divide_by_nulls(),
            (Nulls::Unknown | Nulls::Absent, _) => {
                self.range.nulls = Nulls::Absent;
                self.ask_for_page()
            }
            (Nulls::OnlyInSpare, true) => {
                // Ordering by it would hide rows: the next column must do, or none.
                self.range.spare.pop_front();
                self.grow(keys.len(), None)
            }
            (Nulls::OnlyInSpare, false) => {
                self.deepen();
                self.ask_for_page()
            }
        }
    }

    pub(super) fn divide_by_nulls(&mut self) -> Result<(), PagingError> {
        let others = self.range.divide_by_nulls();
        self.waiting.extend(others);
        self.ask_for_page()
    }
}
