//! Why a task's rows are believed to be complete, or what is missing: recorded with each task.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Assumption;

/// What paging can say of a task when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Complete, or capped by what.
    pub status: Status,
    /// Requests answered.
    pub requests: u64,
    /// Rows exported.
    pub rows: u64,
    /// Rows received that were not exported from their answer: held and received again, or beyond a fuse.
    pub rows_reread: u64,
    /// The longest key that was needed.
    pub key: Vec<String>,
    /// The largest limit that was sent; 0 where none was.
    pub limit: u32,
    /// Rows of the answers that ended the ranges, the last range last.
    pub last_answers: Vec<u64>,
    /// Why a complete task is no more than the best that could be done, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<BestEffort>,
}

/// What no answer can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestEffort {
    /// A ranking took more than one page: a row whose value moved meanwhile may be missing, or stand where it was.
    RankingOverPages,
}

/// Whether all rows are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Every range ended with an answer that no cap can have cut.
    Complete,
    /// Rows may be missing.
    Capped(Shortfall),
}

/// What keeps a task from being complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// The task's own `max_rows`.
    MaxRows,
    /// The fuse on the number of requests.
    MaxRequests,
    /// One answer was all there is to get, since the operation has no order key, and it was not short.
    NoOrderKey,
    /// The ranked column cannot stand in a filter, so there is no asking for what comes behind the first answer.
    RankingNotFilterable,
    /// More rows tie in a ranking than an answer holds, and no column is left to tell them apart.
    RankingTies,
    /// An assumption that is not known to hold.
    Assumption(Assumption),
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxRows => f.write_str("max_rows"),
            Self::MaxRequests => f.write_str("max_requests"),
            Self::NoOrderKey => f.write_str("no_order_key"),
            Self::RankingNotFilterable => f.write_str("ranking_not_filterable"),
            Self::RankingTies => f.write_str("ranking_ties"),
            Self::Assumption(assumption) => assumption.fmt(f),
        }
    }
}
