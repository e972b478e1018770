//! What a pager wants next: one request, as far as paging decides it, or the end.

use super::evidence::Evidence;
use crate::filter::Filter;

/// What the pager wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum NextStep {
    /// Send this.
    Request(PageRequest),
    /// Nothing more is sent.
    Done(Evidence),
}

/// One request, as far as paging decides it.
#[derive(Debug, Clone, PartialEq)]
pub struct PageRequest {
    /// The whole filter, the task's own included.
    pub filter: Option<Filter>,
    /// Columns to order by, ascending.
    pub order_by: Vec<String>,
    /// Whether the first of them descends instead: a ranking.
    pub is_descending: bool,
    /// Maximum number of rows; `None` where the operation takes no limit.
    pub limit: Option<u32>,
    /// Columns that must be selected: the key of each row in the answer, in this order.
    pub key_columns: Vec<String>,
    /// What it is for.
    pub purpose: Purpose,
}

/// What a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The next rows.
    Page,
    /// The rows after this many.
    Offset(u64),
    /// Whether a key column has nulls; its rows are never exported.
    Nulls,
    /// Why rows that were held are missing; it may contain new rows too.
    Recheck,
}
