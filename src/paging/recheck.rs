//! Rows that were held and did not come again: were they changed, or does the filter not find them?

use crate::model::{PageKeys, Value};

use super::error::shown;
use super::groups::{Group, Groups, Rows, prefix};
use super::pager::{Pager, State};
use super::range::Bound;
use super::{Emit, PagingError};

/// Rows that were held and did not come again.
#[derive(Debug, Clone)]
pub(super) struct Recheck {
    /// The held group, with the missing rows only.
    pub(super) missing: Group,
    /// What the answer without them had at that key.
    pub(super) seen: Rows,
    /// Which of the remembered keys, counted from the oldest, is asked from; `None`: from the start.
    pub(super) from: Option<usize>,
}

impl Pager {
    /// Asks from the last emitted key, which the answer must begin with, whether the missing rows are there.
    pub(super) fn start_recheck(&mut self, mut recheck: Recheck) -> Result<(), PagingError> {
        loop {
            let from = recheck.from.and_then(|place| self.range.emitted.get(place));
            let values = from.map_or_else(Vec::new, |emitted| emitted.key.to_vec());
            match (
                self.range
                    .fit(self.base.as_ref(), values, self.limits.url_bytes),
                recheck.from,
            ) {
                (Ok(bound), _) => {
                    self.state = State::Recheck { recheck, bound };
                    return Ok(());
                }
                (Err(_), Some(place)) if place > 0 => recheck.from = Some(place - 1),
                (Err(error), _) => return Err(error),
            }
        }
    }

    pub(super) fn recheck(
        &mut self,
        keys: &PageKeys,
        asked: Option<u32>,
        recheck: Recheck,
        bound: &Bound,
    ) -> Result<Emit, PagingError> {
        let ended = self.ends(keys, asked);
        self.learn(keys, asked, ended);
        let rows = self.visible(keys, ended)?;
        self.check_order(keys, &rows, &bound.values)?;
        let groups = Groups::divide(keys, self.range.key.len(), &rows);
        let missing = &recheck.missing;
        let lost = || PagingError::RoundTrip {
            columns: self.range.columns(),
            value: shown(&missing.key),
        };
        if let Some(place) = recheck.from {
            let proof = self.range.emitted.get(place).ok_or_else(lost)?;
            let found = groups.at(&proof.key);
            let begins_with_it = prefix(groups.key(0), proof.key.len()) == proof.key.as_ref();
            if !begins_with_it || !proof.sample.iter().any(|row| found.get(*row) > 0) {
                let Some(earlier) = place.checked_sub(1) else {
                    return Err(lost());
                };
                self.start_recheck(Recheck {
                    from: Some(earlier),
                    ..recheck
                })?;
                return Ok(Emit::default());
            }
        }
        if !ended
            && groups
                .last_key()
                .is_none_or(|last| last <= missing.key.as_ref())
        {
            if self.limit >= self.ceiling {
                return Err(PagingError::Unjudged {
                    columns: self.range.columns(),
                    value: shown(&missing.key),
                });
            }
            self.cap.obeyed = false;
            self.limit = self.limit.saturating_mul(2).min(self.ceiling);
            self.start_recheck(recheck)?;
            return Ok(Emit::default());
        }
        if missing
            .rows
            .any_came_back(&recheck.seen, &groups.at(&missing.key))
        {
            return Err(lost());
        }
        // The filter works: the group changed meanwhile, and what it is now stands in this answer.
        self.range.held = None;
        let skip: Option<Vec<Value>> = self.range.last_emitted().map(<[Value]>::to_vec);
        self.settle(keys, rows, ended, asked, skip.as_deref())
    }
}
