//! What became of each attempt, for those who keep accounts, and what an answer's headers say of its price.

use reqwest::header::HeaderMap;

use crate::model::Price;

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempted {
    /// The most that it could cost.
    pub expected: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// How an attempt ended, and what it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With an answer that can be used.
    Answered {
        /// Units charged.
        units: u64,
        /// What its headers said.
        price: Price,
        /// When its last byte arrived, in microseconds since 1970.
        received_at: i64,
    },
    /// With an answer that is of no use: damaged, or cut off behind its headers.
    Lost {
        /// Units charged.
        units: u64,
    },
    /// It left, and no header came back: nobody knows whether it was charged. It counts as charged.
    Unknown,
    /// Without a charge: refused, or failed at the other end.
    Refused,
}

/// An attempt that has left and of which nothing is known yet. Dropped in that state, it ends as [`Outcome::Unknown`]: an
/// answer that never came may have been billed.
pub(super) struct Pending<'a> {
    note: &'a (dyn Fn(Attempted) + Send + Sync),
    expected: u64,
    open: bool,
}

impl<'a> Pending<'a> {
    pub(super) fn new(note: &'a (dyn Fn(Attempted) + Send + Sync), expected: u64) -> Self {
        Self {
            note,
            expected,
            open: true,
        }
    }

    pub(super) fn end(mut self, outcome: Outcome) {
        self.open = false;
        (self.note)(Attempted {
            expected: self.expected,
            outcome,
        });
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if self.open {
            (self.note)(Attempted {
                expected: self.expected,
                outcome: Outcome::Unknown,
            });
        }
    }
}

/// Units charged by what the headers said; `None` if they said nothing.
pub(super) fn charged(price: &Price) -> Option<u64> {
    price.units_actual.or(if price.cache_hit {
        Some(0)
    } else {
        price.units_total
    })
}

/// What the headers say of the price.
pub(super) fn price(headers: &HeaderMap) -> Price {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    Price {
        rows: number("x-api-rows"),
        units_per_row: number("x-api-units-cost-row"),
        units_total: number("x-api-units-cost-total"),
        units_actual: number("x-api-units-cost-total-actual"),
        cache_hit: headers
            .get("x-api-cache")
            .is_some_and(|value| value.as_bytes() == b"hit"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn a_cache_hit_without_an_actual_price_costs_nothing() {
        let price = Price {
            units_total: Some(90),
            cache_hit: true,
            ..Price::default()
        };
        assert_eq!(charged(&price), Some(0));
        assert_eq!(charged(&Price::default()), None);
    }

    #[test]
    fn an_attempt_that_vanishes_is_noted_as_one_of_which_nobody_knows() {
        let noted = Mutex::new(Vec::new());
        let note = |attempted: Attempted| noted.lock().expect("sound").push(attempted.outcome);
        Pending::new(&note, 50).end(Outcome::Refused);
        drop(Pending::new(&note, 50));
        assert_eq!(
            *noted.lock().expect("sound"),
            [Outcome::Refused, Outcome::Unknown]
        );
    }
}
