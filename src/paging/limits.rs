//! Sizes of requests and maxima of a task.

use crate::catalog::FREE_ROWS;

/// Sizes of requests and maxima of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PagerLimits {
    /// The smallest cap that the API may have: only an answer shorter than this ends a range.
    pub cap_floor: u32,
    /// Rows of the first request.
    pub first_limit: u32,
    /// Maximum rows of a request.
    pub max_limit: u32,
    /// A cap that was found before for this workspace and endpoint.
    pub known_cap: Option<u32>,
    /// Maximum rows of the task; reaching it leaves the task capped.
    pub max_rows: Option<u64>,
    /// Maximum requests of the task.
    pub max_requests: u64,
    /// Bytes of the encoded URL that are left for filter, order and key columns.
    pub url_bytes: usize,
}

impl Default for PagerLimits {
    fn default() -> Self {
        Self {
            cap_floor: FREE_ROWS,
            first_limit: 5_000,
            max_limit: 50_000,
            known_cap: None,
            max_rows: None,
            max_requests: 100_000,
            url_bytes: 7 * 1024,
        }
    }
}

impl PagerLimits {
    /// `limit`, or the known cap where it is lower.
    pub(super) fn within_known_cap(&self, limit: u32) -> u32 {
        match self.known_cap {
            Some(cap) => limit.min(cap),
            None => limit,
        }
    }

    /// Whether an answer to a request for `limit` rows is shorter than any cap could make it.
    pub(super) fn is_short_answer(&self, num_rows: usize, limit: u32) -> bool {
        match u32::try_from(num_rows) {
            Ok(num_rows) => num_rows < limit.min(self.cap_floor),
            Err(_) => false,
        }
    }
}
