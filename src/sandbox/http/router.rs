//! The routes of the sandbox: the API, and the sandbox's own statistics.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, Response, header};
use axum::routing::{get, post};
use chrono::Utc;

use super::faulty_connection::ConnectionFault;
use super::response::{EncodedPage, answer, encode, injected, json, refused};
use crate::sandbox::faults::Fault;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::server::{ApiRequest, Outcome, Server, Stats, UnitCost, handle};

/// Bytes of a request's body at most.
const LARGEST_BODY: usize = 1 << 20;

type Shared = Arc<Server>;

/// Every route of the sandbox.
pub(crate) fn router(server: Shared) -> Router {
    Router::new()
        .route("/sandbox/stats", get(stats))
        .route("/sandbox/reset", post(reset))
        .fallback(api)
        .with_state(server)
}

async fn stats(State(server): State<Shared>) -> axum::Json<Stats> {
    axum::Json(server.stats())
}

async fn reset(State(server): State<Shared>) -> axum::Json<Stats> {
    axum::Json(server.reset())
}

async fn api(
    State(server): State<Shared>,
    ConnectInfo(connection): ConnectInfo<ConnectionFault>,
    request: Request,
) -> Response<Body> {
    let encoding = header_text(request.headers(), header::ACCEPT_ENCODING);
    let accepts_gzip = encoding.is_some_and(|accepted| accepted.contains("gzip"));
    let Some(request) = read(request).await else {
        return json(413, r#"{"error":"body too large"}"#);
    };
    let computed =
        tokio::task::spawn_blocking(move || compute(&server, &request, accepts_gzip)).await;
    match computed {
        Ok(Computed::Answer(page, cost, fault)) => answer(page, cost, fault, &connection).await,
        Ok(Computed::Refused(refusal)) => refused(&refusal),
        Ok(Computed::Injected { fault, retry_after }) => {
            injected(fault, retry_after, &connection).await
        }
        Err(error) => json(500, format!(r#"{{"error":"sandbox: {error}"}}"#)),
    }
}

fn header_text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let text = headers.get(name)?.to_str().ok()?;
    Some(text.to_owned())
}

/// A request with its whole body; `None` where the body is too large.
async fn read(request: Request) -> Option<ApiRequest> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_BODY).await.ok()?;
    let raw_query = parts.uri.query().unwrap_or("").to_owned();
    Some(ApiRequest {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: url::form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        raw_query,
        authorization: header_text(&parts.headers, header::AUTHORIZATION),
        body: body.to_vec(),
    })
}

/// An [`Outcome`] whose body is encoded.
enum Computed {
    Answer(EncodedPage, UnitCost, Option<Fault>),
    Refused(Refusal),
    Injected { fault: Fault, retry_after: bool },
}

fn compute(server: &Server, request: &ApiRequest, accepts_gzip: bool) -> Computed {
    let now = Utc::now() + server.options.clock_offset;
    match handle(server, request, now) {
        Outcome::Answer { page, cost, fault } => {
            Computed::Answer(encode(page, accepts_gzip), cost, fault)
        }
        Outcome::Refused(refusal) => Computed::Refused(refusal),
        Outcome::Injected { fault, retry_after } => Computed::Injected { fault, retry_after },
    }
}
