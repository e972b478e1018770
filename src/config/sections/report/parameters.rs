//! Query parameters of an operation that stand in a report under their API names.

use super::parameter_value::{describe, render};
use super::varying_parameters;
use crate::catalog::{Endpoint, Parameter, ParameterKind, nearest};
use crate::config::document::hide_keys;
use crate::config::document::{Document, Node, Section};
use crate::config::keys;
use crate::error::ErrorCode;
use crate::model::Method;

/// Parameters that the program sets itself, each with what to write instead.
const OURS: [(&str, &str); 16] = [
    ("target", "write `targets`"),
    ("keyword", "write `keyword_lists`"),
    ("keywords", "write `keyword_lists`"),
    ("select", "write `columns`"),
    ("where", "write `where_json`"),
    ("order_by", "rows are ordered for paging"),
    ("limit", "write `max_rows`"),
    ("offset", "all pages are fetched"),
    ("date", "the night is sent: backhaul run --date"),
    ("date_from", "write `since`"),
    ("date_to", "the night is sent: backhaul run --date"),
    ("country", "write `countries`, a list"),
    ("mode", "it belongs to the target"),
    ("protocol", "it belongs to the target"),
    ("output", "answers are read as JSON"),
    ("timeout", "time-outs are handled"),
];

/// The `history` that spends least. The API's own default is `all_time`.
pub const DEFAULT_HISTORY: &str = "live";

/// How many days a table covers whose operation wants two points in time and no report says how many: the last whole one.
const DEFAULT_FROM: &str = "-1d";

/// What to write instead of a parameter that the program sets itself.
fn instead_of(endpoint: &Endpoint, name: &str) -> Option<&'static str> {
    let kind = endpoint.parameter(name).map(|parameter| &parameter.kind);
    match (name, kind) {
        ("to", Some(ParameterKind::DateTime)) => Some("the night is sent: backhaul run --date"),
        // A point in time of which the source shows the state (the newest where the report says nothing); a choice of the
        // source, which no page is ordered by.
        ("date", Some(ParameterKind::DateTime)) | ("order_by", Some(ParameterKind::Enum(_))) => {
            None
        }
        ("date_from", Some(_)) if !endpoint.is_history() => None,
        _ => OURS
            .iter()
            .find(|(ours, _)| *ours == name)
            .map(|(_, instead)| *instead),
    }
}

/// The report's fixed query parameters in catalog order, `history` stated where the operation has it.
pub(super) fn parameters(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Vec<(String, String)> {
    let mut set = Vec::new();
    for (key, value) in section.table {
        let name: &str = key.get_ref();
        if keys::REPORT.contains(&name) {
            continue;
        }
        match (endpoint.parameter(name), instead_of(endpoint, name)) {
            (_, Some(instead)) => {
                document.fault(
                    ErrorCode::Parameter,
                    format!("`{name}` is not set in a report"),
                    key.span(),
                    instead,
                );
            }
            // It varies, if only by one value.
            (Some(_), None) if varying_parameters::list_of(name).is_some() => {}
            (Some(parameter), None) => {
                if let Some(text) = text_of(document, endpoint, parameter, value) {
                    set.push((name.to_owned(), text));
                }
            }
            (None, None) => refuse_unknown(document, section, endpoint, name, key.span()),
        }
    }
    if endpoint.parameter("history").is_some() && !set.iter().any(|(name, _)| name == "history") {
        set.push(("history".to_owned(), DEFAULT_HISTORY.to_owned()));
    }
    let is_time = |name: &str| {
        endpoint
            .parameter(name)
            .is_some_and(|known| known.kind == ParameterKind::DateTime)
    };
    if is_time("from") && is_time("to") && !set.iter().any(|(name, _)| name == "from") {
        set.push(("from".to_owned(), DEFAULT_FROM.to_owned()));
    }
    set.sort_by_key(|(name, _)| {
        endpoint
            .inputs()
            .position(|parameter| parameter.name == *name)
    });
    set
}

fn refuse_unknown(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    name: &str,
    span: crate::config::document::Span,
) {
    let settable = endpoint.inputs().map(|parameter| parameter.name.as_str());
    let settable = settable.filter(|name| {
        instead_of(endpoint, name).is_none() && varying_parameters::list_of(name).is_none()
    });
    let candidates: Vec<&str> = keys::REPORT.iter().copied().chain(settable).collect();
    let label = match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys: {}", candidates.join(", ")),
    };
    let message = format!(
        "{} has no key `{}`, nor has {}",
        section.name,
        hide_keys(name),
        endpoint.name
    );
    document.fault(ErrorCode::ConfigKey, message, span, label);
}

/// The value as the request has it, or the fault that it does not fit the parameter.
fn text_of(
    document: &mut Document<'_>,
    endpoint: &Endpoint,
    parameter: &Parameter,
    node: &Node<'_>,
) -> Option<String> {
    match render(
        &parameter.kind,
        node.get_ref(),
        endpoint.method == Method::Post,
    ) {
        Ok(text) => Some(text),
        Err(found) => {
            let wanted = describe(&parameter.kind);
            document.fault(
                ErrorCode::Parameter,
                format!("`{}` cannot be {found}", parameter.name),
                node.span(),
                wanted,
            );
            None
        }
    }
}
