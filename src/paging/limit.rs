//! How many rows the pager asks for: by speed, by time-outs, by caps that were found, by the size of groups.

use crate::model::PageKeys;

use super::PagingError;
use super::error::shown;
use super::pager::{Pager, State};
use super::plan::Mode;
use super::range::Nulls;

/// The length at which answers are cut, once two in a row were cut alike.
#[derive(Debug, Clone, Copy)]
pub(super) struct LearnedCap {
    pub(super) cap: Option<u32>,
    pub(super) last_cut: Option<usize>,
    pub(super) obeyed: bool,
}

impl Pager {
    /// The request timed out: asks for half as many rows from now on, but never for fewer than any cap would leave.
    pub fn slower(&mut self) {
        let Some(asked) = self.asked_limit() else {
            return;
        };
        let half = (asked / 2).max(self.limits.floor);
        if half < asked {
            self.at_limit(half);
        }
    }

    /// Answers are fast: asks for twice as many rows from now on.
    pub fn faster(&mut self) {
        let cap = self
            .cap
            .cap
            .filter(|_| self.cap.obeyed)
            .unwrap_or(self.limits.most);
        if self.asked_limit() == Some(self.limit) {
            self.limit = self
                .limit
                .saturating_mul(2)
                .min(self.ceiling)
                .min(cap)
                .max(self.limit);
        }
    }

    /// Sets the limit with which a saved request was sent, before its answer is fed again: time-outs and speed, which
    /// alone decide it otherwise, are not part of saved answers.
    pub fn at_limit(&mut self, limit: u32) {
        if self.asked_limit() == Some(limit) {
            return;
        }
        self.limit = limit;
        // Fewer than the answers so far call for: only a time-out does that.
        if limit < self.natural_limit {
            self.ceiling = limit;
        }
    }

    /// The number of rows at which answers are cut, if it is known or was seen: worth remembering.
    pub fn learned_cap(&self) -> Option<u32> {
        self.cap.cap
    }

    pub(super) fn asked_limit(&self) -> Option<u32> {
        match (&self.mode, &self.state) {
            (Mode::Whole, _) => None,
            (_, State::Nulls { .. }) => Some(1),
            (_, State::Recheck { .. } | State::Ended) => Some(self.limit),
            (_, State::Page(_)) => Some(self.remaining().map_or(self.limit, |rows| {
                u32::try_from(rows)
                    .map_or(self.limit, |rows| rows.min(self.limit))
                    .max(1)
            })),
        }
    }

    pub(super) fn remaining(&self) -> Option<u64> {
        self.limits
            .max_rows
            .map(|most| most.saturating_sub(self.rows))
    }

    /// Notes where answers are cut, and stops asking for more than that.
    pub(super) fn learn(&mut self, keys: &PageKeys, asked: Option<u32>, ended: bool) {
        let is_cut = !ended
            && asked.is_some_and(|asked| u32::try_from(keys.len()).is_ok_and(|len| len < asked));
        let cut = is_cut.then_some(keys.len());
        if let (Some(cut), Ok(len)) = (self.cap.cap, u32::try_from(keys.len()))
            && len > cut
        {
            self.cap.cap = None;
        }
        if cut.is_some() && cut == self.cap.last_cut {
            self.cap.cap = cut.and_then(|cut| u32::try_from(cut).ok());
            if let Some(cap) = self.cap.cap.filter(|_| self.cap.obeyed) {
                self.limit = self.limit.min(cap);
            }
        }
        self.cap.last_cut = cut;
    }

    /// One key filled the whole answer: ask for more rows where the limit was what cut it, else tell its rows apart by
    /// one more column.
    pub(super) fn grow(&mut self, len: usize, asked: Option<u32>) -> Result<(), PagingError> {
        let len_as_limit = u32::try_from(len).unwrap_or(u32::MAX);
        let is_cap = self.cap.obeyed && self.cap.cap == Some(len_as_limit);
        let limit_cut_it = asked.is_some_and(|asked| len_as_limit >= asked) && !is_cap;
        if limit_cut_it && self.limit < self.ceiling {
            self.limit = self.limit.saturating_mul(2).min(self.ceiling);
            return self.ask_for_page();
        }
        if self.range.nulls == Nulls::OnlyInSpare
            && let Some(column) = self.range.spare.front().cloned()
        {
            return self.ask_for_nulls_in(vec![column]);
        }
        if self.deepen() {
            return self.ask_for_page();
        }
        if self.limit < self.ceiling {
            self.cap.obeyed = false;
            self.limit = self.ceiling;
            return self.ask_for_page();
        }
        let value = self
            .range
            .held
            .as_ref()
            .map_or_else(String::new, |held| shown(&held.key));
        let withheld = match self.mode {
            Mode::Keyed { withheld, .. } => withheld,
            Mode::Whole | Mode::Single(_) => None,
        };
        Err(PagingError::Exhausted {
            columns: self.range.columns(),
            value,
            rows: len,
            withheld,
        })
    }

    /// Appends the next column of K. What is held stays promised under the shorter key.
    pub(super) fn deepen(&mut self) -> bool {
        let Some(column) = self.range.spare.pop_front() else {
            return false;
        };
        if self.range.nulls == Nulls::OnlyInSpare {
            self.range.not_null.push(column.clone());
        }
        self.range.key.push(column);
        self.range.outer.extend(self.range.held.take());
        if self.range.key.len() > self.key.len() {
            self.key.clone_from(&self.range.key);
        }
        true
    }
}
