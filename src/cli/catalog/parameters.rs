//! The parameters on the page of an operation.

use super::wrap::write_wrapped;
use crate::catalog::{Endpoint, Parameter, ParameterKind};

/// Parameters that no report sets: they follow from the columns, the pager and the night.
const SET_BY_PROGRAM: [&str; 10] = [
    "target",
    "select",
    "date",
    "date_from",
    "date_to",
    "order_by",
    "limit",
    "offset",
    "output",
    "timeout",
];

/// Enums with more values are shown by the first ones: 240 countries are too many to read.
const SHOWN_VALUES_MAX: usize = 24;

/// Labels of the lines below the parameters.
const IN_BODY: &str = "in body";
const SET_FOR_YOU: &str = "set for you";

pub(super) fn write_parameters(out: &mut String, endpoint: &Endpoint) {
    let mut lines = Vec::new();
    let mut set_by_program = Vec::new();
    for parameter in &endpoint.parameters {
        let name = parameter.name.as_str();
        if SET_BY_PROGRAM.contains(&name) {
            set_by_program.push(name);
        } else {
            lines.push((name, parameter_text(parameter)));
        }
    }
    let in_body = body_fields(endpoint);
    if !in_body.is_empty() {
        lines.push((IN_BODY, in_body.join(", ")));
    }
    if !set_by_program.is_empty() {
        lines.push((SET_FOR_YOU, set_by_program.join(", ")));
    }
    let Some(mut width) = lines.iter().map(|(label, _)| label.len()).max() else {
        return;
    };
    if !set_by_program.is_empty() {
        width = width.max(SET_FOR_YOU.len() + 1);
    }
    out.push_str("\nParameters, with the API's defaults\n");
    for (label, text) in lines {
        write_wrapped(out, &format!("  {label:width$}  "), &text);
    }
}

/// The names of the fields of a POST's body.
fn body_fields(endpoint: &Endpoint) -> Vec<&str> {
    let fields = endpoint.body.as_ref().and_then(|body| body.get("fields"));
    let Some(fields) = fields.and_then(|fields| fields.as_object()) else {
        return Vec::new();
    };
    fields.keys().map(String::as_str).collect()
}

fn parameter_text(parameter: &Parameter) -> String {
    let mut text = parameter_kind(&parameter.kind);
    if parameter.required {
        text = format!("required, {text}");
    }
    match &parameter.default {
        Some(default) if !default.is_empty() => {
            text.push_str(", default ");
            text.push_str(default);
        }
        _ => {}
    }
    if ["mode", "protocol"].contains(&parameter.name.as_str()) {
        text.push_str(", set with the target");
    }
    text
}

/// A type in words; an enum by its values.
pub(super) fn parameter_kind(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Text => "text".to_owned(),
        ParameterKind::Url => "URL or domain".to_owned(),
        ParameterKind::Date => "date".to_owned(),
        ParameterKind::DateTime => "date-time".to_owned(),
        ParameterKind::Integer => "integer".to_owned(),
        ParameterKind::Number => "number".to_owned(),
        ParameterKind::Boolean => "true | false".to_owned(),
        ParameterKind::Enum(values) if values.len() > SHOWN_VALUES_MAX => {
            let first: Vec<&str> = values.iter().take(4).map(String::as_str).collect();
            format!("{} | … ({} values)", first.join(" | "), values.len())
        }
        ParameterKind::Enum(values) => values.join(" | "),
        ParameterKind::List(items) => format!("list of {}", parameter_kind(items)),
        ParameterKind::Json => "JSON".to_owned(),
    }
}
