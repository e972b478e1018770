//! What became of each attempt, for those who record costs, and what the headers of a response say about its price.

use reqwest::header::HeaderMap;

use crate::model::Price;

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptRecord {
    /// The most that it could cost.
    pub expected: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a usable response.
    Answered {
        /// Units charged.
        units: u64,
        /// What its headers said about the price.
        price: Price,
        /// When its last byte arrived, in microseconds since 1970.
        received_at: i64,
    },
    /// With a response that was charged and cannot be used: damaged, or broken off after its headers.
    ChargedButUnusable {
        /// Units charged.
        units: u64,
    },
    /// It was sent and no header came back: whether it was charged is unknown. It counts as charged.
    Unknown,
    /// Without a charge: refused, or failed on the server.
    Refused,
}

/// Records what becomes of an attempt that was sent. Dropped before that is known, it records [`Outcome::Unknown`]: a
/// response that never arrived may have been charged.
pub(super) struct AttemptGuard<'a> {
    record: &'a (dyn Fn(AttemptRecord) + Send + Sync),
    expected: u64,
    is_open: bool,
}

impl<'a> AttemptGuard<'a> {
    pub(super) fn new(record: &'a (dyn Fn(AttemptRecord) + Send + Sync), expected: u64) -> Self {
        Self {
            record,
            expected,
            is_open: true,
        }
    }

    /// Records how the attempt ended.
    pub(super) fn finish(mut self, outcome: Outcome) {
        self.is_open = false;
        self.record(outcome);
    }

    fn record(&self, outcome: Outcome) {
        (self.record)(AttemptRecord {
            expected: self.expected,
            outcome,
        });
    }
}

impl Drop for AttemptGuard<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.record(Outcome::Unknown);
        }
    }
}

/// Units charged according to the headers; `None` if they do not say.
pub(super) fn charged_units(price: &Price) -> Option<u64> {
    match price.units_actual {
        Some(units) => Some(units),
        None if price.cache_hit => Some(0),
        None => price.units_total,
    }
}

/// What the headers say about the price.
pub(super) fn price_from(headers: &HeaderMap) -> Price {
    Price {
        rows: number(headers, "x-api-rows"),
        units_per_row: number(headers, "x-api-units-cost-row"),
        units_total: number(headers, "x-api-units-cost-total"),
        units_actual: number(headers, "x-api-units-cost-total-actual"),
        cache_hit: headers
            .get("x-api-cache")
            .is_some_and(|value| value.as_bytes() == b"hit"),
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_cache_hit_without_an_actual_price_is_free() {
        let price = Price {
            units_total: Some(90),
            cache_hit: true,
            ..Price::default()
        };
        assert_eq!(charged_units(&price), Some(0));
        assert_eq!(charged_units(&Price::default()), None);
    }

    #[test]
    fn a_dropped_attempt_is_recorded_as_unknown() {
        let recorded = Mutex::new(Vec::new());
        let record = |attempt: AttemptRecord| recorded.lock().expect("sound").push(attempt.outcome);
        AttemptGuard::new(&record, 50).finish(Outcome::Refused);
        drop(AttemptGuard::new(&record, 50));
        assert_eq!(
            *recorded.lock().expect("sound"),
            [Outcome::Refused, Outcome::Unknown]
        );
    }
}
