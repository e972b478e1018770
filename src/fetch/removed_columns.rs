//! Columns that the API has removed. With `on_removed_column = "null"` the rest is fetched without them; they stay in the
//! table as nulls.

use crate::config::{OnMismatch, Report};
use crate::context::removed_columns::RemovedColumns;
use crate::error::{Error, ErrorCode};
use crate::fetch::request::selected_columns;
use crate::landing::SavedResponse;
use crate::model::Request;
use crate::paging::PageRequest;
use crate::table::TaskSpec;

/// Whether a refusal is of a column that the report can go without: then it is not asked for again in this run. What
/// is filtered or ordered by cannot be done without.
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
    let is_needed = ask
        .order_by
        .iter()
        .chain(&ask.key_columns)
        .any(|needed| *needed == column)
        || ask
            .filter
            .as_ref()
            .is_some_and(|filter| filter.columns().contains(&column));
    if is_needed || selected.len() < 2 || !selected.contains(&column) {
        return false;
    }
    tracing::warn!(
        report = report.name,
        column,
        "the API refuses the column: going on without it"
    );
    removed.add(report, [column]);
    true
}

/// Learns from a saved answer which columns its task asked for and its request went without.
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
    let asked = spec.columns.clone();
    removed.add(
        report,
        asked
            .into_iter()
            .filter(|column| !selected.contains(column)),
    );
}

/// A refusal of a value, with the parameters that had it.
pub(crate) fn with_parameter_context(error: Error, sent: &Request) -> Error {
    let Some(value) = error
        .context_value("value")
        .filter(|_| error.code() == ErrorCode::Refused)
    else {
        return error;
    };
    let has = |(_, text): &&(String, String)| text.split(',').any(|part| part == value);
    let names: Vec<&str> = sent
        .query
        .iter()
        .filter(has)
        .map(|(name, _)| name.as_str())
        .collect();
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
    use crate::model::{Answer, Encoding, Method, Price};
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
    fn columns_that_stand_in_a_body_are_not_taken_for_removed() {
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
        let saved = SavedResponse::new(0, "run", request, answer, 0).unwrap();
        let removed = RemovedColumns::default();
        learn_from_saved(&removed, report, &task.spec, Some(&saved));
        assert_eq!(removed.remaining(report, &report.columns), report.columns);
    }

    #[test]
    fn a_refused_value_is_laid_to_the_parameters_that_had_it() {
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
