//! What the pager knows between two answers.

use std::collections::VecDeque;

use crate::filter::Filter;
use crate::model::PageKeys;
use crate::paging::assumption::Verdicts;
use crate::paging::error::PagingError;
use crate::paging::evidence::Shortfall;
use crate::paging::key_groups::KeyGroup;
use crate::paging::key_range::{Bound, KeyRange};
use crate::paging::learned_cap::LearnedCap;
use crate::paging::limits::PagerLimits;
use crate::paging::mode::PagingMode;
use crate::paging::plan::PagerPlan;
use crate::paging::row_multiset::RowMultiset;

/// Pages one task by key. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct Pager {
    pub(super) mode: PagingMode,
    pub(super) base_filter: Option<Filter>,
    pub(super) verdicts: Verdicts,
    pub(super) limits: PagerLimits,
    /// Rows to request.
    pub(super) limit: u32,
    /// What `limit` was before speed or time-outs changed it since the last answer.
    pub(super) untuned_limit: u32,
    /// Never request more: lowered by time-outs.
    pub(super) max_limit: u32,
    pub(super) cap: LearnedCap,
    /// Whether `limit` stays at or below the learned cap.
    pub(super) respects_cap: bool,
    pub(super) range: KeyRange,
    /// Ranges that are read later.
    pub(super) pending_ranges: Vec<KeyRange>,
    pub(super) awaited: Awaited,
    /// Rows with nulls that were seen and must be emitted by the ranges of nulls.
    pub(super) expected_null_rows: RowMultiset,
    pub(super) shortfall: Option<Shortfall>,
    /// An answer has shown that filters are applied.
    pub(super) is_filter_proven: bool,
    pub(super) requests: u64,
    pub(super) rows: u64,
    pub(super) rows_received: u64,
    /// The longest key that was needed.
    pub(super) key: Vec<String>,
    pub(super) largest_limit: u32,
    pub(super) last_answers: Vec<u64>,
}

/// The answer that is awaited.
#[derive(Debug, Clone)]
pub(super) enum Awaited {
    /// The next rows.
    Page(Bound),
    /// Whether one of these columns has a null.
    Nulls {
        columns: Vec<String>,
        filter: Filter,
    },
    /// Why held rows are missing.
    Recheck { recheck: Recheck, bound: Bound },
    /// None: the task has ended.
    Nothing,
}

/// Rows that were held and are missing from the next answer.
#[derive(Debug, Clone)]
pub(super) struct Recheck {
    /// The held group, with the missing rows only.
    pub(super) missing: KeyGroup,
    /// What the answer without them had at that key.
    pub(super) seen: RowMultiset,
    /// Which of the remembered groups, counted from the oldest, the request begins at; `None`: at the start.
    pub(super) from: Option<usize>,
}

/// An answer with rows, and what decides how it is read.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReceivedPage<'a> {
    pub(super) keys: &'a PageKeys,
    /// The limit of its request; `None` where it had none.
    pub(super) limit: Option<u32>,
    /// Whether it is shorter than any cap could make it.
    pub(super) is_last: bool,
}

impl Pager {
    /// A pager before its first request.
    ///
    /// # Errors
    /// If the task has a filter and filters are known to be ignored, or if even the first request fits no URL.
    pub fn new(plan: PagerPlan) -> Result<Self, PagingError> {
        plan.ensure_filter_is_applied()?;
        let mode = plan.mode();
        let limits = plan.limits;
        let (key, spare, first_limit) = match &mode {
            PagingMode::Whole | PagingMode::Single(_) => {
                (Vec::new(), VecDeque::new(), limits.max_limit)
            }
            PagingMode::Keyed { start, spare, .. } => {
                let spare = spare.iter().cloned().collect();
                (start.clone(), spare, limits.first_limit)
            }
        };
        let range = KeyRange::new(key, spare);
        let bound = range.bound_from(plan.base_filter.as_ref(), Vec::new(), limits.url_bytes)?;
        let limit = limits.within_known_cap(first_limit).max(1);
        Ok(Self {
            mode,
            base_filter: plan.base_filter,
            verdicts: plan.verdicts,
            limits,
            limit,
            untuned_limit: limit,
            max_limit: limits.max_limit,
            cap: LearnedCap::new(limits.known_cap),
            respects_cap: true,
            key: range.key.clone(),
            range,
            pending_ranges: Vec::new(),
            awaited: Awaited::Page(bound),
            expected_null_rows: RowMultiset::default(),
            shortfall: None,
            is_filter_proven: false,
            requests: 0,
            rows: 0,
            rows_received: 0,
            largest_limit: 0,
            last_answers: Vec::new(),
        })
    }
}
