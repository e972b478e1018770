//! One step of the pager: the request that comes next, and the answer to it.

use super::state::{Awaited, Pager, ReceivedPage};
use crate::model::PageKeys;
use crate::paging::emitted::{EmittedRows, row_count};
use crate::paging::error::PagingError;
use crate::paging::evidence::Shortfall;
use crate::paging::mode::PagingMode;
use crate::paging::request::{NextStep, PageRequest, Purpose};

impl Pager {
    /// What to do next. Calling it again changes nothing.
    pub fn next(&self) -> NextStep {
        let (filter, purpose) = match &self.awaited {
            Awaited::Page(bound) => (bound.filter.clone(), Purpose::Page),
            Awaited::Recheck { bound, .. } => (bound.filter.clone(), Purpose::Recheck),
            Awaited::Nulls { filter, .. } => (Some(filter.clone()), Purpose::Nulls),
            Awaited::Nothing => return NextStep::Done(self.evidence()),
        };
        let (order_by, key_columns) = match &self.awaited {
            Awaited::Nulls { columns, .. } => (Vec::new(), columns.clone()),
            _ => (self.range.key.clone(), self.range.key_columns()),
        };
        NextStep::Request(PageRequest {
            filter,
            order_by,
            is_descending: false,
            limit: self.page_limit(),
            key_columns,
            purpose,
        })
    }

    /// Accepts the answer to the request of [`Pager::next`].
    ///
    /// # Errors
    /// Where the answers contradict what paging assumes; the rows emitted so far must not be published then.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        self.check_width(keys)?;
        let limit = self.page_limit();
        self.requests += 1;
        self.rows_received += row_count(keys.len());
        self.largest_limit = self.largest_limit.max(limit.unwrap_or_default());
        let page = ReceivedPage {
            keys,
            limit,
            is_last: self.is_last_page(keys, limit),
        };
        let emitted = match std::mem::replace(&mut self.awaited, Awaited::Nothing) {
            Awaited::Page(bound) if self.is_paged() => self.accept_page(page, &bound)?,
            Awaited::Page(_) => self.accept_only_answer(page),
            Awaited::Nulls { columns, .. } => {
                self.accept_nulls(keys, &columns)?;
                EmittedRows::default()
            }
            Awaited::Recheck { recheck, bound } => self.accept_recheck(page, recheck, &bound)?,
            Awaited::Nothing => return Err(PagingError::UnexpectedAnswer),
        };
        self.untuned_limit = self.limit;
        let has_ended = matches!(self.awaited, Awaited::Nothing);
        if !has_ended && self.requests >= self.limits.max_requests {
            self.stop(Shortfall::MaxRequests);
        }
        Ok(emitted)
    }

    /// Whether rows that an answer leaves out can be requested.
    pub(crate) fn is_paged(&self) -> bool {
        matches!(self.mode, PagingMode::Keyed { .. })
    }

    fn check_width(&self, keys: &PageKeys) -> Result<(), PagingError> {
        let wanted = match &self.awaited {
            Awaited::Page(_) | Awaited::Recheck { .. } => {
                self.range.key.len() + self.range.null.len()
            }
            Awaited::Nulls { columns, .. } => columns.len(),
            Awaited::Nothing => return Err(PagingError::UnexpectedAnswer),
        };
        if keys.is_empty() || (keys.width == wanted && keys.values.len() == wanted * keys.len()) {
            return Ok(());
        }
        Err(PagingError::KeyWidth {
            wanted,
            got: keys.width,
        })
    }

    /// Whether an answer is shorter than any cap could make it; one without a limit is whole.
    fn is_last_page(&self, keys: &PageKeys, limit: Option<u32>) -> bool {
        match limit {
            Some(limit) => self.limits.is_short_answer(keys.len(), limit),
            None => true,
        }
    }

    /// The answer of an operation that cannot be paged.
    fn accept_only_answer(&mut self, page: ReceivedPage<'_>) -> EmittedRows {
        let num_rows = row_count(page.keys.len());
        let is_cut = match self.remaining_rows() {
            Some(most) => num_rows > most || (!page.is_last && num_rows == most),
            None => false,
        };
        if is_cut {
            self.shortfall = Some(Shortfall::MaxRows);
        } else {
            match self.mode {
                PagingMode::Single(reason) if !page.is_last => self.shortfall = Some(reason),
                PagingMode::Single(_) => self.record_range_end(page.keys),
                PagingMode::Whole | PagingMode::Keyed { .. } => self.last_answers.push(num_rows),
            }
        }
        let rows: Vec<usize> = (0..page.keys.len()).collect();
        let emitted = self.emit(&rows);
        self.finish();
        emitted
    }
}
