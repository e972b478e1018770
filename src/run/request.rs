//! A task and what paging wants next → the request and its price in the worst case.

use serde_json::Value as Json;

use super::batch;
use crate::api::Quote;
use crate::catalog::Pricing;
use crate::config::Report;
use crate::model::{Method, Request};
use crate::paging::Ask;
use crate::plan::Task;
use crate::report::Wasted;

/// The parameter that names the columns.
const SELECT: &str = "select";

/// Bytes of a URL that every server and proxy on the way takes.
const MAX_URL_BYTES: usize = 8 * 1024;

/// The request for one answer of a task, with these columns of its table.
pub fn request(report: &Report, task: &Task, columns: &[String], ask: &Ask) -> Request {
    if report.endpoint.method == Method::Post {
        return batch::request(report.endpoint, &selected(columns, ask), &[&task.query]);
    }
    let mut query = task.query.clone();
    if report.endpoint.has_select() {
        query.push((SELECT.to_owned(), selected(columns, ask).join(",")));
    }
    if let Some(filter) = &ask.filter {
        query.push(("where".to_owned(), filter.to_json().to_string()));
    }
    if !ask.order_by.is_empty() {
        let direction = |place: usize| if ask.descends && place == 0 { "desc" } else { "asc" };
        let order = ask.order_by.iter().enumerate();
        let order: Vec<String> = order.map(|(place, column)| format!("{column}:{}", direction(place))).collect();
        query.push(("order_by".to_owned(), order.join(",")));
    }
    if let Some(limit) = ask.limit {
        query.push(("limit".to_owned(), limit.to_string()));
    }
    Request { endpoint: report.endpoint.name.clone(), method: Method::Get, query, body: None }
}

/// Whether the answer to a request that was sent answers another one too: it asked the same, for these columns at least.
pub fn answers(sent: &Request, wanted: &Request) -> bool {
    let ((had, sent_rest), (wants, wanted_rest)) = (parts(sent), parts(wanted));
    let same = (&sent.endpoint, sent.method) == (&wanted.endpoint, wanted.method);
    same && sent_rest == wanted_rest && wants.iter().all(|column| had.contains(column))
}

/// What a request says beside its columns, in the query and in the body.
type Rest = (Vec<(String, String)>, Option<Json>);

/// The columns that a request names, and everything else that it says.
fn parts(request: &Request) -> (Vec<String>, Rest) {
    let (select, query): (Vec<_>, Vec<_>) = request.query.iter().cloned().partition(|(name, _)| name == SELECT);
    let mut columns: Vec<String> =
        select.iter().flat_map(|(_, columns)| columns.split(',')).map(str::to_owned).collect();
    let mut body: Option<Json> = request.body.as_ref().map(|text| serde_json::from_str(text).unwrap_or_default());
    let listed = body.as_mut().and_then(Json::as_object_mut).and_then(|body| body.shift_remove(SELECT));
    let listed = listed.as_ref().and_then(Json::as_array).into_iter().flatten();
    columns.extend(listed.filter_map(|column| column.as_str().map(str::to_owned)));
    (columns, (query, body))
}

/// The columns that a request names; none where it leaves no choice.
pub fn selected_of(request: &Request) -> Vec<&str> {
    let named = request.query.iter().filter(|(name, _)| name == SELECT);
    named.flat_map(|(_, columns)| columns.split(',')).collect()
}

/// Rows that a request asked for.
pub fn limit(request: &Request) -> Option<u32> {
    let (_, limit) = request.query.iter().find(|(name, _)| name == "limit")?;
    limit.parse().ok()
}

/// The table's columns in order, then those that only paging needs.
fn selected<'a>(columns: &'a [String], ask: &'a Ask) -> Vec<&'a str> {
    let own = columns.iter().map(String::as_str);
    let added = ask.key_columns.iter().map(String::as_str).filter(|name| !columns.iter().any(|own| own == name));
    own.chain(added).collect()
}

/// The most that the request can cost: as many rows as it asks for, at the price of every column that it names.
pub fn quote(report: &Report, task: &Task, ask: &Ask) -> Quote {
    if task.is_free_target {
        return Quote::default();
    }
    let columns = charged(report, ask);
    let rows = ask.limit.map(u64::from).or(task.bound_rows).unwrap_or(1);
    let worst =
        report.endpoint.units_per_request(rows, report.endpoint.units_per_row(columns.iter().map(String::as_str)));
    Quote { worst, ..Quote::default() }
}

/// Of what an answer cost, the units that brought no row: for rows that came again, below the minimum, for columns that
/// only paging needs.
pub fn wasted(report: &Report, ask: &Ask, units: u64, received: usize, taken: usize) -> Wasted {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow || units == 0 {
        return Wasted::default();
    }
    let [rows_received, rows_taken] = [received, taken].map(|rows| u64::try_from(rows).unwrap_or(u64::MAX));
    let with = endpoint.units_per_row(charged(report, ask).iter().map(String::as_str));
    let filtered = report.filter_columns();
    let own = endpoint.units_per_row(report.columns.iter().chain(&filtered).map(String::as_str));
    Wasted {
        reread: rows_received.saturating_sub(rows_taken).saturating_mul(with),
        minimums: units.saturating_sub(rows_received.saturating_mul(with)),
        surcharge: rows_taken.saturating_mul(with.saturating_sub(own)),
        lost: 0,
    }
}

/// The columns that each row is charged for: selected, filtered by, ordered by.
fn charged(report: &Report, ask: &Ask) -> Vec<String> {
    let filtered = ask.filter.as_ref().map(crate::filter::Filter::columns).unwrap_or_default();
    let named = selected(&report.columns, ask).into_iter().map(str::to_owned).chain(filtered);
    named.chain(ask.order_by.iter().cloned()).collect()
}

/// Bytes of the URL that are left for filter, order and key columns once everything else of the task is said.
pub fn url_bytes_left(base_url: &url::Url, report: &Report, task: &Task) -> usize {
    let ask = Ask {
        filter: None,
        order_by: Vec::new(),
        descends: false,
        limit: Some(u32::MAX),
        key_columns: Vec::new(),
        purpose: crate::paging::Purpose::Page,
    };
    let query = crate::api::encoded_query(&request(report, task, &report.columns, &ask)).len();
    let fixed = base_url.as_str().len() + report.endpoint.path.len() + query + "&where=&order_by=".len();
    MAX_URL_BYTES.saturating_sub(fixed)
}
