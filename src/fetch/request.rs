//! The request for the next page of a task, and its price in the worst case.

use serde_json::Value as Json;

use crate::api::Quote;
use crate::catalog::{Endpoint, ParameterKind, Pricing};
use crate::config::Report;
use crate::fetch::batch_body;
use crate::model::{Method, Request};
use crate::paging::{PageRequest, PagerLimits, Purpose};
use crate::plan::{MAX_URL_BYTES, Task};
use crate::report::UnitOverhead;

/// The parameter that names the columns.
const SELECT: &str = "select";

/// Bytes of a body that are left for a filter: nothing on the way limits bodies as it does URLs.
const MAX_BODY_FILTER_BYTES: usize = 64 * 1024;

/// Rows that an answer without limit may have where nothing bounds them: the first hundred results of a search, with all
/// elements between them.
const ROWS_WITHOUT_LIMIT: u64 = 400;

/// The request for one answer of a task, with these columns of its table.
pub fn request(report: &Report, task: &Task, columns: &[String], ask: &PageRequest) -> Request {
    if report.endpoint.takes_many_targets() {
        return batch_body::request(report.endpoint, &selected(columns, ask), &[&task.query]);
    }
    let mut query = task.query.clone();
    if report.endpoint.has_select() {
        query.push((SELECT.to_owned(), selected(columns, ask).join(",")));
    }
    if let Some(filter) = &ask.filter {
        query.push(("where".to_owned(), filter.to_json().to_string()));
    }
    if !ask.order_by.is_empty() {
        let mut order = Vec::with_capacity(ask.order_by.len());
        for (position, column) in ask.order_by.iter().enumerate() {
            let is_descending = ask.is_descending && position == 0;
            let direction = if is_descending { "desc" } else { "asc" };
            order.push(format!("{column}:{direction}"));
        }
        query.push(("order_by".to_owned(), order.join(",")));
    }
    if let Some(limit) = ask.limit {
        query.push(("limit".to_owned(), limit.to_string()));
    }
    if let Purpose::Offset(rows) = ask.purpose {
        query.push(("offset".to_owned(), rows.to_string()));
    }
    let (endpoint, method) = (report.endpoint.name.clone(), report.endpoint.method);
    match method {
        Method::Get => Request {
            endpoint,
            method,
            query,
            body: None,
        },
        Method::Post => Request {
            endpoint,
            method,
            query: Vec::new(),
            body: Some(body(report.endpoint, &query)),
        },
    }
}

/// The first request of a task where nothing is known about the source yet, for display.
pub fn first_request(report: &Report, task: &Task) -> Request {
    let ask = PageRequest {
        filter: report.filter.clone(),
        order_by: task.order_key.clone(),
        is_descending: report.top.is_some(),
        limit: report
            .endpoint
            .parameter("limit")
            .map(|_| PagerLimits::default().first_limit),
        key_columns: task.order_key.clone(),
        purpose: Purpose::Page,
    };
    request(report, task, &report.columns, &ask)
}

/// The parameters as a JSON body, each with its type.
fn body(endpoint: &Endpoint, query: &[(String, String)]) -> String {
    let mut body = serde_json::Map::new();
    for (name, text) in query {
        let kind = match endpoint.parameter(name) {
            Some(parameter) => &parameter.kind,
            None => &ParameterKind::Text,
        };
        body.insert(name.clone(), json(kind, text));
    }
    Json::Object(body).to_string()
}

fn json(kind: &ParameterKind, text: &str) -> Json {
    let parsed = serde_json::from_str::<Json>(text);
    match (kind, parsed) {
        // JSON where the report lists it; several columns, or one value of a lookup.
        (ParameterKind::List(_), Ok(value)) if value.is_array() => value,
        (ParameterKind::List(_), _) => text.split(',').collect(),
        (
            ParameterKind::Json
            | ParameterKind::Integer
            | ParameterKind::Number
            | ParameterKind::Boolean,
            Ok(value),
        ) => value,
        _ => text.into(),
    }
}

/// Whether the answer to a request that was sent answers another one too: they are equal but for columns, and it has at
/// least the columns of the other.
pub fn is_answered_by(sent: &Request, wanted: &Request) -> bool {
    let (sent_columns, sent_rest) = columns_and_rest(sent);
    let (wanted_columns, wanted_rest) = columns_and_rest(wanted);
    let same = (&sent.endpoint, sent.method) == (&wanted.endpoint, wanted.method);
    same && sent_rest == wanted_rest
        && wanted_columns
            .iter()
            .all(|column| sent_columns.contains(column))
}

/// A request without its columns: the query and the body.
type Rest = (Vec<(String, String)>, Option<Json>);

/// The columns of a request, and the rest of it.
fn columns_and_rest(request: &Request) -> (Vec<String>, Rest) {
    let mut columns = Vec::new();
    let mut query = Vec::new();
    for (name, value) in &request.query {
        if name == SELECT {
            columns.extend(value.split(',').map(str::to_owned));
        } else {
            query.push((name.clone(), value.clone()));
        }
    }
    let mut body: Option<Json> = request
        .body
        .as_ref()
        .map(|text| serde_json::from_str(text).unwrap_or_default());
    if let Some(Json::Object(body)) = &mut body
        && let Some(Json::Array(selected)) = body.shift_remove(SELECT)
    {
        for column in &selected {
            columns.extend(column.as_str().map(str::to_owned));
        }
    }
    (columns, (query, body))
}

/// The columns of a request, in the query or in the body; empty where the operation has no choice of columns.
pub fn selected_columns(request: &Request) -> Vec<String> {
    columns_and_rest(request).0
}

/// The row limit of a request.
pub fn limit(request: &Request) -> Option<u32> {
    let (_, limit) = request.query.iter().find(|(name, _)| name == "limit")?;
    limit.parse().ok()
}

/// The table's columns in order, then those that only paging needs.
fn selected<'a>(columns: &'a [String], ask: &'a PageRequest) -> Vec<&'a str> {
    let mut selected: Vec<&str> = columns.iter().map(String::as_str).collect();
    for name in &ask.key_columns {
        if !columns.contains(name) {
            selected.push(name);
        }
    }
    selected
}

/// The most units that the request can cost: as many rows as it requests, at the price of every column in it.
pub fn quote(report: &Report, task: &Task, ask: &PageRequest) -> Quote {
    if task.costs_nothing() {
        return Quote::default();
    }
    let columns = billed_columns(report, ask);
    let rows = ask
        .limit
        .map(u64::from)
        .or(task.bound_rows)
        .unwrap_or(ROWS_WITHOUT_LIMIT);
    let extra: u64 = task
        .extra_units
        .iter()
        .filter(|(name, _)| columns.contains(name))
        .map(|(_, units)| units)
        .sum();
    let per_row = report
        .endpoint
        .units_per_row(columns.iter().map(String::as_str))
        .saturating_add(extra);
    Quote {
        worst: report.endpoint.units_per_request(rows, per_row),
        ..Quote::default()
    }
}

/// Of the units of an answer, those that brought no new row: for rows that were read again, for the minimum of a request,
/// for columns that only paging needs.
pub fn overhead_units(
    report: &Report,
    ask: &PageRequest,
    units: u64,
    received: usize,
    accepted: usize,
) -> UnitOverhead {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow || units == 0 {
        return UnitOverhead::default();
    }
    let [rows_received, rows_accepted] =
        [received, accepted].map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
    let with = endpoint.units_per_row(billed_columns(report, ask).iter().map(String::as_str));
    let filtered = report.filter_columns();
    let own = endpoint.units_per_row(report.columns.iter().chain(&filtered).map(String::as_str));
    UnitOverhead {
        reread: rows_received
            .saturating_sub(rows_accepted)
            .saturating_mul(with),
        minimums: units.saturating_sub(rows_received.saturating_mul(with)),
        surcharge: rows_accepted.saturating_mul(with.saturating_sub(own)),
        lost: 0,
    }
}

/// The columns that each row is charged for: selected, filtered by, ordered by.
fn billed_columns(report: &Report, ask: &PageRequest) -> Vec<String> {
    let selected = selected(&report.columns, ask);
    let mut columns: Vec<String> = selected.into_iter().map(str::to_owned).collect();
    if let Some(filter) = &ask.filter {
        columns.extend(filter.columns());
    }
    columns.extend_from_slice(&ask.order_by);
    columns
}

/// Bytes of the URL that are left for filter, order and key columns beside the other parameters of the task.
pub fn url_bytes_left(base_url: &url::Url, report: &Report, task: &Task) -> usize {
    if report.endpoint.method == Method::Post {
        return MAX_BODY_FILTER_BYTES;
    }
    let ask = PageRequest {
        filter: None,
        order_by: Vec::new(),
        is_descending: false,
        limit: Some(u32::MAX),
        key_columns: Vec::new(),
        purpose: crate::paging::Purpose::Page,
    };
    let query = crate::api::encoded_query(&request(report, task, &report.columns, &ask)).len();
    let fixed =
        base_url.as_str().len() + report.endpoint.path.len() + query + "&where=&order_by=".len();
    MAX_URL_BYTES.saturating_sub(fixed)
}
