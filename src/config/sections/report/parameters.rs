//! Query parameters of an operation that a report sets under their API names.

use super::parameter_value::{describe, render};
use super::varying_parameters::list_key;
use crate::catalog::{Endpoint, Parameter, ParameterKind};
use crate::config::document::{Document, Node, Section, Span, did_you_mean, hide_keys};
use crate::config::keys;
use crate::error::ErrorCode;
use crate::model::Method;

/// The `history` that spends least. The API's own default is `all_time`.
pub const DEFAULT_HISTORY: &str = "live";

/// Parameters that the program sets itself, each with what to do instead.
const SET_BY_PROGRAM: [(&str, &str); 16] = [
    ("target", "use `targets`"),
    ("keyword", "use `keyword_lists`"),
    ("keywords", "use `keyword_lists`"),
    ("select", "use `columns`"),
    ("where", "use `where_json`"),
    ("order_by", "remove this: rows are ordered for paging"),
    ("limit", "use `max_rows`"),
    ("offset", "remove this: all pages are fetched"),
    (
        "date",
        "remove this: it is the night, see backhaul run --date",
    ),
    ("date_from", "use `since`"),
    (
        "date_to",
        "remove this: it is the night, see backhaul run --date",
    ),
    ("country", "use `countries`, a list"),
    ("mode", "set it in the target"),
    ("protocol", "set it in the target"),
    ("output", "remove this: answers are read as JSON"),
    ("timeout", "remove this: the program sets time-outs itself"),
];

/// What a table covers whose operation takes two points in time and whose report sets none: the last whole day.
const DEFAULT_FROM: &str = "-1d";

/// The report's fixed query parameters in catalog order, `history` set where the operation has it.
pub(super) fn parameters(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    let known = keys::REPORT.names();
    for (key, value) in section.table {
        let name: &str = key.get_ref();
        if known.contains(&name) {
            continue;
        }
        if let Some(label) = instead_of(endpoint, name) {
            let message = format!("`{name}` cannot be set in a report");
            document.error_at(ErrorCode::Parameter, message, key.span(), label);
            continue;
        }
        let Some(parameter) = endpoint.parameter(name) else {
            refuse_unknown(document, section, endpoint, name, key.span());
            continue;
        };
        // A parameter that may vary is read with those that do, if only with one value.
        if list_key(name).is_none()
            && let Some(text) = value_of(document, endpoint, parameter, value)
        {
            parameters.push((name.to_owned(), text));
        }
    }
    add_defaults(endpoint, &mut parameters);
    parameters.sort_by_key(|(name, _)| endpoint.inputs().position(|known| known.name == *name));
    parameters
}

/// What to do instead of setting a parameter that the program sets itself.
fn instead_of(endpoint: &Endpoint, name: &str) -> Option<&'static str> {
    let kind = endpoint.parameter(name).map(|parameter| &parameter.kind);
    match (name, kind) {
        ("to", Some(ParameterKind::DateTime)) => {
            return Some("remove this: it is the night, see backhaul run --date");
        }
        // A point in time of which the source shows the state, by default the newest; and a choice of the source that no
        // page is ordered by.
        ("date", Some(ParameterKind::DateTime)) | ("order_by", Some(ParameterKind::Enum(_))) => {
            return None;
        }
        ("date_from", Some(_)) if !endpoint.is_history() => return None,
        _ => {}
    }
    let (_, instead) = SET_BY_PROGRAM.iter().find(|(known, _)| *known == name)?;
    Some(instead)
}

fn add_defaults(endpoint: &Endpoint, parameters: &mut Vec<(String, String)>) {
    if endpoint.parameter("history").is_some() && !is_set(parameters, "history") {
        parameters.push(("history".to_owned(), DEFAULT_HISTORY.to_owned()));
    }
    let has_period = is_time(endpoint, "from") && is_time(endpoint, "to");
    if has_period && !is_set(parameters, "from") {
        parameters.push(("from".to_owned(), DEFAULT_FROM.to_owned()));
    }
}

fn is_set(parameters: &[(String, String)], name: &str) -> bool {
    parameters.iter().any(|(known, _)| known == name)
}

fn is_time(endpoint: &Endpoint, name: &str) -> bool {
    match endpoint.parameter(name) {
        Some(parameter) => parameter.kind == ParameterKind::DateTime,
        None => false,
    }
}

fn refuse_unknown(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    name: &str,
    span: Span,
) {
    let mut candidates = keys::REPORT.names();
    for parameter in endpoint.inputs() {
        let name = parameter.name.as_str();
        if instead_of(endpoint, name).is_none() && list_key(name).is_none() {
            candidates.push(name);
        }
    }
    let all = format!("known keys: {}", candidates.join(", "));
    let label = did_you_mean(name, candidates, &all);
    let message = format!(
        "unknown key `{}` in {} of {}",
        hide_keys(name),
        section.name,
        endpoint.name
    );
    document.error_at(ErrorCode::ConfigKey, message, span, label);
}

/// The value as the request has it.
fn value_of(
    document: &mut Document<'_>,
    endpoint: &Endpoint,
    parameter: &Parameter,
    node: &Node<'_>,
) -> Option<String> {
    let is_of_body = endpoint.method == Method::Post;
    match render(&parameter.kind, node.get_ref(), is_of_body) {
        Ok(text) => Some(text),
        Err(found) => {
            let message = format!("invalid value for `{}`: {found}", parameter.name);
            let label = describe(&parameter.kind);
            document.error_at(ErrorCode::Parameter, message, node.span(), label);
            None
        }
    }
}
