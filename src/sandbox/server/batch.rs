//! Batch analysis: one request about up to 100 targets, a row for each, identified by `index`.
//!
//! The numbers are those that the other operations serve for the same target today. An invalid target refuses the whole
//! request by name.

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::outcome::{ApiRequest, Outcome, UnitCost};
use super::state::Server;
use crate::catalog::{Catalog, Endpoint, FREE_TARGETS, Pricing};
use crate::sandbox::answer::Page;
use crate::sandbox::cell::{Cell, write_text};
use crate::sandbox::data::TargetMetrics;
use crate::sandbox::faults::Fault;
use crate::sandbox::quirks::Quirk;
use crate::sandbox::refusal::Refusal;
use crate::sandbox::request::{Parameters, Query};

/// Targets of a request at most.
const MAX_TARGETS: usize = 100;

/// The operation that is answered here.
pub(crate) const OPERATION: &str = "batch-analysis/batch-analysis";

/// The operation that targets are checked as for.
const RATING: &str = "site-explorer/domain-rating";

const MODES: [&str; 4] = ["exact", "prefix", "domain", "subdomains"];
const PROTOCOLS: [&str; 3] = ["both", "http", "https"];

/// Decides what happens to a request about many targets, and charges it.
pub(crate) fn answer(
    server: &Server,
    endpoint: &Endpoint,
    request: &ApiRequest,
    fault: Option<Fault>,
    now: DateTime<Utc>,
) -> Result<Outcome, Refusal> {
    if server.options.has(Quirk::Plan) || server.options.has(Quirk::PlanWithoutBatch) {
        return Err(Refusal::Plan);
    }
    let batch = BatchRequest::read(endpoint, &request.body)?;
    let page = page(server, &batch, now)?;
    let per_row = endpoint.units_per_row(batch.select.iter().map(String::as_str));
    let total = endpoint.units_per_request(page.rows, per_row);
    let is_free = batch.is_free() || endpoint.pricing == Pricing::Free;
    let fingerprint = request.fingerprint();
    let mut meter = server.meter();
    let is_cached = meter.is_cached(&fingerprint, Instant::now());
    let cost = UnitCost::new(per_row, total, is_free, is_cached);
    meter.reserve(cost.actual)?;
    let is_lost = fault.is_some_and(Fault::loses_units);
    meter.charge(&endpoint.name, cost.actual, page.rows, cost.actual, is_lost);
    meter.stats.cache_hits += u64::from(is_cached);
    if !is_lost && !is_free {
        meter.remember(fingerprint, Instant::now());
    }
    drop(meter);
    Ok(Outcome::Answer { page, cost, fault })
}

/// A request that is well formed.
struct BatchRequest {
    select: Vec<String>,
    targets: Vec<BatchTarget>,
}

/// One target of a request.
struct BatchTarget {
    url: String,
    mode: Option<String>,
    protocol: Option<String>,
    country: Option<String>,
}

impl BatchRequest {
    fn read(endpoint: &Endpoint, body: &[u8]) -> Result<Self, Refusal> {
        let body: Json = serde_json::from_slice(body).or(Err(bad("body", "no JSON")))?;
        let mut select = Vec::new();
        for name in list(&body, "select")? {
            let Some(name) = name.as_str() else {
                continue;
            };
            select.push(name.to_owned());
        }
        for name in &select {
            if endpoint.column(name).is_none() {
                return Err(Refusal::ColumnNotFound(name.clone()));
            }
        }
        let listed = list(&body, "targets")?;
        if listed.is_empty() || listed.len() > MAX_TARGETS {
            return Err(bad("targets", &format!("a list of {}", listed.len())));
        }
        let country = text(&body, "country");
        let mut targets = Vec::with_capacity(listed.len());
        for target in listed {
            targets.push(BatchTarget::read(target, country.as_ref())?);
        }
        Ok(Self { select, targets })
    }

    fn is_free(&self) -> bool {
        self.targets
            .iter()
            .all(|target| FREE_TARGETS.contains(&target.url.as_str()))
    }
}

impl BatchTarget {
    fn read(json: &Json, country: Option<&String>) -> Result<Self, Refusal> {
        let Some(url) = text(json, "url") else {
            return Err(Refusal::MissingArgument("url".to_owned()));
        };
        let mode = text(json, "mode");
        check_enum(mode.as_deref(), &MODES)?;
        let protocol = text(json, "protocol");
        check_enum(protocol.as_deref(), &PROTOCOLS)?;
        Ok(Self {
            url,
            mode,
            protocol,
            country: country.cloned(),
        })
    }

    /// The host, as a request about this target alone has it.
    fn host(&self, quirks: &[Quirk], now: DateTime<Utc>) -> Result<String, Refusal> {
        let Some(rating) = Catalog::embedded().endpoint(RATING) else {
            return Err(Refusal::NotServed);
        };
        let mut parameters = vec![
            ("target".to_owned(), self.url.clone()),
            ("date".to_owned(), now.date_naive().to_string()),
        ];
        for (name, value) in [("mode", &self.mode), ("protocol", &self.protocol)] {
            if let Some(value) = value {
                parameters.push((name.to_owned(), value.clone()));
            }
        }
        let query = Query::read(rating, &Parameters(&parameters), quirks, now)?;
        Ok(query.host)
    }

    /// The URL as the answer shows it.
    fn shown_url(&self) -> String {
        format!("{}/", self.url.to_lowercase().trim_end_matches('/'))
    }
}

/// The rows of an answer: every target that can be refused is refused here.
fn page(server: &Server, batch: &BatchRequest, now: DateTime<Utc>) -> Result<Page, Refusal> {
    let options = &server.options;
    let mut rows = 0;
    let mut body = br#"{"targets":["#.to_vec();
    for (index, target) in batch.targets.iter().enumerate() {
        if options.has(Quirk::MissingRow) && index == 1 {
            continue;
        }
        if rows > 0 {
            body.push(b',');
        }
        rows += 1;
        let shown_index = if options.has(Quirk::RepeatedIndex) {
            index / 2
        } else {
            index
        };
        let row = write_row(server, &batch.select, shown_index, target, now, &mut body);
        match row {
            Err(Refusal::BadTarget(_)) if options.has(Quirk::UnnamedTarget) => {
                return Err(Refusal::BadTarget("one of them".to_owned()));
            }
            row => row?,
        }
    }
    body.extend_from_slice(b"]}");
    Ok(Page {
        rows,
        rows_examined: rows,
        body,
    })
}

fn write_row(
    server: &Server,
    select: &[String],
    index: usize,
    target: &BatchTarget,
    now: DateTime<Utc>,
    out: &mut Vec<u8>,
) -> Result<(), Refusal> {
    let host = target.host(&server.options.quirks, now)?;
    let country = target.country.as_deref();
    let metrics = TargetMetrics::new(server.tables.factory(), &host, country, now.date_naive());
    out.push(b'{');
    for (position, name) in select.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        write_text(name, out);
        out.push(b':');
        let cell = match name.as_str() {
            "index" => Cell::Int(i64::try_from(index).unwrap_or(i64::MAX)),
            "url" => Cell::text(target.shown_url()),
            "mode" => Cell::text(target.mode.as_deref().unwrap_or("")),
            "protocol" => Cell::text(target.protocol.as_deref().unwrap_or("")),
            _ => metrics.cell(name)?.unwrap_or(Cell::Null),
        };
        cell.write(out);
    }
    out.push(b'}');
    Ok(())
}

fn list<'a>(json: &'a Json, name: &str) -> Result<&'a [Json], Refusal> {
    match json.get(name) {
        Some(Json::Array(items)) => Ok(items),
        _ => Err(Refusal::MissingArgument(name.to_owned())),
    }
}

fn text(json: &Json, name: &str) -> Option<String> {
    match json.get(name) {
        Some(Json::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn check_enum(value: Option<&str>, known: &[&str]) -> Result<(), Refusal> {
    match value {
        Some(value) if !known.contains(&value) => Err(Refusal::BadEnum(value.to_owned())),
        _ => Ok(()),
    }
}

fn bad(name: &str, value: &str) -> Refusal {
    Refusal::BadParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
