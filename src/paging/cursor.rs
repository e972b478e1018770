//! Every machine behind one face: all rows by key, all rows by skipping, or the first rows of a ranking.

use crate::model::PageKeys;

use super::ranking::Ranking;
use super::{Emit, Pager, PagerPlan, Paging, PagingError, Skipping, Step, Verdict};

/// Rows that a single answer is asked for at least: the API's own default, and more than any known cap leaves.
const LEAST_OF_ONE_ANSWER: u32 = 1_000;

/// Reads one task. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub enum Cursor {
    /// All rows.
    All(Box<Pager>),
    /// All rows, where rows can be skipped.
    Skip(Box<Skipping>),
    /// A ranking.
    Top(Box<Ranking>),
}

impl Cursor {
    /// The machine that the plan calls for, before its first request.
    ///
    /// # Errors
    /// As [`Pager::new`].
    pub fn new(plan: PagerPlan) -> Result<Self, PagingError> {
        match plan.top.clone() {
            None if matches!(plan.paging, Paging::Skipping { .. }) => {
                if plan.base.is_some() && plan.verdicts.where_honoured == Verdict::Broken {
                    return Err(PagingError::FilterIgnored);
                }
                Ok(Self::Skip(Box::new(Skipping::new(plan))))
            }
            None => Ok(Self::All(Box::new(Pager::new(plan)?))),
            Some(top) => Ok(Self::Top(Box::new(Ranking::new(plan, top)?))),
        }
    }

    /// What to do next. Asking again changes nothing.
    pub fn next(&self) -> Step {
        match self {
            Self::All(pager) => pager.next(),
            Self::Skip(pages) => pages.next(),
            Self::Top(ranking) => ranking.next(),
        }
    }

    /// Takes the answer to the request that [`Cursor::next`] wants.
    ///
    /// # Errors
    /// Where the answers contradict what paging rests on.
    pub fn answer(&mut self, keys: &PageKeys) -> Result<Emit, PagingError> {
        match self {
            Self::All(pager) => pager.answer(keys),
            Self::Skip(pages) => pages.answer(keys),
            Self::Top(ranking) => ranking.answer(keys),
        }
    }

    /// The request timed out: asks for half as many rows from now on.
    pub fn slower(&mut self) {
        match self {
            Self::All(pager) => pager.slower(),
            Self::Skip(pages) => pages.slower(),
            Self::Top(ranking) => ranking.slower(),
        }
    }

    /// Answers are fast: a ranking asks for all that it lacks anyway.
    pub fn faster(&mut self) {
        if let Self::All(pager) = self {
            pager.faster();
        }
    }

    /// Sets the limit with which a saved request was sent, before its answer is fed again.
    pub fn at_limit(&mut self, limit: u32) {
        match self {
            Self::All(pager) => pager.at_limit(limit),
            Self::Skip(pages) => pages.at_limit(limit),
            Self::Top(ranking) => ranking.at_limit(limit),
        }
    }

    /// The fewest rows that may be asked for where units are short: what a single answer leaves out never comes.
    pub fn least_limit(&self) -> u32 {
        let goes_on = match self {
            Self::All(pager) => pager.goes_on(),
            Self::Skip(_) => true,
            Self::Top(ranking) => ranking.goes_on(),
        };
        if goes_on { 1 } else { LEAST_OF_ONE_ANSWER }
    }

    /// The number of rows at which answers are cut, if it is known or was seen.
    pub fn learned_cap(&self) -> Option<u32> {
        match self {
            Self::All(pager) => pager.learned_cap(),
            Self::Skip(_) => None,
            Self::Top(ranking) => ranking.learned_cap(),
        }
    }
}
