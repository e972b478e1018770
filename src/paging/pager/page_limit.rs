//! How many rows the pager requests: by speed, by time-outs, by caps that were found, by the size of groups.

use super::state::{Awaited, Pager, ReceivedPage};
use crate::paging::error::{PagingError, format_key};
use crate::paging::key_range::Nulls;
use crate::paging::mode::PagingMode;

impl Pager {
    /// The request timed out: requests half as many rows from now on, but never fewer than any cap would leave.
    pub fn shrink_page(&mut self) {
        let Some(limit) = self.page_limit() else {
            return;
        };
        let half = (limit / 2).max(self.limits.cap_floor);
        if half < limit {
            self.set_page_limit(half);
        }
    }

    /// Answers are fast: requests twice as many rows from now on.
    pub fn grow_page(&mut self) {
        if self.page_limit() != Some(self.limit) {
            return;
        }
        let most = match self.cap.rows() {
            Some(cap) if self.respects_cap => cap,
            _ => self.limits.max_limit,
        };
        let doubled = self.limit.saturating_mul(2).min(self.max_limit).min(most);
        self.limit = self.limit.max(doubled);
    }

    /// Sets the limit with which a saved request was sent, before its answer is replayed: time-outs and speed, which
    /// alone decide it otherwise, are not part of saved answers.
    pub fn set_page_limit(&mut self, limit: u32) {
        if self.page_limit() == Some(limit) {
            return;
        }
        self.limit = limit;
        // Fewer than the answers so far call for: only a time-out does that.
        if limit < self.untuned_limit {
            self.max_limit = limit;
        }
    }

    /// The number of rows at which answers are cut, if it is known or was seen: worth remembering.
    pub fn learned_cap(&self) -> Option<u32> {
        self.cap.rows()
    }

    /// The limit of the next request.
    pub(super) fn page_limit(&self) -> Option<u32> {
        if self.mode == PagingMode::Whole {
            return None;
        }
        match &self.awaited {
            Awaited::Nulls { .. } => Some(1),
            Awaited::Recheck { .. } | Awaited::Nothing => Some(self.limit),
            Awaited::Page(_) => {
                let remaining = self.remaining_rows().unwrap_or(u64::MAX);
                let remaining = u32::try_from(remaining).unwrap_or(u32::MAX);
                Some(self.limit.min(remaining.max(1)))
            }
        }
    }

    /// Rows that the task may still have; `None` where it has no maximum.
    pub(super) fn remaining_rows(&self) -> Option<u64> {
        let most = self.limits.max_rows?;
        Some(most.saturating_sub(self.rows))
    }

    /// Records where answers are cut, and stops requesting more than that.
    pub(super) fn learn_cap(&mut self, page: ReceivedPage<'_>) {
        let num_rows = u32::try_from(page.keys.len()).unwrap_or(u32::MAX);
        let is_below_limit = page.limit.is_some_and(|limit| num_rows < limit);
        let is_cut = is_below_limit && !page.is_last;
        if let Some(cap) = self.cap.observe(num_rows, is_cut)
            && self.respects_cap
        {
            self.limit = self.limit.min(cap);
        }
    }

    /// One key filled the whole answer: requests more rows where the limit was what cut it, otherwise tells its rows apart
    /// by one more column.
    pub(super) fn enlarge_page(
        &mut self,
        num_rows: usize,
        limit: Option<u32>,
    ) -> Result<(), PagingError> {
        let num_rows_u32 = u32::try_from(num_rows).unwrap_or(u32::MAX);
        let is_at_cap = self.respects_cap && self.cap.rows() == Some(num_rows_u32);
        let is_cut_by_limit = limit.is_some_and(|limit| num_rows_u32 >= limit) && !is_at_cap;
        if is_cut_by_limit && self.limit < self.max_limit {
            self.double_limit();
            return self.ask_for_page();
        }
        if self.range.nulls == Nulls::OnlyInSpare
            && let Some(column) = self.range.spare.front().cloned()
        {
            return self.ask_for_nulls_in(vec![column]);
        }
        if self.extend_key() {
            return self.ask_for_page();
        }
        if self.limit < self.max_limit {
            self.respects_cap = false;
            self.limit = self.max_limit;
            return self.ask_for_page();
        }
        Err(self.key_exhausted(num_rows))
    }

    pub(super) fn double_limit(&mut self) {
        self.limit = self.limit.saturating_mul(2).min(self.max_limit);
    }

    fn key_exhausted(&self, rows: usize) -> PagingError {
        let value = match &self.range.held {
            Some(held) => format_key(&held.key),
            None => String::new(),
        };
        let withheld = match self.mode {
            PagingMode::Keyed { withheld, .. } => withheld,
            PagingMode::Whole | PagingMode::Single(_) => None,
        };
        PagingError::KeyExhausted {
            columns: self.range.columns(),
            value,
            rows,
            withheld,
        }
    }

    /// Appends the next column of K. The held rows stay expected under the shorter key.
    pub(super) fn extend_key(&mut self) -> bool {
        let Some(column) = self.range.spare.pop_front() else {
            return false;
        };
        if self.range.nulls == Nulls::OnlyInSpare {
            self.range.not_null.push(column.clone());
        }
        self.range.key.push(column);
        let held = self.range.held.take();
        self.range.held_prefixes.extend(held);
        if self.range.key.len() > self.key.len() {
            self.key.clone_from(&self.range.key);
        }
        true
    }
}
