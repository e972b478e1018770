//! One step of a ranking: the request that comes next, and the answer to it.

use super::state::Ranking;
use crate::model::PageKeys;
use crate::paging::emitted::{EmittedRows, row_count};
use crate::paging::error::PagingError;
use crate::paging::evidence::Shortfall;
use crate::paging::request::{NextStep, PageRequest, Purpose};

impl Ranking {
    /// What to do next. Calling it again changes nothing.
    pub fn next(&self) -> NextStep {
        if self.has_ended {
            return NextStep::Done(self.evidence());
        }
        NextStep::Request(PageRequest {
            filter: self.filter(),
            order_by: self.order(),
            is_descending: true,
            limit: Some(self.page_limit()),
            key_columns: self.key_columns(),
            purpose: Purpose::Page,
        })
    }

    /// Accepts the answer to the request of [`Ranking::next`].
    ///
    /// # Errors
    /// Where the answers contradict the order or the filter; the rows emitted so far must not be published then.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        if self.has_ended {
            return Err(PagingError::UnexpectedAnswer);
        }
        let wanted = self.key_columns().len();
        if !keys.is_empty() && (keys.width != wanted || keys.values.len() != wanted * keys.len()) {
            return Err(PagingError::KeyWidth {
                wanted,
                got: keys.width,
            });
        }
        let limit = self.page_limit();
        self.requests += 1;
        self.rows_received += row_count(keys.len());
        self.largest_limit = self.largest_limit.max(limit);
        let is_last = self.limits.is_short_answer(keys.len(), limit);
        let num_rows = u32::try_from(keys.len()).unwrap_or(u32::MAX);
        self.cap.observe(num_rows, !is_last && num_rows < limit);
        let emitted = self.accept(keys, is_last)?;
        if !self.has_ended && self.requests >= self.limits.max_requests {
            self.stop(Shortfall::MaxRequests);
        }
        Ok(emitted)
    }

    /// The request timed out: requests half as many rows from now on, but never fewer than any cap would leave.
    pub fn shrink_page(&mut self) {
        let limit = self.page_limit();
        let half = (limit / 2).max(self.limits.cap_floor);
        if half < limit {
            self.max_limit = half;
        }
    }

    /// Whether rows that an answer leaves out can be requested.
    pub(crate) fn is_paged(&self) -> bool {
        self.paging_obstacle.is_none()
    }

    /// Sets the limit with which a saved request was sent, before its answer is replayed.
    pub fn set_page_limit(&mut self, limit: u32) {
        if self.page_limit() != limit {
            self.max_limit = limit.max(1);
        }
    }

    /// The number of rows at which answers are cut, if it is known or was seen: worth remembering.
    pub fn learned_cap(&self) -> Option<u32> {
        self.cap.rows()
    }
}
