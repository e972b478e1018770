//! Retries requests, by the class of the failure, with full jitter and within a bounded time.

use std::time::{Duration, Instant};

use object_store::path::Path;

use super::bucket::Bucket;
use super::request_failure::{Operation, RequestFailure};
use super::wire::{FailureClass, WireFailure, capture_wire_failure, classify};

/// The longest wait after the first failure; doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// No wait is longer, unless the store asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Credentials that have expired are requested again so often: in most cases they are not renewed.
const MAX_RENEWALS: u32 = 3;

/// One attempt that failed.
struct FailedAttempt {
    class: FailureClass,
    wire_failure: Option<WireFailure>,
    error: object_store::Error,
}

impl Bucket {
    /// Sends a request until it has a definite answer. A failure says whether one of the attempts may have been carried
    /// out.
    pub(crate) async fn send<T, F>(
        &self,
        operation: Operation,
        path: &Path,
        request: impl Fn() -> F,
    ) -> Result<T, RequestFailure>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let start = Instant::now();
        let mut attempts = 0_u32;
        let mut renewals = 0;
        let mut may_have_happened = false;
        loop {
            let failed = match self.attempt(&request).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let class = failed.class;
            attempts += 1;
            may_have_happened |= class.may_have_happened();
            renewals += u32::from(class.may_renew());
            let wait = failed.retry_after().max(backoff(attempts, fastrand::f64()));
            let is_retried = class.is_transient() || (class.may_renew() && renewals < MAX_RENEWALS);
            let elapsed = start.elapsed();
            if !is_retried || elapsed + wait > self.options().patience {
                let attempts = Attempts {
                    number: attempts,
                    elapsed,
                    may_have_happened,
                };
                return Err(failed.into_failure(operation, path, &attempts));
            }
            let path = path.as_ref();
            tracing::debug!(?operation, path, ?class, attempts, "a request failed");
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<T, F>(&self, request: &impl Fn() -> F) -> Result<T, FailedAttempt>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        if let (Err(error), wire_failure) = capture_wire_failure(self.ensure_credentials()).await {
            return Err(FailedAttempt {
                class: FailureClass::NoCredentials,
                wire_failure,
                error,
            });
        }
        let (outcome, wire_failure) = capture_wire_failure(request()).await;
        outcome.map_err(|error| FailedAttempt {
            class: classify(&error, wire_failure.as_ref()),
            wire_failure,
            error,
        })
    }
}

/// The attempts at a request.
struct Attempts {
    number: u32,
    elapsed: Duration,
    /// One of them may have been carried out.
    may_have_happened: bool,
}

impl FailedAttempt {
    fn into_failure(
        self,
        operation: Operation,
        path: &Path,
        attempts: &Attempts,
    ) -> RequestFailure {
        RequestFailure {
            class: self.class,
            may_have_happened: attempts.may_have_happened,
            operation,
            path: path.clone(),
            wire_failure: self.wire_failure,
            attempts: attempts.number,
            elapsed: attempts.elapsed,
            cause: innermost_cause(&self.error),
        }
    }

    /// How long the store asks to wait.
    fn retry_after(&self) -> Duration {
        match &self.wire_failure {
            Some(WireFailure::Refused(refusal)) => refusal.retry_after.unwrap_or_default(),
            Some(WireFailure::Broken(_)) | None => Duration::ZERO,
        }
    }
}

/// How long to wait after so many failures; `chance` is in 0..1.
fn backoff(attempts: u32, chance: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(chance)
}

/// The innermost cause: those around it repeat it, with addresses.
fn innermost_cause(error: &object_store::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_chance_covers_all_of_them() {
        assert_eq!(backoff(1, 0.0), Duration::ZERO);
        assert!(backoff(1, 0.999) < FIRST_WAIT);
        assert_eq!(backoff(3, 0.5), FIRST_WAIT * 2);
        for attempts in 1..100 {
            assert!(backoff(attempts, 1.0) <= LONGEST_WAIT);
        }
    }
}
