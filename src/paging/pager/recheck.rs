//! Held rows that are missing from the next answer: were they changed, or does the filter not find them?

use super::state::{Awaited, Pager, ReceivedPage, Recheck};
use crate::model::Value;
use crate::paging::emitted::EmittedRows;
use crate::paging::error::{PagingError, format_key};
use crate::paging::key_groups::{EmittedGroup, KeyGroup, KeyGroups, prefix};
use crate::paging::key_range::Bound;

impl Pager {
    /// Requests rows from the last emitted key, with which the answer must begin, to see whether the missing rows exist.
    pub(super) fn start_recheck(&mut self, mut recheck: Recheck) -> Result<(), PagingError> {
        loop {
            let mut values = Vec::new();
            if let Some(index) = recheck.from
                && let Some(emitted) = self.range.emitted.get(index)
            {
                values = emitted.key.to_vec();
            }
            let base = self.base_filter.as_ref();
            let available = self.limits.url_bytes;
            match (self.range.bound_from(base, values, available), recheck.from) {
                (Ok(bound), _) => {
                    self.awaited = Awaited::Recheck { recheck, bound };
                    return Ok(());
                }
                (Err(_), Some(index)) if index > 0 => recheck.from = Some(index - 1),
                (Err(error), _) => return Err(error),
            }
        }
    }

    pub(super) fn accept_recheck(
        &mut self,
        page: ReceivedPage<'_>,
        recheck: Recheck,
        bound: &Bound,
    ) -> Result<EmittedRows, PagingError> {
        self.learn_cap(page);
        let rows = self.countable_rows(page)?;
        self.check_order(page.keys, &rows, &bound.values)?;
        let groups = KeyGroups::split(page.keys, self.range.key.len(), &rows);
        let missing = &recheck.missing;
        if let Some(index) = recheck.from {
            let Some(emitted) = self.range.emitted.get(index) else {
                return Err(self.lost_rows(missing));
            };
            if !begins_with(&groups, emitted) {
                return self.recheck_from_earlier(recheck, index);
            }
        }
        let is_passed = match groups.last_key() {
            Some(last) => last > missing.key.as_ref(),
            None => false,
        };
        if !page.is_last && !is_passed {
            return self.recheck_with_larger_page(recheck);
        }
        let found = groups.rows_at(&missing.key);
        if missing.rows.any_reappeared(&recheck.seen, &found) {
            return Err(self.lost_rows(missing));
        }
        // The filter works: the group changed meanwhile, and this answer has what it is now.
        self.range.held = None;
        let emitted_key: Option<Vec<Value>> = self.range.last_emitted_key().map(<[Value]>::to_vec);
        self.emit_and_continue(page, rows, emitted_key.as_deref())
    }

    /// The answer does not begin with the emitted group that it was requested from: it may have changed, so an earlier one
    /// is tried.
    fn recheck_from_earlier(
        &mut self,
        recheck: Recheck,
        index: usize,
    ) -> Result<EmittedRows, PagingError> {
        let Some(earlier) = index.checked_sub(1) else {
            return Err(self.lost_rows(&recheck.missing));
        };
        self.start_recheck(Recheck {
            from: Some(earlier),
            ..recheck
        })?;
        Ok(EmittedRows::default())
    }

    /// The answer ends before the missing rows.
    fn recheck_with_larger_page(&mut self, recheck: Recheck) -> Result<EmittedRows, PagingError> {
        if self.limit >= self.max_limit {
            return Err(PagingError::HeldRowsMissing {
                columns: self.range.columns(),
                value: format_key(&recheck.missing.key),
            });
        }
        self.respects_cap = false;
        self.double_limit();
        self.start_recheck(recheck)?;
        Ok(EmittedRows::default())
    }

    fn lost_rows(&self, missing: &KeyGroup) -> PagingError {
        PagingError::RoundTrip {
            columns: self.range.columns(),
            value: format_key(&missing.key),
        }
    }
}

/// Whether an answer begins with an emitted group: its key, and one of its rows.
fn begins_with(groups: &KeyGroups<'_>, emitted: &EmittedGroup) -> bool {
    if prefix(groups.key(0), emitted.key.len()) != emitted.key.as_ref() {
        return false;
    }
    let found = groups.rows_at(&emitted.key);
    emitted.sample.iter().any(|row| found.count_of(*row) > 0)
}
