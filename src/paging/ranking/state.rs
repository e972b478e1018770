//! What is known of a ranking between two answers.

use std::collections::{HashMap, VecDeque};

use crate::filter::Filter;
use crate::model::Value;
use crate::paging::assumption::{Assumption, Verdict, Verdicts};
use crate::paging::error::PagingError;
use crate::paging::evidence::Shortfall;
use crate::paging::learned_cap::LearnedCap;
use crate::paging::limits::PagerLimits;
use crate::paging::mode::PagingMode;
use crate::paging::plan::{PagerPlan, Top};
use crate::paging::row_multiset::RowMultiset;

/// Reads one ranking. Feed it every answer in order; after an error it must not be used again.
#[derive(Debug, Clone)]
pub struct Ranking {
    pub(super) top: Top,
    pub(super) base_filter: Option<Filter>,
    pub(super) verdicts: Verdicts,
    pub(super) limits: PagerLimits,
    /// Columns of K that follow the ranked one in the order.
    pub(super) key: Vec<String>,
    /// Columns of K that may be appended.
    pub(super) spare: VecDeque<String>,
    /// Why nothing after the first answer can be requested.
    pub(super) paging_obstacle: Option<Shortfall>,
    /// What is recorded when ties fill an answer and no column is left.
    pub(super) tie_shortfall: Shortfall,
    /// The doubt about the order of the ranked column itself.
    pub(super) order_doubt: Option<Assumption>,
    pub(super) part: RankingPart,
    /// Position of the last row so far: the ranked value, then K.
    pub(super) bound: Vec<Value>,
    /// Rows that were exported and are received again from the bound on.
    pub(super) expected_rows: RowMultiset,
    /// The value that a row had when it was exported, by a hash of its identity.
    pub(super) exported_values: HashMap<u64, Value>,
    pub(super) max_limit: u32,
    pub(super) cap: LearnedCap,
    pub(super) has_ended: bool,
    pub(super) shortfall: Option<Shortfall>,
    pub(super) spans_pages: bool,
    /// An answer has shown that filters are applied.
    pub(super) is_filter_proven: bool,
    pub(super) requests: u64,
    pub(super) rows: u64,
    pub(super) rows_received: u64,
    pub(super) largest_limit: u32,
    pub(super) last_answers: Vec<u64>,
}

/// Which rows are requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RankingPart {
    /// All of them: the first request.
    All,
    /// Those with a value.
    WithValue,
    /// Those without.
    WithoutValue,
}

impl Ranking {
    /// A ranking before its first request.
    ///
    /// # Errors
    /// If the task has a filter and filters are known to be ignored, or if even the first request fits no URL.
    pub fn new(plan: PagerPlan, top: Top) -> Result<Self, PagingError> {
        plan.ensure_filter_is_applied()?;
        let (key, spare, tie_shortfall) = key_after(&top.by, plan.mode());
        let order_doubt = if top.is_text {
            plan.verdicts.string_doubt()
        } else {
            None
        };
        let ranking = Self {
            paging_obstacle: paging_obstacle(plan.verdicts, &top, order_doubt),
            tie_shortfall,
            order_doubt,
            key,
            spare,
            top,
            base_filter: plan.base_filter,
            verdicts: plan.verdicts,
            limits: plan.limits,
            part: RankingPart::All,
            bound: Vec::new(),
            expected_rows: RowMultiset::default(),
            exported_values: HashMap::new(),
            max_limit: plan.limits.max_limit.max(1),
            cap: LearnedCap::new(plan.limits.known_cap),
            has_ended: false,
            shortfall: None,
            spans_pages: false,
            is_filter_proven: false,
            requests: 0,
            rows: 0,
            rows_received: 0,
            largest_limit: 0,
            last_answers: Vec::new(),
        };
        ranking.check_url()?;
        Ok(ranking)
    }
}

/// The columns of K that follow the ranked one, those that may be appended, and what is recorded when they do not suffice.
fn key_after(by: &str, mode: PagingMode) -> (Vec<String>, VecDeque<String>, Shortfall) {
    match mode {
        PagingMode::Keyed {
            start: mut key,
            mut spare,
            withheld,
        } => {
            key.retain(|column| column != by);
            spare.retain(|column| column != by);
            let tie_shortfall = match withheld {
                Some(doubt) => Shortfall::Assumption(doubt),
                None => Shortfall::RankingTies,
            };
            (key, VecDeque::from(spare), tie_shortfall)
        }
        PagingMode::Single(doubt @ Shortfall::Assumption(_)) => {
            (Vec::new(), VecDeque::new(), doubt)
        }
        PagingMode::Single(_) | PagingMode::Whole => {
            (Vec::new(), VecDeque::new(), Shortfall::RankingTies)
        }
    }
}

/// Why the rest of a ranking cannot be requested, if it cannot.
fn paging_obstacle(
    verdicts: Verdicts,
    top: &Top,
    order_doubt: Option<Assumption>,
) -> Option<Shortfall> {
    if verdicts.where_honoured == Verdict::Broken {
        return Some(Shortfall::Assumption(Assumption::WhereHonoured));
    }
    if verdicts.cap_after_order != Verdict::Holds {
        return Some(Shortfall::Assumption(Assumption::CapAfterOrder));
    }
    if !top.is_filterable {
        return Some(Shortfall::RankingNotFilterable);
    }
    if top.divides_groups && verdicts.filter_before_group != Verdict::Broken {
        return Some(Shortfall::Assumption(Assumption::FilterBeforeGroup));
    }
    order_doubt.map(Shortfall::Assumption)
}
