//! A ranking: the rows with the greatest values of one column, and no more of them than were requested.
//!
//! Rows are ordered by that column descending, then by K. Where an answer has them all, that is one request. Where a cap
//! cuts, the next request begins at the position of the last row, so its group is received again and skipped; when none of
//! it is, filter and order do not agree on that position, and the ranking ends there as capped: what was exported is always
//! the beginning of the ranking. Rows without a value rank last, wherever the source puts them.
//!
//! The column may be a float and may move between two requests, so more than one page of a ranking is best effort.

mod accept_answer;
mod finish;
mod position;
mod request;
mod state;
mod step;

pub use state::Ranking;
