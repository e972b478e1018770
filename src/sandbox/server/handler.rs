//! Decides what happens to a request, and charges it.

use std::time::Instant;

use chrono::{DateTime, Utc};

use super::batch;
use super::outcome::{ApiRequest, Outcome, UnitCost};
use super::price::{expected_rows, is_free, per_row};
use super::state::Server;
use super::usage;
use crate::catalog::{Catalog, Endpoint, Pricing};
use crate::model::Method;
use crate::sandbox::answer::{PageSettings, page};
use crate::sandbox::data::MakeTable as _;
use crate::sandbox::faults::Fault;
use crate::sandbox::quirks::Quirk;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{Parameters, Query, read_body};
use crate::sandbox::seeded::Seeded;

/// Decides what happens to a request under `/v3`. Computes; call it where blocking is fine.
pub(crate) fn handle(server: &Server, request: &ApiRequest, now: DateTime<Utc>) -> Outcome {
    match try_handle(server, request, now) {
        Ok(outcome) => outcome,
        Err(refusal) => Outcome::Refused(refusal),
    }
}

fn try_handle(
    server: &Server,
    request: &ApiRequest,
    now: DateTime<Utc>,
) -> Result<Outcome, Refusal> {
    let endpoint = endpoint_of(request);
    let number = server
        .meter()
        .count(endpoint.map(|endpoint| endpoint.name.as_str()));
    let Some(endpoint) = endpoint else {
        return Err(Refusal::UnknownRoute(request.path.clone()));
    };
    admit(server, endpoint, request)?;
    let seeded = request_seeded(server, number);
    let fault = server.options.faults.draw(seeded.named("fault"));
    if let Some(fault) = fault
        && !fault.affects_answer()
    {
        return Ok(Outcome::Injected {
            fault,
            retry_after: seeded.named("retry_after").once_in(2),
        });
    }
    match endpoint.name.as_str() {
        usage::OPERATION => Ok(Outcome::Answer {
            page: usage::limits_and_usage(&server.meter(), now),
            cost: UnitCost::FREE,
            fault,
        }),
        batch::OPERATION => batch::answer(server, endpoint, request, fault, now),
        _ => answer(server, endpoint, request, number, fault, now),
    }
}

fn endpoint_of(request: &ApiRequest) -> Option<&'static Endpoint> {
    Catalog::embedded().endpoints().find(|endpoint| {
        let method = match endpoint.method {
            Method::Get => "GET",
            Method::Post => "POST",
        };
        endpoint.path == request.path && method == request.method
    })
}

/// Checks the key and the limit of requests a minute.
fn admit(server: &Server, endpoint: &Endpoint, request: &ApiRequest) -> Result<(), Refusal> {
    if endpoint.needs_key {
        let authorization = request.authorization.as_deref().unwrap_or("");
        let Some(key) = authorization.strip_prefix("Bearer ") else {
            return Err(Refusal::Forbidden);
        };
        if key.trim() != server.options.key {
            return Err(Refusal::Unauthorized);
        }
    }
    server.meter().admit(Instant::now())
}

fn answer(
    server: &Server,
    endpoint: &Endpoint,
    request: &ApiRequest,
    number: u64,
    fault: Option<Fault>,
    now: DateTime<Utc>,
) -> Result<Outcome, Refusal> {
    let options = &server.options;
    if options.has(Quirk::Plan) && endpoint.pricing != Pricing::Free {
        return Err(Refusal::Plan);
    }
    let query = read_query(server, endpoint, request, now)?;
    let table = server.tables.get(endpoint, &query, number)?;
    let per_row = per_row(endpoint, &query);
    let fingerprint = request.fingerprint();
    let is_free = is_free(endpoint, &query);
    let is_cached = options.churn <= 0.0 && server.meter().is_cached(&fingerprint, Instant::now());
    let expected = if is_free || is_cached {
        0
    } else {
        let rows = expected_rows(endpoint, &query, table.len(), options.row_cap);
        endpoint.units_per_request(rows, per_row)
    };
    server.meter().reserve(expected)?;
    let page = page(endpoint, &query, &table, page_settings(server, number));
    let total = endpoint.units_per_request(page.rows, per_row);
    let cost = UnitCost::new(per_row, total, is_free, is_cached);
    let is_lost = fault.is_some_and(Fault::loses_units);
    let mut meter = server.meter();
    meter.charge(&endpoint.name, expected, page.rows, cost.actual, is_lost);
    meter.stats.rows_examined += page.rows_examined;
    meter.stats.cache_hits += u64::from(is_cached);
    // An answer that was not received is not cached: the same request costs again.
    if !is_lost && !is_free {
        meter.remember(fingerprint, Instant::now());
    }
    drop(meter);
    Ok(Outcome::Answer { page, cost, fault })
}

fn page_settings(server: &Server, number: u64) -> PageSettings<'_> {
    PageSettings {
        quirks: &server.options.quirks,
        row_cap: server.options.row_cap,
        request: number,
        seeded: request_seeded(server, number),
    }
}

/// The source of chance of a request.
fn request_seeded(server: &Server, number: u64) -> Seeded {
    let seeded = server.tables.factory().seeded();
    seeded.named("request").numbered(number)
}

fn read_query(
    server: &Server,
    endpoint: &Endpoint,
    request: &ApiRequest,
    now: DateTime<Utc>,
) -> Result<Query, Refusal> {
    let quirks = &server.options.quirks;
    if endpoint.method == Method::Post {
        let sent = read_body(endpoint, &request.body)?;
        return Query::read(endpoint, &Parameters(&sent), quirks, now);
    }
    Query::read(endpoint, &Parameters(&request.query), quirks, now)
}
