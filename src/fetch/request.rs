//! A task and what paging wants next → the request and its price in the worst case.

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

/// Rows that an answer without limit may have where nothing says how many: the first hundred results of a search, with all
/// that stands between them.
const ROWS_OF_A_WHOLE_ANSWER: u64 = 400;

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
        let direction = |place: usize| {
            if ask.is_descending && place == 0 {
                "desc"
            } else {
                "asc"
            }
        };
        let order = ask.order_by.iter().enumerate();
        let order: Vec<String> = order
            .map(|(place, column)| format!("{column}:{}", direction(place)))
            .collect();
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

/// The request that a task begins with where nothing is known of the source yet, for those who want to see it.
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
    let field = |(name, text): &(String, String)| {
        let kind = endpoint
            .parameter(name)
            .map_or(&ParameterKind::Text, |parameter| &parameter.kind);
        (name.clone(), json(kind, text))
    };
    Json::Object(query.iter().map(field).collect()).to_string()
}

fn json(kind: &ParameterKind, text: &str) -> Json {
    let parsed = || serde_json::from_str(text).ok();
    let value = match kind {
        // JSON where the report lists it; several columns, or one value of what varies.
        ParameterKind::List(_) => parsed()
            .filter(Json::is_array)
            .or_else(|| Some(text.split(',').collect())),
        ParameterKind::Json
        | ParameterKind::Integer
        | ParameterKind::Number
        | ParameterKind::Boolean => parsed(),
        _ => None,
    };
    value.unwrap_or_else(|| text.into())
}

/// Whether the answer to a request that was sent answers another one too: it asked the same, for these columns at least.
pub fn is_answered_by(sent: &Request, wanted: &Request) -> bool {
    let ((had, sent_rest), (wants, wanted_rest)) = (parts(sent), parts(wanted));
    let same = (&sent.endpoint, sent.method) == (&wanted.endpoint, wanted.method);
    same && sent_rest == wanted_rest && wants.iter().all(|column| had.contains(column))
}

/// What a request says beside its columns, in the query and in the body.
type Rest = (Vec<(String, String)>, Option<Json>);

/// The columns that a request names, and everything else that it says.
fn parts(request: &Request) -> (Vec<String>, Rest) {
    let (select, query): (Vec<_>, Vec<_>) = request
        .query
        .iter()
        .cloned()
        .partition(|(name, _)| name == SELECT);
    let mut columns: Vec<String> = select
        .iter()
        .flat_map(|(_, columns)| columns.split(','))
        .map(str::to_owned)
        .collect();
    let mut body: Option<Json> = request
        .body
        .as_ref()
        .map(|text| serde_json::from_str(text).unwrap_or_default());
    let listed = body
        .as_mut()
        .and_then(Json::as_object_mut)
        .and_then(|body| body.shift_remove(SELECT));
    let listed = listed
        .as_ref()
        .and_then(Json::as_array)
        .into_iter()
        .flatten();
    columns.extend(listed.filter_map(|column| column.as_str().map(str::to_owned)));
    (columns, (query, body))
}

/// The columns that a request names, in the query or in the body; none where it leaves no choice.
pub fn selected_columns(request: &Request) -> Vec<String> {
    parts(request).0
}

/// Rows that a request asked for.
pub fn limit(request: &Request) -> Option<u32> {
    let (_, limit) = request.query.iter().find(|(name, _)| name == "limit")?;
    limit.parse().ok()
}

/// The table's columns in order, then those that only paging needs.
fn selected<'a>(columns: &'a [String], ask: &'a PageRequest) -> Vec<&'a str> {
    let own = columns.iter().map(String::as_str);
    let added = ask
        .key_columns
        .iter()
        .map(String::as_str)
        .filter(|name| !columns.iter().any(|own| own == name));
    own.chain(added).collect()
}

/// The most that the request can cost: as many rows as it asks for, at the price of every column that it names.
pub fn quote(report: &Report, task: &Task, ask: &PageRequest) -> Quote {
    if task.costs_nothing() {
        return Quote::default();
    }
    let columns = billed_columns(report, ask);
    let rows = ask
        .limit
        .map(u64::from)
        .or(task.bound_rows)
        .unwrap_or(ROWS_OF_A_WHOLE_ANSWER);
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

/// Of what an answer cost, the units that brought no row: for rows that came again, below the minimum, for columns that
/// only paging needs.
pub fn overhead_units(
    report: &Report,
    ask: &PageRequest,
    units: u64,
    received: usize,
    taken: usize,
) -> UnitOverhead {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow || units == 0 {
        return UnitOverhead::default();
    }
    let [rows_received, rows_taken] =
        [received, taken].map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
    let with = endpoint.units_per_row(billed_columns(report, ask).iter().map(String::as_str));
    let filtered = report.filter_columns();
    let own = endpoint.units_per_row(report.columns.iter().chain(&filtered).map(String::as_str));
    UnitOverhead {
        reread: rows_received
            .saturating_sub(rows_taken)
            .saturating_mul(with),
        minimums: units.saturating_sub(rows_received.saturating_mul(with)),
        surcharge: rows_taken.saturating_mul(with.saturating_sub(own)),
        lost: 0,
    }
}

/// The columns that each row is charged for: selected, filtered by, ordered by.
fn billed_columns(report: &Report, ask: &PageRequest) -> Vec<String> {
    let filtered = ask
        .filter
        .as_ref()
        .map(crate::filter::Filter::columns)
        .unwrap_or_default();
    let named = selected(&report.columns, ask)
        .into_iter()
        .map(str::to_owned)
        .chain(filtered);
    named.chain(ask.order_by.iter().cloned()).collect()
}

/// Bytes of the URL that are left for filter, order and key columns once everything else of the task is said.
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
