//! A report to paste into the configuration.

use std::fmt::Write as _;

use crate::catalog::{Endpoint, Parameter, ParameterKind};

/// A report in TOML that fetches the operation, given a target and a keyword list.
pub(super) fn example_report(endpoint: &Endpoint) -> String {
    let table = endpoint.short_name().replace('-', "_");
    let mut out = format!(
        "[[report]]\nname = \"{table}\"\nendpoint = \"{}\"\n",
        endpoint.name
    );
    if endpoint.has_select() {
        out.push_str("columns = [\"standard\"]\n");
    }
    for parameter in endpoint.inputs() {
        if !is_needed(endpoint, parameter) {
            continue;
        }
        if let Some(line) = example_line(endpoint, parameter) {
            let _ = writeln!(out, "{line}");
        }
    }
    out
}

/// Whether the parameter is required, also if only by the first day of a history, or as the first of a group of which one
/// is required.
fn is_needed(endpoint: &Endpoint, parameter: &Parameter) -> bool {
    let name = &parameter.name;
    let mut groups = endpoint.requires_one_of.iter();
    parameter.required
        || (name == "date_from" && endpoint.is_history())
        || groups.any(|group| group.first() == Some(name))
}

/// The line that sets a parameter, unless it follows from targets, keyword lists, the night or the columns.
fn example_line(endpoint: &Endpoint, parameter: &Parameter) -> Option<String> {
    let name = parameter.name.as_str();
    match (name, &parameter.kind) {
        (
            "select" | "target" | "targets" | "keyword" | "keywords" | "date" | "mode" | "protocol",
            _,
        ) => None,
        ("date_from", _) if endpoint.is_history() => Some("since = \"2024-01-01\"".to_owned()),
        ("date_from", _) => Some("date_from = \"-28d\"".to_owned()),
        ("country", _) => Some("countries = [\"us\"]".to_owned()),
        // Each task has one of the values.
        ("data_source", ParameterKind::List(item)) => {
            Some(format!("{name} = {}", example_value(item)))
        }
        (_, kind) => Some(format!("{name} = {}", example_value(kind))),
    }
}

fn example_value(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Enum(values) => {
            let first = values.first().map_or("…", String::as_str);
            format!("\"{first}\"")
        }
        ParameterKind::Date | ParameterKind::DateTime => "\"-28d\"".to_owned(),
        ParameterKind::Integer | ParameterKind::Number => "1".to_owned(),
        ParameterKind::Boolean => "true".to_owned(),
        ParameterKind::List(item) => format!("[{}]", example_value(item)),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => "\"…\"".to_owned(),
    }
}
