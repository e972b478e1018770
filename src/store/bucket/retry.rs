//! Tries a request again, by the class of what went wrong, with full jitter and within a bounded time.

use std::time::{Duration, Instant};

use object_store::path::Path;

use super::Bucket;
use super::fault::{Fault, Operation};
use super::wire::{Class, Said, classify, heard};

/// The longest wait after the first failure; doubles with each.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// No wait is longer, unless the store asks for it.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// Credentials that have expired are asked for anew so often: mostly nobody renews them.
const RENEWALS: u32 = 3;

/// One attempt that failed.
struct Failure {
    class: Class,
    said: Option<Said>,
    error: object_store::Error,
}

impl Bucket {
    /// Sends a request until it is answered for good. A fault says whether one of the attempts may have been carried out.
    pub(super) async fn send<T, F>(
        &self,
        operation: Operation,
        path: &Path,
        request: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let start = Instant::now();
        let (mut attempts, mut in_doubt, mut renewals) = (0_u32, false, 0);
        loop {
            let Failure { class, said, error } = match self.attempt(&request).await {
                Ok(value) => return Ok(value),
                Err(failure) => failure,
            };
            attempts += 1;
            in_doubt |= class.leaves_doubt();
            renewals += u32::from(class.may_renew());
            let asked = said
                .as_ref()
                .and_then(Said::retry_after)
                .unwrap_or_default();
            let wait = wait_after(attempts, fastrand::f64()).max(asked);
            let goes_on = class.is_transient() || (class.may_renew() && renewals < RENEWALS);
            if !goes_on || start.elapsed() + wait > self.options.patience {
                let fault = Fault::new(class, operation, path, said, &error);
                return Err(fault.after(attempts, start.elapsed(), in_doubt));
            }
            tracing::debug!(
                ?operation,
                path = path.as_ref(),
                ?class,
                attempts,
                "a request to the bucket failed"
            );
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt<T, F>(&self, request: &impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        if let (Err(error), said) = heard(self.credentials()).await {
            return Err(Failure {
                class: Class::NoCredentials,
                said,
                error,
            });
        }
        let (outcome, said) = heard(request()).await;
        outcome.map_err(|error| Failure {
            class: classify(&error, said.as_ref()),
            said,
            error,
        })
    }
}

/// How long to wait after so many failures; `chance` lies in 0..1.
fn wait_after(attempts: u32, chance: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << attempts.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(chance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_chance_covers_all_of_them() {
        assert_eq!(wait_after(1, 0.0), Duration::ZERO);
        assert!(wait_after(1, 0.999) < FIRST_WAIT);
        assert_eq!(wait_after(3, 0.5), FIRST_WAIT * 2);
        for attempts in 1..100 {
            assert!(wait_after(attempts, 1.0) <= LONGEST_WAIT);
        }
    }
}
