//! All pagers behind one interface: all rows by key, all rows by offset, or the first rows of a ranking.

use super::emitted::EmittedRows;
use super::error::PagingError;
use super::offset_pager::OffsetPager;
use super::pager::Pager;
use super::plan::{PagerPlan, Paging};
use super::ranking::Ranking;
use super::request::NextStep;
use crate::model::PageKeys;

/// The smallest limit of a request whose answer is the only one: the API's own default, and more than any known cap.
const MIN_SINGLE_ANSWER_ROWS: u32 = 1_000;

/// Reads one task. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub enum Cursor {
    /// All rows.
    All(Box<Pager>),
    /// All rows, where the operation takes an offset.
    Offset(Box<OffsetPager>),
    /// A ranking.
    Top(Box<Ranking>),
}

impl Cursor {
    /// The pager that the plan calls for, before its first request.
    ///
    /// # Errors
    /// As [`Pager::new`].
    pub fn new(plan: PagerPlan) -> Result<Self, PagingError> {
        if let Some(top) = plan.top.clone() {
            return Ok(Self::Top(Box::new(Ranking::new(plan, top)?)));
        }
        if matches!(plan.paging, Paging::Offset { .. }) {
            return Ok(Self::Offset(Box::new(OffsetPager::new(plan)?)));
        }
        Ok(Self::All(Box::new(Pager::new(plan)?)))
    }

    /// What to do next. Calling it again changes nothing.
    pub fn next(&self) -> NextStep {
        match self {
            Self::All(pager) => pager.next(),
            Self::Offset(pager) => pager.next(),
            Self::Top(ranking) => ranking.next(),
        }
    }

    /// Accepts the answer to the request of [`Cursor::next`].
    ///
    /// # Errors
    /// Where the answers contradict what paging assumes.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<EmittedRows, PagingError> {
        match self {
            Self::All(pager) => pager.answer(keys),
            Self::Offset(pager) => pager.answer(keys),
            Self::Top(ranking) => ranking.answer(keys),
        }
    }

    /// The request timed out: requests half as many rows from now on.
    pub fn shrink_page(&mut self) {
        match self {
            Self::All(pager) => pager.shrink_page(),
            Self::Offset(pager) => pager.shrink_page(),
            Self::Top(ranking) => ranking.shrink_page(),
        }
    }

    /// Answers are fast: a ranking requests all rows that it lacks anyway.
    pub fn grow_page(&mut self) {
        if let Self::All(pager) = self {
            pager.grow_page();
        }
    }

    /// Sets the limit with which a saved request was sent, before its answer is replayed.
    pub fn set_page_limit(&mut self, limit: u32) {
        match self {
            Self::All(pager) => pager.set_page_limit(limit),
            Self::Offset(pager) => pager.set_page_limit(limit),
            Self::Top(ranking) => ranking.set_page_limit(limit),
        }
    }

    /// The smallest limit that may be sent where units are short: rows that a single answer leaves out are never received.
    pub fn min_page_limit(&self) -> u32 {
        let is_paged = match self {
            Self::All(pager) => pager.is_paged(),
            Self::Offset(_) => true,
            Self::Top(ranking) => ranking.is_paged(),
        };
        if is_paged { 1 } else { MIN_SINGLE_ANSWER_ROWS }
    }

    /// The number of rows at which answers are cut, if it is known or was seen.
    pub fn learned_cap(&self) -> Option<u32> {
        match self {
            Self::All(pager) => pager.learned_cap(),
            Self::Offset(_) => None,
            Self::Top(ranking) => ranking.learned_cap(),
        }
    }
}
