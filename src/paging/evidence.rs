//! Why a task's rows are believed to be complete, or what is missing: recorded with each task.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::assumption::Assumption;

/// What paging knows of a task when it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Complete, or capped by what.
    pub status: Status,
    /// Requests answered.
    pub requests: u64,
    /// Rows exported.
    pub rows: u64,
    /// Rows received that were not exported from their answer: held and received again, or beyond a maximum.
    pub rows_reread: u64,
    /// The longest key that was needed.
    pub key: Vec<String>,
    /// The largest limit that was sent; 0 where none was.
    pub limit: u32,
    /// Rows of the answers that ended the ranges, the last range last.
    pub last_answers: Vec<u64>,
    /// Why completeness of a complete task cannot be proven, if it cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<BestEffort>,
}

impl Evidence {
    /// Of two parts of one task: complete only if both are, and the first shortfall counts.
    #[must_use]
    pub fn and(self, next: Self) -> Self {
        let Self {
            status,
            requests,
            rows,
            rows_reread,
            key,
            limit,
            last_answers,
            best_effort,
        } = next;
        Self {
            status: if self.status == Status::Complete {
                status
            } else {
                self.status
            },
            requests: self.requests + requests,
            rows: self.rows + rows,
            rows_reread: self.rows_reread + rows_reread,
            key: if key.len() > self.key.len() {
                key
            } else {
                self.key
            },
            limit: self.limit.max(limit),
            last_answers: [self.last_answers, last_answers].concat(),
            best_effort: self.best_effort.or(best_effort),
        }
    }
}

/// What no answer can prove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BestEffort {
    /// A ranking took more than one page: a row whose value moved meanwhile may be missing, or ranked by its former value.
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

impl Status {
    pub(super) fn from_shortfall(shortfall: Option<Shortfall>) -> Self {
        match shortfall {
            Some(shortfall) => Self::Capped(shortfall),
            None => Self::Complete,
        }
    }
}

/// What keeps a task from being complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortfall {
    /// The task's own `max_rows`.
    MaxRows,
    /// The maximum number of requests.
    MaxRequests,
    /// One answer was all there is to get, since the operation has no order key, and it was not short.
    NoOrderKey,
    /// Rows were skipped in an order in which some are equal, so that one may have come twice and another not at all.
    NoTotalOrder,
    /// No filter can name the ranked column, so the rows after the first answer cannot be requested.
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
            Self::NoTotalOrder => f.write_str("no_total_order"),
            Self::RankingNotFilterable => f.write_str("ranking_not_filterable"),
            Self::RankingTies => f.write_str("ranking_ties"),
            Self::Assumption(assumption) => assumption.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(status: Status, rows: u64, key: &[&str]) -> Evidence {
        Evidence {
            status,
            requests: 1,
            rows,
            rows_reread: 1,
            key: key.iter().map(|name| (*name).to_owned()).collect(),
            limit: 100,
            last_answers: vec![rows],
            best_effort: None,
        }
    }

    #[test]
    fn a_part_that_is_capped_caps_the_whole() {
        let capped = Status::Capped(Shortfall::NoOrderKey);
        for (first, second, both) in [
            (Status::Complete, Status::Complete, Status::Complete),
            (Status::Complete, capped, capped),
            (capped, Status::Complete, capped),
            (capped, Status::Capped(Shortfall::MaxRows), capped),
        ] {
            let whole = part(first, 3, &["a"]).and(part(second, 4, &["a", "b"]));
            assert_eq!(whole.status, both);
            assert_eq!(
                (whole.requests, whole.rows, whole.rows_reread, whole.limit),
                (2, 7, 2, 100)
            );
            assert_eq!((whole.key.len(), whole.last_answers), (2, vec![3, 4]));
        }
    }
}
