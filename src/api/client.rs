//! The client: reserves units, waits for the throttle, sends, records the charge, and sends again while that may help.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use url::Url;

use super::api_error::{ApiError, Charge};
use super::attempt_record::{AttemptGuard, AttemptRecord, Outcome, charged_units};
use super::free::is_free;
use super::key_ring::KeyRing;
use super::retry_policy::RetryPolicy;
use super::transport::{Transport, TransportOptions};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::limits::{BudgetShares, Reservation, Throttle, UnitMeter};
use crate::model::{Answer, Request};
use crate::secret::Secret;

/// Everything that the client is built from.
#[derive(Debug)]
pub struct ClientOptions {
    /// Origin and version: `https://api.ahrefs.com/v3`.
    pub base_url: Url,
    /// The keys, in the order to try them.
    pub keys: Vec<Secret>,
    /// A proxy for every request.
    pub proxy: Option<Url>,
    /// The address to send from.
    pub local_address: Option<IpAddr>,
    /// Longest time for a whole response; some take over 20 s.
    pub timeout: Duration,
    /// When a request is sent again.
    pub retry_policy: RetryPolicy,
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quote {
    /// Units in the worst case.
    pub worst: u64,
    /// The shares of the budget that it spends from.
    pub shares: BudgetShares,
}

/// A check's verdict on a 200 that it cannot use.
#[derive(Debug)]
pub enum BodyCheck {
    /// The body is damaged: the next attempt may bring a good one.
    Retry(Error),
    /// Every attempt would bring the same.
    Fail(Error),
}

/// A response that passed its check.
#[derive(Debug)]
pub struct Response<T> {
    /// What the check made of it.
    pub value: T,
    /// Units charged for it.
    pub units: u64,
}

/// Totals since the client was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Requests sent, retries included.
    pub requests: u64,
    /// Of these, retries.
    pub retries: u64,
    /// Units charged for responses that could not be used.
    pub units_lost: u64,
}

/// The client of the API. Shared by all tasks.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    keys: Arc<KeyRing>,
    throttle: Throttle,
    meter: Arc<UnitMeter>,
    clock: SharedClock,
    retry_policy: RetryPolicy,
    free_only: bool,
    requests: AtomicU64,
    retries: AtomicU64,
    units_lost: AtomicU64,
}

impl Client {
    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`ErrorCode::Url`](crate::error::ErrorCode::Url) for an origin that would expose the key, or a proxy that cannot be used.
    pub fn new(
        options: ClientOptions,
        throttle: Throttle,
        meter: Arc<UnitMeter>,
        clock: SharedClock,
    ) -> Result<Self> {
        let ClientOptions {
            base_url,
            keys,
            proxy,
            local_address,
            timeout,
            retry_policy,
        } = options;
        let keys = Arc::new(KeyRing::new(keys));
        let options = TransportOptions {
            base_url,
            proxy,
            local_address,
            timeout,
        };
        Ok(Self {
            transport: Transport::new(options, Arc::clone(&keys), Arc::clone(&clock))?,
            keys,
            throttle,
            meter,
            clock,
            retry_policy,
            free_only: false,
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            units_lost: AtomicU64::new(0),
        })
    }

    /// Sends only free requests from now on, and fails where one of them was charged all the same.
    #[must_use]
    pub fn free_only(mut self) -> Self {
        self.free_only = true;
        self
    }

    /// Sends a request until `check` accepts a response, the attempts are used up, or an error is final.
    ///
    /// Each attempt first reserves `quote.worst` units and waits for the throttle. `check` gets the body as received and
    /// must not keep state of a response that it rejects.
    ///
    /// # Errors
    /// One error that names endpoint, attempts, elapsed time, the API's error text and what to do.
    pub async fn send<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        check: F,
    ) -> Result<Response<T>>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, BodyCheck>>,
    {
        self.send_recorded(request, quote, &|_| {}, check).await
    }

    /// The same, and calls `record` for each attempt that was sent, once it is known what became of it.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_recorded<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        record: &(dyn Fn(AttemptRecord) + Send + Sync),
        check: F,
    ) -> Result<Response<T>>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, BodyCheck>>,
    {
        let endpoint = &request.endpoint;
        if self.free_only && (quote.worst > 0 || !is_free(request)) {
            return Err(ApiError::Billable { units: quote.worst }.into_error(endpoint));
        }
        let started = self.clock.instant();
        let mut waits = self.retry_policy.waits();
        let mut num_attempts = 0;
        let mut num_timeouts = 0;
        let error = loop {
            num_attempts += 1;
            let error = match self
                .attempt(request, quote, num_attempts, record, &check)
                .await
            {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            if matches!(error, ApiError::Timeout(_)) {
                num_timeouts += 1;
            }
            if !self.retry_policy.allows_retry(&error, num_timeouts) {
                break error;
            }
            let Some(wait) = waits.next() else {
                break error;
            };
            self.wait_before_retry(&error, wait, endpoint).await;
        };
        let elapsed = self.clock.instant() - started;
        Err(self.final_error(error, request, num_attempts, elapsed))
    }

    /// Totals so far.
    pub fn statistics(&self) -> Statistics {
        Statistics {
            requests: self.requests.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            units_lost: self.units_lost.load(Ordering::Relaxed),
        }
    }

    /// The keys, for those who look into bodies.
    pub fn keys(&self) -> &Arc<KeyRing> {
        &self.keys
    }

    /// The unit meter that every attempt reserves from.
    pub fn meter(&self) -> &Arc<UnitMeter> {
        &self.meter
    }

    /// Waits at least as long as the server asks for, and makes all other tasks wait for that long, too.
    async fn wait_before_retry(&self, error: &ApiError, wait: Duration, endpoint: &str) {
        let floor = error.retry_after().unwrap_or_default();
        let wait = wait.max(floor);
        tracing::warn!(endpoint, wait_ms = wait.as_millis(), %error, "retrying");
        self.throttle.pause(floor);
        self.clock.sleep(wait).await;
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// One attempt; with a list of keys, one with each key that the API does not accept.
    async fn attempt<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        number: u32,
        record: &(dyn Fn(AttemptRecord) + Send + Sync),
        check: &F,
    ) -> Result<Response<T>, ApiError>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, BodyCheck>>,
    {
        loop {
            let mut reservation = self.meter.reserve(quote.worst, quote.shares).await?;
            self.throttle.acquire().await;
            reservation.mark_sent();
            let guard = AttemptGuard::new(record, quote.worst);
            self.requests.fetch_add(1, Ordering::Relaxed);
            let (index, key) = self.keys.current().unzip();
            let error = match self.transport.exchange(request, key, number).await {
                Ok(answer) => {
                    // Without headers the price is unknown: the worst case counts.
                    let units = charged_units(&answer.price).unwrap_or(quote.worst);
                    reservation.settle(units);
                    return self.accept(answer, units, guard, check).await;
                }
                Err(error) => error,
            };
            self.record_failure(&error, reservation, guard);
            let has_next_key = match (&error, index) {
                (ApiError::Unauthorized, Some(index)) => self.keys.reject(index),
                _ => false,
            };
            if !has_next_key {
                return Err(error);
            }
            tracing::warn!("the API does not accept a key of the list, trying the next one");
        }
    }

    /// Lets `check` judge a 200 that was charged `units`.
    async fn accept<T, F, Fut>(
        &self,
        answer: Answer,
        units: u64,
        guard: AttemptGuard<'_>,
        check: &F,
    ) -> Result<Response<T>, ApiError>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, BodyCheck>>,
    {
        let (price, received_at) = (answer.price, answer.received_at.timestamp_micros());
        let error = if self.free_only && units > 0 {
            ApiError::Charged { units }
        } else {
            match check(answer).await {
                Ok(value) => {
                    guard.finish(Outcome::Answered {
                        units,
                        price,
                        received_at,
                    });
                    return Ok(Response { value, units });
                }
                Err(BodyCheck::Retry(error)) => ApiError::Body(error),
                Err(BodyCheck::Fail(error)) => ApiError::Unusable(error),
            }
        };
        guard.finish(Outcome::ChargedButUnusable { units });
        self.units_lost.fetch_add(units, Ordering::Relaxed);
        Err(error)
    }

    /// Records what an attempt without a whole 200 cost, and slows all tasks down if the API throttles.
    fn record_failure(&self, error: &ApiError, reservation: Reservation, guard: AttemptGuard<'_>) {
        let (lost, outcome) = match error.charge() {
            Charge::Unknown => (reservation.assume_worst_case(), Outcome::Unknown),
            Charge::Known(0) => {
                reservation.settle(0);
                (0, Outcome::Refused)
            }
            Charge::Known(units) => {
                reservation.settle(units);
                (units, Outcome::ChargedButUnusable { units })
            }
        };
        guard.finish(outcome);
        self.units_lost.fetch_add(lost, Ordering::Relaxed);
        if matches!(error, ApiError::Throttled { .. }) {
            self.throttle.slow_down();
        }
    }

    /// The error that users see, after the last attempt.
    fn final_error(
        &self,
        error: ApiError,
        request: &Request,
        num_attempts: u32,
        elapsed: Duration,
    ) -> Error {
        let exceeding_wait = self.retry_policy.exceeding_retry_after(&error);
        let mut error = error.into_error(&request.endpoint);
        if let Some((_, target)) = request.query.iter().find(|(name, _)| name == "target") {
            error = error.with_context("url", target);
        }
        if let Some(wait) = exceeding_wait {
            error = error.with_context(
                "retry after",
                format!("{} s, longer than the client waits", wait.as_secs()),
            );
        }
        let seconds = elapsed.as_secs_f64();
        error.with_context("attempts", format!("{num_attempts} in {seconds:.1} s"))
    }
}
