//! The meter: units, requests a minute, the cache of recent requests, and statistics.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::sandbox::refusal::Refusal;

/// How long an identical request is answered from the cache.
const CACHE_TIME: Duration = Duration::from_mins(1);
/// Window of the request limit.
const MINUTE: Duration = Duration::from_mins(1);

/// What was served since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Requests under `/v3`, refused and failed ones included.
    pub requests: u64,
    /// Rows of all answers, lost ones included.
    pub rows: u64,
    /// Units charged, lost ones included.
    pub units: u64,
    /// Units charged for answers that were then lost or corrupted.
    pub units_lost: u64,
    /// Answers from the cache.
    pub cache_hits: u64,
    /// Rows that were examined to find those of the answers: the work behind them.
    #[serde(rename = "rows_looked_at")]
    pub rows_examined: u64,
    /// The same per operation.
    pub endpoints: BTreeMap<String, EndpointStats>,
}

/// Statistics of one operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct EndpointStats {
    /// Requests, refused and failed ones included.
    pub requests: u64,
    /// Rows of all answers, lost ones included.
    pub rows: u64,
    /// Units charged, lost ones included.
    pub units: u64,
    /// Units charged for answers that were then lost or corrupted.
    pub units_lost: u64,
}

/// Counts and limits. One lock protects it; nothing here waits.
#[derive(Debug)]
pub(crate) struct Meter {
    limit: Option<u64>,
    requests_per_minute: Option<u32>,
    /// Requests ever made, never reset: faults and churn are drawn by it.
    total_requests: u64,
    recent: VecDeque<Instant>,
    used: u64,
    reserved: u64,
    cache: HashMap<String, Instant>,
    pub(crate) stats: Stats,
}

impl Meter {
    pub(crate) fn new(limit: Option<u64>, requests_per_minute: Option<u32>) -> Self {
        Self {
            limit,
            requests_per_minute,
            total_requests: 0,
            recent: VecDeque::new(),
            used: 0,
            reserved: 0,
            cache: HashMap::new(),
            stats: Stats::default(),
        }
    }

    /// Counts a request; returns its number, from 1.
    pub(crate) fn count(&mut self, endpoint: Option<&str>) -> u64 {
        self.total_requests += 1;
        self.stats.requests += 1;
        if let Some(name) = endpoint {
            let stats = self.stats.endpoints.entry(name.to_owned());
            stats.or_default().requests += 1;
        }
        self.total_requests
    }

    /// Admits a request under the limit of requests a minute.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<(), Refusal> {
        let Some(limit) = self.requests_per_minute else {
            return Ok(());
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        while let Some(first) = self.recent.front() {
            let age = now.duration_since(*first);
            if age >= MINUTE {
                self.recent.pop_front();
            } else if self.recent.len() >= limit {
                let wait = MINUTE.saturating_sub(age);
                return Err(Refusal::TooManyRequests {
                    retry_after: wait.as_secs() + 1,
                });
            } else {
                break;
            }
        }
        self.recent.push_back(now);
        Ok(())
    }

    /// Whether this request was answered within the last minute.
    pub(crate) fn is_cached(&mut self, request: &str, now: Instant) -> bool {
        self.cache
            .retain(|_, answered| now.duration_since(*answered) < CACHE_TIME);
        self.cache.contains_key(request)
    }

    pub(crate) fn remember(&mut self, request: String, now: Instant) {
        self.cache.insert(request, now);
    }

    /// Reserves the expected cost, so that concurrent requests cannot exceed the limit together.
    pub(crate) fn reserve(&mut self, expected: u64) -> Result<(), Refusal> {
        if let Some(limit) = self.limit {
            let left = limit.saturating_sub(self.used + self.reserved);
            if expected > left {
                return Err(Refusal::UnitsExhausted { expected, left });
            }
        }
        self.reserved += expected;
        Ok(())
    }

    /// Charges an answer and releases what was reserved for it.
    pub(crate) fn charge(
        &mut self,
        endpoint: &str,
        expected: u64,
        rows: u64,
        units: u64,
        lost: bool,
    ) {
        self.reserved = self.reserved.saturating_sub(expected);
        self.used += units;
        let units_lost = if lost { units } else { 0 };
        self.stats.rows += rows;
        self.stats.units += units;
        self.stats.units_lost += units_lost;
        let entry = self.stats.endpoints.entry(endpoint.to_owned()).or_default();
        entry.rows += rows;
        entry.units += units;
        entry.units_lost += units_lost;
    }

    pub(crate) fn used(&self) -> u64 {
        self.used
    }

    pub(crate) fn limit(&self) -> Option<u64> {
        self.limit
    }

    /// Clears statistics, units used, recent requests and the cache.
    pub(crate) fn reset(&mut self) {
        self.stats = Stats::default();
        self.used = 0;
        self.recent.clear();
        self.cache.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_holds_for_any_minute() {
        let start = Instant::now();
        let mut meter = Meter::new(None, Some(2));
        meter.admit(start).unwrap();
        meter.admit(start + Duration::from_secs(30)).unwrap();
        let refused = meter.admit(start + Duration::from_secs(45)).unwrap_err();
        assert_eq!(refused, Refusal::TooManyRequests { retry_after: 16 });
        meter.admit(start + MINUTE).unwrap();
        assert!(meter.admit(start + Duration::from_secs(61)).is_err());
    }

    #[test]
    fn reserved_units_cannot_be_spent_twice() {
        let mut meter = Meter::new(Some(100), None);
        meter.reserve(60).unwrap();
        assert_eq!(
            meter.reserve(60).unwrap_err(),
            Refusal::UnitsExhausted {
                expected: 60,
                left: 40
            }
        );
        meter.charge("site-explorer/anchors", 60, 5, 50, false);
        meter.reserve(50).unwrap();
    }
}
