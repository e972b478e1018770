//! One exchange over HTTP: from a request and a key to a whole 200, or to the class of the error.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue,
    RETRY_AFTER,
};
use url::Url;

use super::api_error::ApiError;
use super::attempt_record::{charged_units, price_from};
use super::classify::{classify, error_text, parse_retry_after};
use super::key_ring::KeyRing;
use super::url::{encoded_query, is_safe_origin};
use crate::catalog::Catalog;
use crate::clock::SharedClock;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Answer, Encoding, Method, Request};
use crate::secret::Secret;

/// Time to open a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// A body larger than this is damaged: 50,000 rows of every column stay far below.
const MAX_BODY_BYTES: usize = 1 << 30;

/// An error body is read up to here.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;

/// Where requests go and how.
#[derive(Debug)]
pub(super) struct TransportOptions {
    pub base_url: Url,
    pub proxy: Option<Url>,
    pub local_address: Option<IpAddr>,
    pub timeout: Duration,
}

/// Sends single requests. Neither retries nor limits.
#[derive(Debug)]
pub(super) struct Transport {
    http: reqwest::Client,
    base_url: Url,
    timeout: Duration,
    keys: Arc<KeyRing>,
    clock: SharedClock,
}

impl Transport {
    /// Sets the HTTP client up. Nothing is sent. `keys` are removed from the texts of errors.
    ///
    /// # Errors
    /// [`ErrorCode::Url`] for an origin that would expose the key, or a proxy that cannot be used.
    pub fn new(options: TransportOptions, keys: Arc<KeyRing>, clock: SharedClock) -> Result<Self> {
        let TransportOptions {
            base_url,
            proxy,
            local_address,
            timeout,
        } = options;
        if !is_safe_origin(&base_url) {
            return Err(Error::new(
                ErrorCode::Url,
                format!("{base_url} would send the key unencrypted"),
            )
            .with_hint(
                "use https://; http:// is allowed on this machine only (127.0.0.1, localhost)",
            ));
        }
        // Another part of the process may have installed a provider already: any will do.
        crate::tls::install_provider();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("backhaul/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(timeout)
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .no_proxy()
            .local_address(local_address);
        if let Some(proxy) = proxy {
            let proxy = reqwest::Proxy::all(proxy.as_str()).map_err(|error| {
                Error::new(ErrorCode::Url, "the proxy cannot be used")
                    .with_source(error.without_url())
            })?;
            builder = builder.proxy(proxy);
        }
        let http = builder.build().map_err(|error| {
            Error::new(ErrorCode::Network, "the HTTP client cannot be set up")
                .with_source(error.without_url())
        })?;
        Ok(Self {
            http,
            base_url,
            timeout,
            keys,
            clock,
        })
    }

    /// Sends a request once and reads the whole response. `attempt` is noted in the answer.
    ///
    /// # Errors
    /// Whatever is not a whole 200.
    pub async fn exchange(
        &self,
        request: &Request,
        key: Option<&Secret>,
        attempt: u32,
    ) -> Result<Answer, ApiError> {
        let response = self
            .build(request, key)?
            .send()
            .await
            .map_err(|error| self.classify_failure(error))?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        if status != 200 {
            let body = self.read_start(response).await;
            let text = self.keys.redact(&error_text(&body));
            return Err(classify(status, text, self.retry_after(&headers)));
        }
        let price = price_from(&headers);
        let body = match self.read_all(response).await {
            Ok(body) => body,
            Err(ApiError::Network { source, .. }) => {
                let units = charged_units(&price);
                return Err(ApiError::Network { source, units });
            }
            Err(error) => return Err(error),
        };
        let encoding = match headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes) {
            Some(b"gzip") => Encoding::Gzip,
            _ => Encoding::Identity,
        };
        Ok(Answer {
            body,
            encoding,
            price,
            received_at: self.clock.now(),
            attempts: attempt,
        })
    }

    fn build(
        &self,
        request: &Request,
        key: Option<&Secret>,
    ) -> Result<reqwest::RequestBuilder, ApiError> {
        let url = self.url(request);
        let mut http = match request.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url).header(CONTENT_TYPE, "application/json"),
        };
        if let Some(key) = key {
            http = http.header(AUTHORIZATION, bearer(key)?);
        }
        if let Some(body) = &request.body {
            http = http.body(body.clone());
        }
        Ok(http.header(ACCEPT_ENCODING, "gzip"))
    }

    fn url(&self, request: &Request) -> Url {
        let path = match Catalog::embedded().endpoint(&request.endpoint) {
            Some(endpoint) => endpoint.path.strip_prefix("/v3/").unwrap_or(&endpoint.path),
            None => &request.endpoint,
        };
        let mut url = self.base_url.clone();
        let base = self.base_url.path().trim_end_matches('/');
        url.set_path(&format!("{base}/{path}"));
        let query = encoded_query(request);
        url.set_query((!query.is_empty()).then_some(&query));
        url
    }

    /// The whole body of a 200.
    async fn read_all(&self, mut response: reqwest::Response) -> Result<Bytes, ApiError> {
        let mut body = BytesMut::new();
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(body.freeze()),
                Err(error) => return Err(self.classify_failure(error)),
            };
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(ApiError::Unusable(Error::new(
                    ErrorCode::Body,
                    format!("the body is larger than {MAX_BODY_BYTES} bytes"),
                )));
            }
            body.extend_from_slice(&chunk);
        }
    }

    /// The start of an error body; empty if it does not arrive.
    async fn read_start(&self, mut response: reqwest::Response) -> Bytes {
        let mut body = BytesMut::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_ERROR_BODY_BYTES => {
                    body.extend_from_slice(&chunk);
                }
                Ok(_) => return body.freeze(),
                Err(_broken) => return Bytes::new(),
            }
        }
    }

    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let value = headers.get(RETRY_AFTER)?.to_str().ok()?;
        parse_retry_after(value, self.clock.now())
    }

    fn classify_failure(&self, error: reqwest::Error) -> ApiError {
        // The URL of a request holds no key, but a long filter would hide the message.
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
    // The cause says nothing useful and must not come near the key.
    let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", key.expose())) else {
        return Err(ApiError::Unusable(Error::new(
            ErrorCode::KeySource,
            "the key has characters that are invalid in a header",
        )));
    };
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
