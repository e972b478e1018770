//! HTTP around the server: reading requests, writing answers, and doing harm where a fault asks for it.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Response, header};
use axum::routing::{get, post};
use chrono::Utc;
use flate2::{Compression, write::GzEncoder};

use super::faults::Fault;
use super::page::Page;
use super::refusal::Refusal;
use super::server::{Incoming, Outcome, Price, Server};
use super::wire::Switch;

/// Bodies below this size are not compressed.
const COMPRESS_FROM: usize = 1024;
/// Bytes of a request's body at most.
const LARGEST_BODY: usize = 1 << 20;
/// How late a slow answer comes.
const SLOW: Duration = Duration::from_secs(2);
const HTML: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>";

type Shared = Arc<Server>;

/// Every route of the sandbox.
pub(super) fn router(server: Shared) -> Router {
    Router::new()
        .route("/sandbox/stats", get(stats))
        .route("/sandbox/reset", post(reset))
        .fallback(api)
        .with_state(server)
}

async fn stats(State(server): State<Shared>) -> axum::Json<super::Stats> {
    axum::Json(server.meter().stats.clone())
}

async fn reset(State(server): State<Shared>) -> axum::Json<super::Stats> {
    let mut meter = server.meter();
    meter.reset();
    axum::Json(meter.stats.clone())
}

async fn api(
    State(server): State<Shared>,
    ConnectInfo(switch): ConnectInfo<Switch>,
    request: Request,
) -> Response<Body> {
    let headers = request.headers();
    let text = |name| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let gzip = text(header::ACCEPT_ENCODING).is_some_and(|accepted| accepted.contains("gzip"));
    let authorization = text(header::AUTHORIZATION);
    let raw_query = request.uri().query().unwrap_or("").to_owned();
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        return plain(413, "application/json", r#"{"error":"body too large"}"#);
    };
    let incoming = Incoming {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        raw_query,
        authorization,
        body: body.to_vec(),
    };
    let computed = tokio::task::spawn_blocking(move || {
        let outcome = server.handle(&incoming, Utc::now() + server.options.clock_offset);
        match outcome {
            Outcome::Answer {
                page,
                price,
                damage,
            } => Computed::Answer(compressed(page, gzip), price, damage),
            Outcome::Refused(refusal) => Computed::Refused(refusal),
            Outcome::Struck { fault, retry_after } => Computed::Struck(fault, retry_after),
        }
    });
    match computed.await {
        Ok(Computed::Answer(answer, price, damage)) => {
            deliver(answer, price, damage, &switch).await
        }
        Ok(Computed::Refused(refusal)) => refused(&refusal),
        Ok(Computed::Struck(fault, retry_after)) => struck(fault, retry_after, &switch).await,
        Err(error) => plain(
            500,
            "application/json",
            format!(r#"{{"error":"sandbox: {error}"}}"#),
        ),
    }
}

enum Computed {
    Answer(Compressed, Price, Option<Fault>),
    Refused(Refusal),
    Struck(Fault, bool),
}

struct Compressed {
    rows: u64,
    body: Vec<u8>,
    gzip: bool,
}

fn compressed(page: Page, gzip: bool) -> Compressed {
    let Page {
        rows,
        body,
        looked_at: _,
    } = page;
    if !gzip || body.len() < COMPRESS_FROM {
        return Compressed {
            rows,
            body,
            gzip: false,
        };
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    match encoder.write_all(&body).and_then(|()| encoder.finish()) {
        Ok(packed) => Compressed {
            rows,
            body: packed,
            gzip: true,
        },
        Err(_) => Compressed {
            rows,
            body,
            gzip: false,
        },
    }
}

async fn deliver(
    answer: Compressed,
    price: Price,
    damage: Option<Fault>,
    switch: &Switch,
) -> Response<Body> {
    let Compressed { rows, body, gzip } = answer;
    match damage {
        Some(Fault::Lost) => switch.drop_connection(),
        Some(Fault::Slow) => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    let mut response = match damage {
        Some(Fault::Truncate) => truncated(body),
        Some(Fault::Garbage) => Response::new(Body::from("{\"\u{fffd}garbage [[[ \u{0}")),
        _ => Response::new(Body::from(body)),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if gzip && damage != Some(Fault::Garbage) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, number) in [
        ("x-api-rows", rows),
        ("x-api-units-cost-row", price.per_row),
        ("x-api-units-cost-total", price.total),
        ("x-api-units-cost-total-actual", price.actual),
    ] {
        headers.insert(name, HeaderValue::from(number));
    }
    headers.insert("x-api-cache", HeaderValue::from_static(price.cache));
    request_id(headers);
    response
}

fn request_id(headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&format!("{:016x}", fastrand::u64(..))) {
        headers.insert("x-request-id", id);
    }
}

/// Promises the whole body, sends half of it, then breaks off.
fn truncated(mut body: Vec<u8>) -> Response<Body> {
    let length = body.len();
    body.truncate(length / 2);
    let half = futures_util::stream::once(async move { Ok(Bytes::from(body)) });
    let end = futures_util::stream::once(async {
        // Long enough for the first half to leave.
        tokio::time::sleep(Duration::from_millis(30)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    let mut response = Response::new(Body::from_stream(futures_util::StreamExt::chain(half, end)));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = plain(refusal.status(), "application/json", refusal.body());
    if let Refusal::TooManyRequests { retry_after } = refusal {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    response
}

async fn struck(fault: Fault, retry_after: bool, switch: &Switch) -> Response<Body> {
    match fault {
        Fault::Reset => switch.reset_connection(),
        Fault::Hang => std::future::pending().await,
        _ => {}
    }
    match fault {
        Fault::TooManyRequests => {
            let mut response = plain(429, "application/json", r#"{"error":"Too many requests"}"#);
            if retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
        Fault::BadGateway => plain(502, "text/plain", "bad gateway"),
        Fault::Unavailable => plain(
            503,
            "application/json",
            r#"{"error":"Service unavailable"}"#,
        ),
        Fault::Html => plain(502, "text/html", HTML),
        _ => plain(
            500,
            "application/json",
            r#"{"error":"Internal server error"}"#,
        ),
    }
}

fn plain(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = axum::http::StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    request_id(response.headers_mut());
    response
}
