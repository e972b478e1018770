//! Answers as HTTP responses, with the harm that a fault does to them.

use std::io::Write as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use flate2::{Compression, write::GzEncoder};
use futures_util::StreamExt as _;

use super::faulty_connection::ConnectionFault;
use crate::sandbox::answer::Page;
use crate::sandbox::faults::Fault;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::server::UnitCost;

/// Bodies below this size are not compressed.
const COMPRESS_FROM: usize = 1024;
/// How late a slow answer comes.
const SLOW: Duration = Duration::from_secs(2);
/// Long enough for the first half of a truncated body to leave.
const TRUNCATE_WAIT: Duration = Duration::from_millis(30);

const HTML: &str = "<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>";

/// A body as it is sent.
pub(crate) struct EncodedPage {
    rows: u64,
    body: Vec<u8>,
    is_gzip: bool,
}

/// Compresses a body where the client accepts that and it is worth it.
pub(crate) fn encode(page: Page, accepts_gzip: bool) -> EncodedPage {
    let Page { rows, body, .. } = page;
    if accepts_gzip
        && body.len() >= COMPRESS_FROM
        && let Ok(packed) = gzip(&body)
    {
        return EncodedPage {
            rows,
            body: packed,
            is_gzip: true,
        };
    }
    EncodedPage {
        rows,
        body,
        is_gzip: false,
    }
}

fn gzip(body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    encoder.write_all(body)?;
    encoder.finish()
}

/// An answer, late, damaged or lost where a fault asks for it.
pub(crate) async fn answer(
    page: EncodedPage,
    cost: UnitCost,
    fault: Option<Fault>,
    connection: &ConnectionFault,
) -> Response<Body> {
    match fault {
        Some(Fault::Lost) => connection.drop_connection(),
        Some(Fault::Slow) => tokio::time::sleep(SLOW).await,
        _ => {}
    }
    let mut response = match fault {
        Some(Fault::Truncate) => truncated(page.body),
        Some(Fault::Garbage) => Response::new(Body::from("{\"\u{fffd}garbage [[[ \u{0}")),
        _ => Response::new(Body::from(page.body)),
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if page.is_gzip && fault != Some(Fault::Garbage) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, number) in [
        ("x-api-rows", page.rows),
        ("x-api-units-cost-row", cost.per_row),
        ("x-api-units-cost-total", cost.total),
        ("x-api-units-cost-total-actual", cost.actual),
    ] {
        headers.insert(name, HeaderValue::from(number));
    }
    headers.insert("x-api-cache", HeaderValue::from_static(cost.cache));
    add_request_id(headers);
    response
}

fn add_request_id(headers: &mut HeaderMap) {
    if let Ok(id) = HeaderValue::from_str(&format!("{:016x}", fastrand::u64(..))) {
        headers.insert("x-request-id", id);
    }
}

/// Announces the whole body, sends half of it, then breaks off.
fn truncated(mut body: Vec<u8>) -> Response<Body> {
    let length = body.len();
    body.truncate(length / 2);
    let half = futures_util::stream::once(async move { Ok(Bytes::from(body)) });
    let end = futures_util::stream::once(async {
        tokio::time::sleep(TRUNCATE_WAIT).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))
    });
    let mut response = Response::new(Body::from_stream(half.chain(end)));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A request that the API refuses.
pub(crate) fn refused(refusal: &Refusal) -> Response<Body> {
    let mut response = json(refusal.status(), refusal.body());
    if let Refusal::TooManyRequests { retry_after } = refusal {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(*retry_after));
    }
    response
}

/// A fault instead of an answer.
pub(crate) async fn injected(
    fault: Fault,
    retry_after: bool,
    connection: &ConnectionFault,
) -> Response<Body> {
    match fault {
        Fault::Reset => connection.reset_connection(),
        Fault::Hang => std::future::pending().await,
        _ => {}
    }
    match fault {
        Fault::TooManyRequests => {
            let mut response = json(429, r#"{"error":"Too many requests"}"#);
            if retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            response
        }
        Fault::BadGateway => with_type(502, "text/plain", "bad gateway"),
        Fault::Unavailable => json(503, r#"{"error":"Service unavailable"}"#),
        Fault::Html => with_type(502, "text/html", HTML),
        _ => json(500, r#"{"error":"Internal server error"}"#),
    }
}

/// A JSON body without the headers of an answer.
pub(crate) fn json(status: u16, body: impl Into<Body>) -> Response<Body> {
    with_type(status, "application/json", body)
}

fn with_type(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or_default();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    add_request_id(response.headers_mut());
    response
}
