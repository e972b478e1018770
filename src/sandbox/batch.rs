//! Batch analysis: one request about up to 100 targets, a row for each, told apart by `index`.
//!
//! The numbers are those that the other operations serve for the same target today. A malformed target refuses the whole request by name.

use std::time::Instant;

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::cell::{Cell, write_text};
use super::faults::Fault;
use super::page::Page;
use super::parameters::Parameters;
use super::query::Query;
use super::quirks::Quirk;
use super::refusal::Refusal;
use super::server::{Incoming, Outcome, Price, Server};
use crate::catalog::{Catalog, Endpoint, FREE_TARGETS, Pricing};

/// Targets of a request at most.
const MAX_TARGETS: usize = 100;

/// The operation that is served here.
pub(super) const OPERATION: &str = "batch-analysis/batch-analysis";

/// The operation that the numbers of a domain come from.
const RATING: &str = "site-explorer/domain-rating";

/// Decides what becomes of a request about many targets, and charges it.
pub(super) fn answer(
    server: &Server,
    endpoint: &Endpoint,
    request: &Incoming,
    fault: Option<Fault>,
    now: DateTime<Utc>,
) -> Result<Outcome, Refusal> {
    let quirks = server.options.quirks.as_slice();
    if quirks.contains(&Quirk::Plan) || quirks.contains(&Quirk::PlanWithoutBatch) {
        return Err(Refusal::Plan);
    }
    let batch = Batch::read(server, endpoint, request, now)?;
    let per_row = endpoint.units_per_row(batch.select.iter().map(String::as_str));
    let wire = format!(
        "{}?{}",
        request.path,
        String::from_utf8_lossy(&request.body)
    );
    let is_free = batch
        .targets
        .iter()
        .all(|target| FREE_TARGETS.contains(&url(target)));
    let free = is_free || endpoint.pricing == Pricing::Free;
    let mut meter = server.meter();
    let cached = meter.is_cached(&wire, Instant::now());
    let total = endpoint.units_per_request(batch.rows, per_row);
    let actual = if free || cached { 0 } else { total };
    meter.reserve(actual)?;
    let lost = fault.is_some_and(Fault::loses_units);
    meter.charge(&endpoint.name, actual, batch.rows, actual, lost);
    meter.stats.cache_hits += u64::from(cached);
    if !lost && !free {
        meter.remember(wire, Instant::now());
    }
    drop(meter);
    let cache = match (free, cached) {
        (true, _) => "no_cache",
        (false, true) => "hit",
        (false, false) => "miss",
    };
    let page = Page {
        rows: batch.rows,
        looked_at: batch.rows,
        body: batch.body,
    };
    Ok(Outcome::Answer {
        page,
        price: Price {
            per_row,
            total,
            actual,
            cache,
        },
        damage: fault,
    })
}

/// A request that will be answered, and the answer.
struct Batch {
    select: Vec<String>,
    rows: u64,
    targets: Vec<Vec<(String, String)>>,
    body: Vec<u8>,
}

impl Batch {
    /// Reads the body and makes the rows: everything that can be refused is refused here.
    fn read(
        server: &Server,
        endpoint: &Endpoint,
        request: &Incoming,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        let body: Json =
            serde_json::from_slice(&request.body).map_err(|_| bad("body", "no JSON"))?;
        let missing = |name: &str| Refusal::MissingArgument(name.to_owned());
        let list = |name: &str| {
            body.get(name)
                .and_then(Json::as_array)
                .ok_or_else(|| missing(name))
        };
        let text = |json: &Json| json.as_str().map(str::to_owned);
        let select: Vec<String> = list("select")?.iter().filter_map(text).collect();
        if let Some(unknown) = select.iter().find(|name| endpoint.column(name).is_none()) {
            return Err(Refusal::ColumnNotFound(unknown.clone()));
        }
        let targets = list("targets")?;
        if targets.is_empty() || targets.len() > MAX_TARGETS {
            return Err(bad("targets", &format!("a list of {}", targets.len())));
        }
        let country = body.get("country").and_then(text);
        let mut batch = Self {
            select,
            rows: 0,
            targets: Vec::new(),
            body: Vec::new(),
        };
        for target in targets {
            let asked = asked(target, country.as_deref(), now)?;
            batch.targets.push(asked);
        }
        let rating = Catalog::embedded()
            .endpoint(RATING)
            .ok_or(Refusal::NotServed)?;
        let mut out = br#"{"targets":["#.to_vec();
        let has = |quirk| server.options.quirks.contains(&quirk);
        for (index, target) in batch.targets.iter().enumerate() {
            if has(Quirk::MissingRow) && index == 1 {
                continue;
            }
            let index = if has(Quirk::RepeatedIndex) {
                index / 2
            } else {
                index
            };
            batch.rows += 1;
            if out.last() == Some(&b'}') {
                out.push(b',');
            }
            let refused = |refusal| match refusal {
                Refusal::BadTarget(_) if has(Quirk::UnnamedTarget) => {
                    Refusal::BadTarget("one of them".to_owned())
                }
                other => other,
            };
            let context = Context {
                server,
                rating,
                now,
            };
            context
                .row(&batch.select, index, target, &mut out)
                .map_err(refused)?;
        }
        out.extend_from_slice(b"]}");
        batch.body = out;
        Ok(batch)
    }
}

/// A target as query parameters, checked.
fn asked(
    target: &Json,
    country: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Vec<(String, String)>, Refusal> {
    let part = |name: &str| target.get(name).and_then(Json::as_str).map(str::to_owned);
    let url = part("url").ok_or_else(|| Refusal::MissingArgument("url".to_owned()))?;
    for (name, known) in [
        ("mode", &["exact", "prefix", "domain", "subdomains"][..]),
        ("protocol", &["both", "http", "https"][..]),
    ] {
        if let Some(value) = part(name).filter(|value| !known.contains(&value.as_str())) {
            return Err(Refusal::BadEnum(value));
        }
    }
    let pairs = [
        ("target", Some(url)),
        ("mode", part("mode")),
        ("protocol", part("protocol")),
        ("country", country.map(str::to_owned)),
        ("date", Some(now.date_naive().to_string())),
        ("output", Some("json".to_owned())),
    ];
    Ok(pairs
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect())
}

/// What all rows of an answer depend on.
struct Context<'a> {
    server: &'a Server,
    rating: &'a Endpoint,
    now: DateTime<Utc>,
}

impl Context<'_> {
    fn row(
        &self,
        select: &[String],
        index: usize,
        target: &[(String, String)],
        out: &mut Vec<u8>,
    ) -> Result<(), Refusal> {
        let Self {
            server,
            rating,
            now,
        } = *self;
        let known = |(name, _): &&(String, String)| rating.parameter(name).is_some();
        let parameters: Vec<(String, String)> = target.iter().filter(known).cloned().collect();
        let host = Query::read(
            rating,
            &Parameters(&parameters),
            server.options.quirks.as_slice(),
            now,
        )?
        .host;
        let value = |wanted: &str| {
            target
                .iter()
                .find(|(known, _)| known == wanted)
                .map(|(_, value)| value.as_str())
        };
        let figures = server.figures(&host, value("country"), now.date_naive());
        out.push(b'{');
        for (position, name) in select.iter().enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_text(name, out);
            out.push(b':');
            let cell = match name.as_str() {
                "index" => Cell::Int(i64::try_from(index).unwrap_or(i64::MAX)),
                "url" => Cell::text(format!(
                    "{}/",
                    url(target).to_lowercase().trim_end_matches('/')
                )),
                "mode" | "protocol" => Cell::text(value(name).unwrap_or("")),
                _ => figures.cell(name)?.unwrap_or(Cell::Null),
            };
            cell.write(out);
        }
        out.push(b'}');
        Ok(())
    }
}

fn url(target: &[(String, String)]) -> &str {
    target
        .iter()
        .find(|(name, _)| name == "target")
        .map_or("", |(_, url)| url)
}

fn bad(name: &str, value: &str) -> Refusal {
    Refusal::BadParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    }
}
