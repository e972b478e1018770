//! When a request is sent again, and after which wait. Data only: the loop over it is in `client.rs`.

use std::time::Duration;

use backoff::{BackoffBuilder as _, ExponentialBuilder};

use super::api_error::ApiError;

/// How often one request is sent and how long to wait between the attempts.
///
/// Full jitter: each wait is drawn evenly between a fixed lower bound and an upper bound that grows exponentially, which
/// spreads many clients better than jitter on top of a growing wait. The `Retry-After` of a response is a floor under its
/// wait.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// Attempts of one request at most, the first included.
    pub max_attempts: usize,
    /// The lower bound of every wait.
    pub min_wait: Duration,
    /// The greatest upper bound of a wait.
    pub max_wait: Duration,
    /// Factor on all waits: 1.0 outside tests.
    pub wait_scale: f64,
    /// A server that asks for a longer wait than this is not waited for: the error says so instead.
    pub max_retry_after: Duration,
    /// Time-outs after which the caller may want a smaller request rather than the same one again.
    pub max_timeouts: u32,
}

impl RetryPolicy {
    /// The policy of the program: at most 8 attempts, with waits of 0.5 s up to 30 s.
    pub fn standard() -> Self {
        Self {
            max_attempts: 8,
            min_wait: Duration::from_millis(500),
            max_wait: Duration::from_secs(30),
            wait_scale: 1.0,
            max_retry_after: Duration::from_mins(15),
            max_timeouts: 2,
        }
    }

    /// The same policy with all waits multiplied by `scale`.
    #[must_use]
    pub fn with_wait_scale(self, scale: f64) -> Self {
        Self {
            wait_scale: scale,
            ..self
        }
    }

    /// Every attempt follows the one before it at once.
    #[cfg(test)]
    pub fn without_waits() -> Self {
        Self::standard().with_wait_scale(0.0)
    }

    /// One attempt only.
    #[cfg(test)]
    pub fn no_retries() -> Self {
        Self {
            max_attempts: 1,
            ..Self::standard()
        }
    }

    /// The waits after the attempts but the last one.
    pub(super) fn waits(&self) -> impl Iterator<Item = Duration> + use<> {
        let (min_wait, scale) = (self.min_wait, self.wait_scale);
        ExponentialBuilder::new()
            .with_min_delay(self.min_wait * 2)
            .with_max_delay(self.max_wait)
            .with_max_times(self.max_attempts.saturating_sub(1))
            .build()
            .map(move |upper_bound| {
                let spread = upper_bound.saturating_sub(min_wait);
                (min_wait + spread.mul_f64(fastrand::f64())).mul_f64(scale)
            })
    }

    /// Whether a request is sent again after this error, which followed `num_timeouts` time-outs, itself included.
    pub(super) fn allows_retry(&self, error: &ApiError, num_timeouts: u32) -> bool {
        if !error.is_retryable() || self.exceeding_retry_after(error).is_some() {
            return false;
        }
        !matches!(error, ApiError::Timeout(_)) || num_timeouts < self.max_timeouts
    }

    /// The wait that the server asks for, if it is too long to be waited for.
    pub(super) fn exceeding_retry_after(&self, error: &ApiError) -> Option<Duration> {
        error
            .retry_after()
            .filter(|wait| *wait > self.max_retry_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttled(seconds: u64) -> ApiError {
        ApiError::Throttled {
            text: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        }
    }

    #[test]
    fn waits_stay_between_their_bounds_and_end() {
        let policy = RetryPolicy::standard();
        let bounds = policy.min_wait..=policy.max_wait;
        assert_eq!(*bounds.end(), Duration::from_secs(30));
        for _ in 0..1000 {
            let waits: Vec<_> = policy.waits().collect();
            assert_eq!(waits.len(), policy.max_attempts - 1);
            assert!(waits.iter().all(|wait| bounds.contains(wait)), "{waits:?}");
        }
    }

    #[test]
    fn the_policies_of_tests_wait_for_nothing_or_end_at_once() {
        let waits: Vec<_> = RetryPolicy::without_waits().waits().collect();
        assert_eq!(waits, [Duration::ZERO; 7]);
        assert_eq!(RetryPolicy::no_retries().waits().next(), None);
    }

    #[test]
    fn a_second_timeout_and_a_long_retry_after_end_the_attempts() {
        let policy = RetryPolicy::standard();
        let timeout = ApiError::Timeout(Duration::from_mins(1));
        assert!(policy.allows_retry(&timeout, 1));
        assert!(!policy.allows_retry(&timeout, 2));
        assert!(policy.allows_retry(&throttled(900), 2));
        assert!(!policy.allows_retry(&throttled(901), 0));
        assert!(!policy.allows_retry(&ApiError::Unauthorized, 0));
    }
}
