//! Columns that the API has removed: with `on_removed_column = "null"` the other columns are fetched, and these are null in
//! the table.

use crate::config::{OnMismatch, Report};
use crate::context::removed_columns::RemovedColumns;
use crate::error::{Error, ErrorCode};
use crate::fetch::request::selected_columns;
use crate::landing::SavedResponse;
use crate::model::Request;
use crate::paging::PageRequest;
use crate::table::TaskSpec;

/// Whether the API refused a column that the report can do without: then this run does not request it again. A column of
/// the filter or of the order is required.
pub(crate) fn tolerates(
    removed: &RemovedColumns,
    report: &Report,
    sent: &Request,
    ask: &PageRequest,
    error: &Error,
) -> bool {
    if report.on_removed_column == OnMismatch::Fail || error.code() != ErrorCode::Refused {
        return false;
    }
    let Some(column) = error.context_value("column").map(str::to_owned) else {
        return false;
    };
    let selected = selected_columns(sent);
    let is_filtered = match &ask.filter {
        Some(filter) => filter.columns().contains(&column),
        None => false,
    };
    let is_required =
        is_filtered || ask.order_by.contains(&column) || ask.key_columns.contains(&column);
    if is_required || selected.len() < 2 || !selected.contains(&column) {
        return false;
    }
    tracing::warn!(
        report = report.name,
        column,
        "the API refuses the column: continuing without it"
    );
    removed.add(report, [column]);
    true
}

/// Learns from a saved answer which columns of its task its request left out.
pub(crate) fn learn_from_saved(
    removed: &RemovedColumns,
    report: &Report,
    spec: &TaskSpec,
    saved: Option<&SavedResponse>,
) {
    let Some(saved) = saved else { return };
    if report.on_removed_column == OnMismatch::Fail || !report.endpoint.has_select() {
        return;
    }
    let selected = selected_columns(&saved.header.request);
    let mut left_out = spec.columns.clone();
    left_out.retain(|column| !selected.contains(column));
    removed.add(report, left_out);
}

/// The error of a refused value, with the parameters that have it.
pub(crate) fn with_parameter_context(error: Error, sent: &Request) -> Error {
    let Some(value) = error
        .context_value("value")
        .filter(|_| error.code() == ErrorCode::Refused)
    else {
        return error;
    };
    let mut names = Vec::new();
    for (name, text) in &sent.query {
        if text.split(',').any(|item| item == value) {
            names.push(name.as_str());
        }
    }
    if names.is_empty() {
        return error;
    }
    let names = names.join(", ");
    error.with_context("parameter", names)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Environment};
    use crate::fetch::request::first_request;
    use crate::model::{Answer, Encoding, Method, Price, RunId};
    use crate::plan::{Selection, tasks_of_any_night};

    const OF_A_BODY: &str = r#"
        source = { api_key = { env = "AHREFS_API_KEY" } }
        destination = { url = "data" }
        [[report]]
        name = "citations"
        endpoint = "brand-radar/citations-overview"
        data_sources = ["chatgpt"]
        on_removed_column = "null"
    "#;

    #[test]
    fn columns_in_a_body_are_not_treated_as_removed() {
        let config = config::parse(
            OF_A_BODY,
            Path::new("backhaul.toml"),
            &Environment::default(),
        );
        let config = config.map_err(|errors| errors.render()).unwrap();
        let report = config.reports.first().unwrap();
        let night = "2026-11-23".parse().unwrap();
        let task = tasks_of_any_night(&config, night, &Selection::default())
            .unwrap()
            .remove(0);
        let request = first_request(report, &task);
        assert_eq!(
            (request.method, selected_columns(&request)),
            (Method::Post, report.columns.clone())
        );
        let answer = Answer {
            body: bytes::Bytes::from_static(b"{}"),
            encoding: Encoding::Identity,
            price: Price::default(),
            received_at: chrono::DateTime::UNIX_EPOCH,
            attempts: 1,
        };
        let saved = SavedResponse::new(0, &RunId::new("run"), request, answer, 0).unwrap();
        let removed = RemovedColumns::default();
        learn_from_saved(&removed, report, &task.spec, Some(&saved));
        assert_eq!(removed.remaining(report, &report.columns), report.columns);
    }

    #[test]
    fn a_refused_value_is_reported_with_its_parameters() {
        let pairs = [
            ("mode", "latest"),
            ("where", "latest x"),
            ("channels", "a,latest"),
        ];
        let query = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        let sent = Request {
            endpoint: "a/b".to_owned(),
            method: Method::Get,
            query,
            body: None,
        };
        let refused =
            |value: &str| Error::new(ErrorCode::Refused, "no").with_context("value", value);
        assert_eq!(
            with_parameter_context(refused("latest"), &sent).context_value("parameter"),
            Some("mode, channels")
        );
        assert_eq!(
            with_parameter_context(refused("other"), &sent).context_value("parameter"),
            None
        );
        let of_the_body = Error::new(ErrorCode::Value, "no").with_context("value", "latest");
        assert_eq!(
            with_parameter_context(of_the_body, &sent).context_value("parameter"),
            None
        );
    }
}
