//! The cursor over an API that has no offset: which request comes next, and which rows of an answer are exported.
//!
//! Owns the order key K, the ranges that it asks for, and the proof that a range is complete. Must not know clocks,
//! randomness, HTTP, files or Arrow: it sees the keys and digests of rows ([`crate::model::PageKeys`]), never the rows.
//!
//! ```text
//! PagerPlan ─▶ Cursor ─▶ next(): PageRequest ─▶ (the caller sends it and saves the answer)
//!                ▲                                      │
//!                └── answer(): EmittedRows ◀────────────┘      … ─▶ next(): Done(Evidence)
//! ```
//!
//! Invariants:
//! - a row is emitted from exactly one answer, and only once its whole group (the rows of equal key) was seen in it;
//! - the last group of an answer is *held*: the next answer must contain its rows again;
//! - the same answers always give the same requests and the same emitted rows, so progress is a fold over answers;
//! - a ranking is read by a state machine of its own, which sends no more requests than its rows need;
//! - whatever the answers are, the end is one of: everything, an error, or [`Evidence`] that names what is missing.

mod assumption;
mod cursor;
mod emitted;
mod error;
mod evidence;
mod key_groups;
mod key_range;
mod learned_cap;
mod limits;
mod mode;
mod offset_pager;
mod pager;
mod plan;
mod probe;
mod ranking;
mod request;
mod row_multiset;
mod url_length;

pub use assumption::{Assumption, Verdict, Verdicts};
pub use cursor::Cursor;
pub use emitted::EmittedRows;
pub use error::PagingError;
pub use evidence::{BestEffort, Evidence, Shortfall, Status};
pub use limits::PagerLimits;
pub use pager::Pager;
pub use plan::{KeyColumn, PagerPlan, Paging, RowGrouping, Top};
pub use probe::{Probe, ProbeResult, ProbeStep};
pub use request::{NextStep, PageRequest, Purpose};
