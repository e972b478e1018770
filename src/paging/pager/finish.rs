//! The end of a range and of the task, and what is known then.

use super::state::{Awaited, Pager};
use crate::model::PageKeys;
use crate::paging::assumption::{Assumption, Verdict};
use crate::paging::emitted::row_count;
use crate::paging::error::PagingError;
use crate::paging::evidence::{Evidence, Shortfall, Status};

impl Pager {
    /// Records the answer that ended a range.
    pub(super) fn record_range_end(&mut self, keys: &PageKeys) {
        self.last_answers.push(row_count(keys.len()));
        if self.verdicts.cap_floor_100 != Verdict::Holds {
            self.shortfall
                .get_or_insert(Shortfall::Assumption(Assumption::CapFloor));
        }
    }

    /// Continues with the next range, or ends the task.
    pub(super) fn end_range(&mut self, keys: &PageKeys) -> Result<(), PagingError> {
        self.record_range_end(keys);
        if let Some(range) = self.pending_ranges.pop() {
            self.range = range;
            return self.ask_for_page();
        }
        if !self.expected_null_rows.is_empty() {
            return Err(PagingError::NullsLost {
                rows: self.expected_null_rows.len(),
                columns: format!("({})", self.key.join(", ")),
            });
        }
        self.finish();
        Ok(())
    }

    pub(super) fn stop(&mut self, shortfall: Shortfall) {
        self.shortfall = Some(shortfall);
        self.finish();
    }

    pub(super) fn finish(&mut self) {
        self.awaited = Awaited::Nothing;
        // Nothing showed that the task's own filter was applied: worse than any missing row.
        if self.base_filter.is_some() && self.verdicts.is_filter_doubtful(self.is_filter_proven) {
            self.shortfall = Some(Shortfall::Assumption(Assumption::WhereHonoured));
        }
    }

    pub(super) fn evidence(&self) -> Evidence {
        Evidence {
            status: Status::from_shortfall(self.shortfall),
            requests: self.requests,
            rows: self.rows,
            rows_reread: self.rows_received - self.rows,
            key: self.key.clone(),
            limit: self.largest_limit,
            last_answers: self.last_answers.clone(),
            best_effort: None,
        }
    }
}
