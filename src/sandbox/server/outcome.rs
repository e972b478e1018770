//! A request as far as the sandbox reads it, and what happens to it.

use crate::sandbox::answer::Page;
use crate::sandbox::faults::Fault;
use crate::sandbox::refusal::Refusal;

/// A request as far as the sandbox reads it.
#[derive(Debug)]
pub(crate) struct ApiRequest {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: Option<String>,
    /// Of a POST.
    pub(crate) body: Vec<u8>,
}

impl ApiRequest {
    /// What makes two requests the same.
    pub(crate) fn fingerprint(&self) -> String {
        let body = String::from_utf8_lossy(&self.body);
        format!("{}?{} {body}", self.path, self.raw_query)
    }
}

/// What happens to a request.
#[derive(Debug)]
pub(crate) enum Outcome {
    Answer {
        page: Page,
        cost: UnitCost,
        /// Done to the answer on its way.
        fault: Option<Fault>,
    },
    Refused(Refusal),
    /// A fault before anything is computed; `retry_after` belongs to an injected 429.
    Injected {
        fault: Fault,
        retry_after: bool,
    },
}

/// The cost of an answer, as its headers report it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UnitCost {
    pub(crate) per_row: u64,
    pub(crate) total: u64,
    pub(crate) actual: u64,
    pub(crate) cache: &'static str,
}

impl UnitCost {
    /// Nothing is charged, whatever the answer.
    pub(crate) const FREE: Self = Self {
        per_row: 0,
        total: 0,
        actual: 0,
        cache: "no_cache",
    };

    /// The cost of an answer of `total` units.
    pub(crate) fn new(per_row: u64, total: u64, is_free: bool, is_cached: bool) -> Self {
        Self {
            per_row,
            total,
            actual: if is_free || is_cached { 0 } else { total },
            cache: match (is_free, is_cached) {
                (true, _) => "no_cache",
                (false, true) => "hit",
                (false, false) => "miss",
            },
        }
    }
}
