//! One client, one retry loop: build the request, send it, classify the outcome, decide the wait, sleep.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use backoff::Retryable as _;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use url::Url;

use super::account::{Attempted, Outcome, Pending, charged, price};
use super::backoff::FullJitter;
use super::classify::{ApiError, Charge, classify, parse_retry_after, said};
use super::free::is_free;
use super::keys::KeyRing;
use super::url::{encoded_query, is_safe_origin};
use crate::catalog::Catalog;
use crate::clock::SharedClock;
use crate::error::{Code, Error, Result};
use crate::limits::{Shares, Throttle, UnitMeter};
use crate::model::{Answer, Encoding, Method, Request};
use crate::secret::Secret;

/// Time for a connection to stand.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A body larger than this is damage, not data: 50,000 rows of every column stay far below.
const MAX_BODY_BYTES: usize = 1 << 30;

/// An error body is read no further than this.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;

/// A server that wants silence for longer than this is not waited for: the error says so instead.
const MAX_RETRY_AFTER: Duration = Duration::from_mins(15);

/// Time-outs after which the caller may want a smaller request rather than the same again.
const MAX_TIMEOUTS: u32 = 2;

/// Everything that the client is built from.
#[derive(Debug)]
pub struct ClientOptions {
    /// Origin and version: `https://api.ahrefs.com/v3`.
    pub base_url: Url,
    /// The keys, in the order to try them.
    pub keys: Vec<Secret>,
    /// A proxy for every request.
    pub proxy: Option<Url>,
    /// The address to leave from.
    pub local_address: Option<IpAddr>,
    /// Longest time for a whole answer; some take over 20 s.
    pub timeout: Duration,
    /// Factor on the waits between attempts: 1.0 outside tests.
    pub wait_scale: f64,
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quote {
    /// Units in the worst case.
    pub worst: u64,
    /// The shares of the budget that it spends from.
    pub shares: Shares,
}

/// A check's verdict on a 200 that it cannot use.
#[derive(Debug)]
pub enum Rejected {
    /// The body is damaged; the next attempt may bring a good one.
    Damaged(Error),
    /// Every attempt would bring the same.
    Unusable(Error),
}

/// A good answer.
#[derive(Debug)]
pub struct Sent<T> {
    /// What the check made of it.
    pub value: T,
    /// Units charged for this answer.
    pub units: u64,
    /// Attempts that it took.
    pub attempts: u32,
}

/// Totals since the client was built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Attempts that left this machine.
    pub requests: u64,
    /// Of these, attempts after the first.
    pub retries: u64,
    /// Units charged for answers that could not be used.
    pub units_lost: u64,
}

/// The client of the source. Shared by all tasks.
#[derive(Debug)]
pub struct Client {
    http: reqwest::Client,
    base_url: Url,
    keys: Arc<KeyRing>,
    throttle: Throttle,
    meter: Arc<UnitMeter>,
    clock: SharedClock,
    timeout: Duration,
    wait_scale: f64,
    free_only: bool,
    requests: AtomicU64,
    retries: AtomicU64,
    units_lost: AtomicU64,
}

impl Client {
    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    /// [`Code::Url`] for an origin that would carry the key in the open, or a proxy that cannot be used.
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
            wait_scale,
        } = options;
        if !is_safe_origin(&base_url) {
            return Err(Error::new(
                Code::Url,
                format!("{base_url} would carry the key in the open"),
            )
            .with_next("use https://, or http:// on this machine (127.0.0.1, localhost) only"));
        }
        // Another part of the process may have installed a provider already: any will do.
        crate::tls::install_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("backhaul/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .no_proxy()
            .local_address(local_address);
        if let Some(proxy) = proxy {
            let proxy = reqwest::Proxy::all(proxy.as_str()).map_err(|error| {
                Error::new(Code::Url, "the proxy cannot be used").with_source(error.without_url())
            })?;
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(|error| {
            Error::new(Code::Network, "the HTTP client cannot be set up")
                .with_source(error.without_url())
        })?;
        Ok(Self {
            http,
            base_url,
            keys: Arc::new(KeyRing::new(keys)),
            throttle,
            meter,
            clock,
            timeout,
            wait_scale,
            free_only: false,
            requests: AtomicU64::new(0),
            retries: AtomicU64::new(0),
            units_lost: AtomicU64::new(0),
        })
    }

    /// Sends nothing that could be billed from now on, and fails loudly where an answer was charged all the same.
    #[must_use]
    pub fn free_only(mut self) -> Self {
        self.free_only = true;
        self
    }

    /// Sends a request until `check` is content, attempts are used up, or the API's word is final.
    ///
    /// Each attempt waits for the throttle and reserves `quote.worst` units first. `check` gets the body as received and
    /// must not keep state of a rejected answer.
    ///
    /// # Errors
    /// One error that names endpoint, attempts, time spent, what the API said and what to do.
    pub async fn send<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        check: F,
    ) -> Result<Sent<T>>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, Rejected>>,
    {
        self.send_noted(request, quote, &|_| {}, check).await
    }

    /// The same, with a note on each attempt that has left, once it is known what became of it.
    ///
    /// # Errors
    /// As [`Client::send`].
    pub async fn send_noted<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        note: &(dyn Fn(Attempted) + Send + Sync),
        check: F,
    ) -> Result<Sent<T>>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, Rejected>>,
    {
        if self.free_only && (quote.worst > 0 || !is_free(request)) {
            return Err(ApiError::Billable { units: quote.worst }.into_error(&request.endpoint));
        }
        let started = self.clock.instant();
        let attempts = AtomicU64::new(0);
        let timeouts = AtomicU64::new(0);
        let clock = Arc::clone(&self.clock);
        let attempt = || async {
            let number = attempts.fetch_add(1, Ordering::Relaxed) + 1;
            if number > 1 {
                self.retries.fetch_add(1, Ordering::Relaxed);
            }
            self.attempt(
                request,
                quote,
                u32::try_from(number).unwrap_or(u32::MAX),
                note,
                &check,
            )
            .await
        };
        let outcome = attempt
            .retry(FullJitter::new(fastrand::u64(..), self.wait_scale))
            .sleep(move |wait| clock.sleep(wait))
            .when(|error: &ApiError| {
                let too_slow = matches!(error, ApiError::Timeout(_))
                    && timeouts.fetch_add(1, Ordering::Relaxed) + 1 >= u64::from(MAX_TIMEOUTS);
                let too_long = error.retry_after().is_some_and(|wait| wait > MAX_RETRY_AFTER);
                error.is_retryable() && !too_slow && !too_long
            })
            // `max`, never the hint alone: `None` must stay `None`, or the loop would not end.
            .adjust(|error, wait| wait.map(|wait| wait.max(error.retry_after().unwrap_or_default())))
            .notify(|error, wait| {
                tracing::warn!(endpoint = request.endpoint, wait_ms = wait.as_millis(), error = %error, "retrying");
                if let Some(pause) = error.retry_after() {
                    self.throttle.pause(pause);
                }
            })
            .await;
        outcome.map_err(|error| {
            let elapsed = self.clock.instant() - started;
            let attempts = attempts.load(Ordering::Relaxed);
            let waits = error.retry_after().filter(|wait| *wait > MAX_RETRY_AFTER);
            let error = error.into_error(&request.endpoint);
            let error = match request.query.iter().find(|(name, _)| name == "target") {
                Some((_, target)) => error.with_context("url", target.as_str()),
                None => error,
            };
            let error = match waits {
                Some(wait) => error.with_context(
                    "retry after",
                    format!("{} s, longer than is waited for", wait.as_secs()),
                ),
                None => error,
            };
            error.with_context(
                "attempts",
                format!("{attempts} in {:.1} s", elapsed.as_secs_f64()),
            )
        })
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

    async fn attempt<T, F, Fut>(
        &self,
        request: &Request,
        quote: Quote,
        number: u32,
        note: &(dyn Fn(Attempted) + Send + Sync),
        check: &F,
    ) -> Result<Sent<T>, ApiError>
    where
        F: Fn(Answer) -> Fut,
        Fut: Future<Output = Result<T, Rejected>>,
    {
        loop {
            let mut reservation = self.meter.reserve_from(quote.worst, quote.shares).await?;
            self.throttle.acquire().await;
            reservation.sent();
            let pending = Pending::new(note, quote.worst);
            self.requests.fetch_add(1, Ordering::Relaxed);
            let key = self.keys.current();
            let answer = match self
                .exchange(request, key.map(|(_, key)| key), number)
                .await
            {
                Ok(answer) => answer,
                Err(error) => {
                    let (lost, outcome) = match error.charge() {
                        Charge::Unknown => (reservation.presume(), Outcome::Unknown),
                        Charge::Known(units) => {
                            reservation.settle(units);
                            (
                                units,
                                if units > 0 {
                                    Outcome::Lost { units }
                                } else {
                                    Outcome::Refused
                                },
                            )
                        }
                    };
                    pending.end(outcome);
                    self.units_lost.fetch_add(lost, Ordering::Relaxed);
                    if matches!(error, ApiError::Throttled { .. }) {
                        self.throttle.slow_down();
                    }
                    let next_key = matches!(error, ApiError::Unauthorized)
                        && key.is_some_and(|(index, _)| self.keys.reject(index));
                    if next_key {
                        tracing::warn!(
                            "the API does not accept a key of the list, trying the next"
                        );
                        continue;
                    }
                    return Err(error);
                }
            };
            // Without headers nothing is known: the worst case counts.
            let units = charged(&answer.price).unwrap_or(quote.worst);
            reservation.settle(units);
            let (price, received_at) = (answer.price, answer.received_at.timestamp_micros());
            let checked = if self.free_only && units > 0 {
                Err(ApiError::Charged { units })
            } else {
                Ok(())
            };
            let checked = match checked {
                Ok(()) => check(answer).await.map_err(|rejected| match rejected {
                    Rejected::Damaged(error) => ApiError::Body(error),
                    Rejected::Unusable(error) => ApiError::Unusable(error),
                }),
                Err(error) => Err(error),
            };
            return match checked {
                Ok(value) => {
                    pending.end(Outcome::Answered {
                        units,
                        price,
                        received_at,
                    });
                    Ok(Sent {
                        value,
                        units,
                        attempts: number,
                    })
                }
                Err(error) => {
                    pending.end(Outcome::Lost { units });
                    self.units_lost.fetch_add(units, Ordering::Relaxed);
                    Err(error)
                }
            };
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        key: Option<&Secret>,
        number: u32,
    ) -> Result<Answer, ApiError> {
        let url = self.url(request);
        let mut http = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self
                .http
                .post(url)
                .header("content-type", "application/json"),
        };
        if let Some(key) = key {
            http = http.header(AUTHORIZATION, bearer(key)?);
        }
        if let Some(body) = &request.body {
            http = http.body(body.clone());
        }
        let response = http
            .header(ACCEPT_ENCODING, "gzip")
            .send()
            .await
            .map_err(|error| self.transport(error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let encoding = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            Some(b"gzip") => Encoding::Gzip,
            _ => Encoding::Identity,
        };
        let limit = if status == 200 {
            MAX_BODY_BYTES
        } else {
            MAX_ERROR_BODY_BYTES
        };
        let body = self.body(response, limit, status != 200).await;
        if status != 200 {
            let said = self.keys.redact(&said(&body.unwrap_or_default()));
            let retry_after = headers
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .and_then(|value| parse_retry_after(value, self.clock.now()));
            return Err(classify(status, said, retry_after));
        }
        let price = price(&headers);
        let body = body.map_err(|error| match error {
            ApiError::Network { source, .. } => ApiError::Network {
                source,
                units: charged(&price),
            },
            other => other,
        })?;
        Ok(Answer {
            body,
            encoding,
            price,
            received_at: self.clock.now(),
            attempts: number,
        })
    }

    async fn body(
        &self,
        mut response: reqwest::Response,
        limit: usize,
        cut: bool,
    ) -> Result<Bytes, ApiError> {
        let mut body = BytesMut::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| self.transport(error))?
        {
            if body.len() + chunk.len() > limit {
                if cut {
                    break;
                }
                let error = Error::new(
                    Code::Body,
                    format!("the body is larger than {MAX_BODY_BYTES} bytes"),
                );
                return Err(ApiError::Unusable(error));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    fn url(&self, request: &Request) -> Url {
        let mut url = self.base_url.clone();
        let path = Catalog::embedded()
            .endpoint(&request.endpoint)
            .map_or(request.endpoint.as_str(), |endpoint| {
                endpoint.path.strip_prefix("/v3/").unwrap_or(&endpoint.path)
            });
        url.set_path(&format!(
            "{}/{path}",
            self.base_url.path().trim_end_matches('/')
        ));
        let query = encoded_query(request);
        url.set_query((!query.is_empty()).then_some(&query));
        url
    }

    fn transport(&self, error: reqwest::Error) -> ApiError {
        // The URL of a request holds no key, but long filters drown the message.
        let error = error.without_url();
        if error.is_connect() {
            ApiError::Connect(error)
        } else if error.is_timeout() {
            ApiError::Timeout(self.timeout)
        } else {
            ApiError::Network {
                source: error,
                units: None,
            }
        }
    }
}

fn bearer(key: &Secret) -> Result<HeaderValue, ApiError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {}", key.expose())).map_err(|_invalid| {
            // The cause would print nothing useful and must not come near the key.
            ApiError::Unusable(Error::new(
                Code::KeySource,
                "the key holds characters that no header may carry",
            ))
        })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_with_the_key_is_marked_sensitive() {
        let value = bearer(&Secret::new("k")).expect("valid");
        assert!(value.is_sensitive());
        assert!(!format!("{value:?}").contains('k'));
    }
}
