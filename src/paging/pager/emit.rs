//! Emits the groups that are whole, holds the last one, and decides what comes next.

use super::state::{Awaited, Pager, ReceivedPage};
use crate::model::{PageKeys, Value};
use crate::paging::emitted::{EmittedRows, row_count};
use crate::paging::error::{PagingError, format_key};
use crate::paging::evidence::Shortfall;
use crate::paging::key_groups::{KeyGroups, digest, prefix};
use crate::paging::key_range::{Nulls, REMEMBERED_GROUPS};

impl Pager {
    /// Emits what is whole, holds the last group, and decides what comes next. Rows up to the key `emitted_key` were
    /// emitted before.
    pub(super) fn emit_and_continue(
        &mut self,
        page: ReceivedPage<'_>,
        mut rows: Vec<usize>,
        emitted_key: Option<&[Value]>,
    ) -> Result<EmittedRows, PagingError> {
        let keys = page.keys;
        let num_countable = rows.len();
        if let Some(emitted_key) = emitted_key {
            rows.retain(|row| prefix(keys.key(*row), emitted_key.len()) > emitted_key);
        }
        if let Some(emitted) = self.stop_at_max_rows(&rows, page.is_last) {
            return Ok(emitted);
        }
        let groups = KeyGroups::split(keys, self.range.key.len(), &rows);
        let (num_whole, next_key) = if page.is_last {
            (groups.len(), None)
        } else {
            (groups.len().saturating_sub(1), groups.last_key())
        };
        let whole_rows = groups.rows_of_first(num_whole);
        self.check_held_prefixes(keys, whole_rows, next_key)?;
        for group in num_whole.saturating_sub(REMEMBERED_GROUPS)..num_whole {
            self.range.remember(groups.to_emitted_group(group));
        }
        self.settle_null_rows(keys, whole_rows);
        let is_one_group = !groups.is_empty()
            && num_whole == 0
            && num_countable == rows.len()
            && num_countable == keys.len();
        if !page.is_last && !groups.is_empty() {
            self.range.hold(groups.to_group(num_whole));
        }
        let emitted = self.emit(whole_rows);
        self.continue_after(page, is_one_group)?;
        Ok(emitted)
    }

    /// The next request. `is_one_group`: the answer is filled by a single group.
    fn continue_after(
        &mut self,
        page: ReceivedPage<'_>,
        is_one_group: bool,
    ) -> Result<(), PagingError> {
        if page.is_last {
            return self.end_range(page.keys);
        }
        if self.range.nulls == Nulls::Unknown {
            if is_one_group {
                self.enlarge_page(page.keys.len(), page.limit)?;
            }
            return self.ask_for_nulls();
        }
        if is_one_group {
            return self.enlarge_page(page.keys.len(), page.limit);
        }
        self.ask_for_page()
    }

    /// Ends the task at `max_rows`.
    fn stop_at_max_rows(&mut self, rows: &[usize], is_last: bool) -> Option<EmittedRows> {
        let most = usize::try_from(self.remaining_rows()?).unwrap_or(usize::MAX);
        let nothing_follows = is_last && self.pending_ranges.is_empty();
        if rows.len() < most || (rows.len() == most && nothing_follows) {
            return None;
        }
        let emitted = self.emit(rows);
        self.stop(Shortfall::MaxRows);
        Some(emitted)
    }

    /// Removes emitted rows from the groups that were held under a shorter key; such a group must be emitted whole before
    /// its key is passed.
    fn check_held_prefixes(
        &mut self,
        keys: &PageKeys,
        emitted: &[usize],
        next_key: Option<&[Value]>,
    ) -> Result<(), PagingError> {
        let mut still_held = Vec::new();
        for mut group in std::mem::take(&mut self.range.held_prefixes) {
            let width = group.key.len();
            for row in emitted {
                if prefix(keys.key(*row), width) == group.key.as_ref()
                    && let Some(digest) = digest(keys, *row)
                {
                    group.rows.remove(digest);
                }
            }
            let is_passed = match next_key {
                Some(next_key) => prefix(next_key, width) > group.key.as_ref(),
                None => true,
            };
            if !is_passed {
                still_held.push(group);
            } else if !group.rows.is_empty() {
                return Err(PagingError::HeldRowsMissing {
                    columns: self.range.columns(),
                    value: format_key(&group.key),
                });
            }
        }
        self.range.held_prefixes = still_held;
        Ok(())
    }

    /// Rows that a range of nulls emits are no longer expected.
    fn settle_null_rows(&mut self, keys: &PageKeys, emitted: &[usize]) {
        if self.range.null.is_empty() {
            return;
        }
        for row in emitted {
            if let Some(digest) = digest(keys, *row) {
                self.expected_null_rows.remove(digest);
            }
        }
    }

    pub(super) fn ask_for_page(&mut self) -> Result<(), PagingError> {
        let base = self.base_filter.as_ref();
        let bound = self.range.next_bound(base, self.limits.url_bytes)?;
        self.awaited = Awaited::Page(bound);
        Ok(())
    }

    /// Emits rows, as far as the task may have more.
    pub(super) fn emit(&mut self, rows: &[usize]) -> EmittedRows {
        let most = match self.remaining_rows() {
            Some(most) => usize::try_from(most).unwrap_or(usize::MAX),
            None => usize::MAX,
        };
        let emitted = EmittedRows::from_rows(rows.iter().copied().take(most));
        self.rows += row_count(emitted.num_rows());
        emitted
    }
}
