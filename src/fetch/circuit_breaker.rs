//! Stops a report whose tasks all fail in the same way: three in a row with one code and one message, and none that
//! succeeded; at once where the API refuses a column or a value. The cause that stopped three tasks stops three hundred,
//! and each of them costs requests.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorCode};

/// Tasks that must fail in the same way, in a row.
const FAILURES: u32 = 3;

/// Why tasks fail: the code, and the message without its causes and context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailureSignature {
    /// The code.
    pub code: ErrorCode,
    /// The message.
    pub message: String,
}

impl FailureSignature {
    /// The reason of an error.
    pub fn of(error: &Error) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
        }
    }
}

#[derive(Debug, Clone)]
enum State {
    Failing {
        reason: FailureSignature,
        times: u32,
    },
    Working,
}

/// A breaker for each report of a run.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker {
    reports: Mutex<BTreeMap<usize, State>>,
}

impl CircuitBreaker {
    /// A task of the report succeeded: the report works, whatever else may fail.
    pub fn succeeded(&self, report: usize) {
        self.lock().insert(report, State::Working);
    }

    /// A task of the report failed.
    pub fn failed(&self, report: usize, error: &Error) {
        // These do not concern the report: the task was stopped from outside.
        if matches!(
            error.code(),
            ErrorCode::Budget | ErrorCode::Interrupted | ErrorCode::Locked
        ) {
            return;
        }
        let mut reports = self.lock();
        let reason = FailureSignature::of(error);
        let next = match reports.get(&report) {
            Some(State::Working) => State::Working,
            Some(State::Failing {
                reason: known,
                times,
            }) if *known == reason => State::Failing {
                reason,
                times: times + 1,
            },
            // An open breaker stays open: requests in flight may fail in another way.
            Some(broken @ State::Failing { times, .. }) if *times >= FAILURES => broken.clone(),
            // A refused column or value is refused in every task.
            Some(State::Failing { .. }) | None if is_drift(error) => State::Failing {
                reason,
                times: FAILURES,
            },
            Some(State::Failing { .. }) | None => State::Failing { reason, times: 1 },
        };
        reports.insert(report, next);
    }

    /// Why no further request is sent for the report, if the breaker is open.
    pub fn broken(&self, report: usize) -> Option<FailureSignature> {
        match self.lock().get(&report)? {
            State::Failing { reason, times } if *times >= FAILURES => Some(reason.clone()),
            State::Failing { .. } | State::Working => None,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<usize, State>> {
        self.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the API refuses what the catalog lists.
fn is_drift(error: &Error) -> bool {
    error.code() == ErrorCode::Refused
        && ["column", "value"]
            .iter()
            .any(|name| error.context_value(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> Error {
        Error::new(ErrorCode::Plan, message)
    }

    #[test]
    fn three_alike_in_a_row_break_a_report_and_one_success_keeps_it() {
        let breaker = CircuitBreaker::default();
        for _ in 0..2 {
            breaker.failed(0, &error("no"));
        }
        assert_eq!(breaker.broken(0), None);
        breaker.failed(0, &error("no").with_context("target", "acme"));
        assert_eq!(
            breaker.broken(0).map(|reason| reason.code),
            Some(ErrorCode::Plan)
        );
        breaker.failed(0, &error("something else"));
        assert!(breaker.broken(0).is_some(), "it stays broken");
        assert_eq!(breaker.broken(1), None, "another report goes on");
        breaker.succeeded(1);
        for _ in 0..9 {
            breaker.failed(1, &error("no"));
        }
        assert_eq!(breaker.broken(1), None);
    }

    #[test]
    fn a_refused_column_breaks_a_report_at_once() {
        let breaker = CircuitBreaker::default();
        breaker.failed(
            0,
            &Error::new(ErrorCode::Refused, "no `x`").with_context("column", "x"),
        );
        assert_eq!(
            breaker.broken(0).map(|reason| reason.code),
            Some(ErrorCode::Refused)
        );
        breaker.failed(
            1,
            &Error::new(ErrorCode::Value, "no integer").with_context("column", "x"),
        );
        breaker.failed(2, &Error::new(ErrorCode::Refused, "bad target"));
        assert_eq!((breaker.broken(1), breaker.broken(2)), (None, None));
    }

    #[test]
    fn different_reasons_and_stops_break_nothing() {
        let breaker = CircuitBreaker::default();
        for message in ["a", "b", "a", "b", "c"] {
            breaker.failed(0, &error(message));
        }
        for _ in 0..5 {
            breaker.failed(1, &Error::new(ErrorCode::Budget, "no more"));
        }
        assert_eq!((breaker.broken(0), breaker.broken(1)), (None, None));
    }
}
