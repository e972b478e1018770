//! The cursor over an API that has no offset: which request comes next, and which rows of an answer are exported.
//!
//! Owns the order key K, the ranges that it asks for, and the proof that a range is complete. Must not know clocks,
//! randomness, HTTP, files or Arrow: it sees the keys and digests of rows ([`crate::model::PageKeys`]), never the rows.
//!
//! ```text
//! plan ─▶ Pager ─▶ next(): Ask ─▶ (somebody sends it, saves the answer) ─▶ answer(): Emit ─▶ … ─▶ Done(Evidence)
//! ```
//!
//! Invariants:
//! - a row is emitted from exactly one answer, and only once its whole group (the rows of equal key) was seen in it;
//! - the last group of an answer is *held*: the next answer must bring its rows again;
//! - the same answers always give the same requests and the same emitted rows, so progress is a fold over answers;
//! - a ranking is read by a machine of its own, which sends no more requests than its rows need;
//! - whatever the answers are, the end is one of: everything, an error, or [`Evidence`] that names what is missing.

mod cursor;
mod error;
mod evidence;
mod groups;
mod limit;
mod nulls;
mod offset;
mod pager;
mod plan;
mod probe;
mod range;
mod ranking;
mod recheck;

use std::ops::Range;

use crate::filter::Filter;

pub use cursor::Cursor;
pub use error::PagingError;
pub use evidence::{BestEffort, Evidence, Shortfall, Status};
pub use offset::Skipping;
pub use pager::Pager;
pub use plan::{
    Assumption, Grouping, KeyColumn, PagerLimits, PagerPlan, Paging, Top, Verdict, Verdicts,
};
pub use probe::{Finding, Probe, ProbeStep, VERDICT_DAYS};

/// What the pager wants next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send this.
    Ask(Ask),
    /// Nothing more is sent.
    Done(Evidence),
}

/// One request, as far as paging decides it.
#[derive(Debug, Clone, PartialEq)]
pub struct Ask {
    /// The whole filter, the task's own included.
    pub filter: Option<Filter>,
    /// Columns to order by, ascending.
    pub order_by: Vec<String>,
    /// Whether the first of them descends instead: a ranking.
    pub descends: bool,
    /// Rows at most; `None` where the operation takes no limit.
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
    /// The rows behind the first so many.
    Behind(u64),
    /// Whether a key column has nulls; its rows are never exported.
    Nulls,
    /// Why rows that were held did not come again; it may bring new rows too.
    Recheck,
}

/// Which rows of the answer are exported from now on. All others were exported before, or will come again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emit {
    /// Ranges of row numbers, ascending and disjoint.
    pub ranges: Vec<Range<usize>>,
}

impl Emit {
    fn of(rows: impl IntoIterator<Item = usize>) -> Self {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for row in rows {
            match ranges.last_mut() {
                Some(range) if range.end == row => range.end += 1,
                _ => ranges.push(row..row + 1),
            }
        }
        Self { ranges }
    }

    /// Number of rows.
    pub fn num_rows(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }
}
