//! What a ranking requests: filter, order, columns and limit.

use super::state::{Ranking, RankingPart};
use crate::filter::{Filter, at_least, ranked_from};
use crate::paging::error::{PagingError, format_key};
use crate::paging::url_length::url_bytes;

impl Ranking {
    pub(super) fn remaining_rows(&self) -> u64 {
        self.top.rows.saturating_sub(self.rows)
    }

    /// Rows that are wanted, and those that are received again with them.
    pub(super) fn page_limit(&self) -> u32 {
        let rows = self.remaining_rows();
        let rows = rows.saturating_add(self.expected_rows.len());
        let rows = u32::try_from(rows).unwrap_or(u32::MAX);
        rows.min(self.max_limit).max(1)
    }

    pub(super) fn order(&self) -> Vec<String> {
        let mut order = vec![self.top.by.clone()];
        order.extend_from_slice(&self.key);
        order
    }

    /// The order's columns as messages name them.
    pub(super) fn order_text(&self) -> String {
        format!("({})", self.order().join(", "))
    }

    /// The order's columns first, then those that identify a row.
    pub(super) fn key_columns(&self) -> Vec<String> {
        let mut columns = self.order();
        for name in &self.top.identity {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        columns
    }

    /// Indices of the columns that identify a row, in its key.
    pub(super) fn identity_indices(&self) -> Vec<usize> {
        let columns = self.key_columns();
        let mut indices = Vec::new();
        for name in &self.top.identity {
            indices.extend(columns.iter().position(|column| column == name));
        }
        indices
    }

    pub(super) fn filter(&self) -> Option<Filter> {
        let by = &self.top.by;
        let is_null = Filter::IsNull(by.clone());
        let part = match (self.part, self.bound.split_first()) {
            (RankingPart::All, _) => None,
            (RankingPart::WithValue, None) => Some(Filter::Not(Box::new(is_null))),
            (RankingPart::WithValue, Some((value, key))) => {
                Some(ranked_from(by, value, &self.key, key))
            }
            (RankingPart::WithoutValue, None) => Some(is_null),
            (RankingPart::WithoutValue, Some((_, key))) => {
                Filter::and(Some(is_null), at_least(&self.key, key))
            }
        };
        Filter::and(self.base_filter.clone(), part)
    }

    /// # Errors
    /// [`PagingError::UrlTooLong`] if the next request fits no URL.
    pub(super) fn check_url(&self) -> Result<(), PagingError> {
        // One byte more than an ascending order takes.
        let needed = url_bytes(self.filter().as_ref(), &self.order(), &self.key_columns()) + 1;
        let available = self.limits.url_bytes;
        if needed <= available {
            return Ok(());
        }
        Err(PagingError::UrlTooLong {
            columns: self.order_text(),
            value: format_key(&self.bound),
            needed,
            available,
        })
    }
}
