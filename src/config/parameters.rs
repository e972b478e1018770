//! Query parameters of an operation that stand in a report under their API names.

use toml::de::DeValue;

use super::document::{Document, Node, Section, type_of};
use super::known;
use super::mask::hide_keys;
use crate::catalog::{Endpoint, Parameter, ParameterKind, nearest};
use crate::error::Code;

/// Parameters that the program sets itself, each with what to write instead.
const OURS: [(&str, &str); 14] = [
    ("target", "write `targets`"),
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

/// Required parameters that something of ours supplies: everything above but the countries.
fn is_supplied(name: &str) -> bool {
    name != "country" && OURS.iter().any(|(ours, _)| *ours == name)
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
        if known::REPORT.contains(&name) {
            continue;
        }
        match (endpoint.parameter(name), OURS.iter().find(|(ours, _)| *ours == name)) {
            (_, Some((_, instead))) => {
                document.fault(Code::Parameter, format!("`{name}` is not set in a report"), key.span(), *instead);
            }
            (Some(parameter), None) => {
                if let Some(text) = text_of(document, parameter, value) {
                    set.push((name.to_owned(), text));
                }
            }
            (None, None) => refuse_unknown(document, section, endpoint, name, key.span()),
        }
    }
    if endpoint.parameter("history").is_some() && !set.iter().any(|(name, _)| name == "history") {
        set.push(("history".to_owned(), super::DEFAULT_HISTORY.to_owned()));
    }
    let position = |name: &str| endpoint.all_parameters().position(|parameter| parameter.name == name);
    set.sort_by_key(|(name, _)| position(name));
    for parameter in endpoint.parameters.iter().filter(|parameter| parameter.required) {
        let name = parameter.name.as_str();
        let is_set = section.get(name).is_some() || (name == "country" && section.get("countries").is_some());
        if !is_set && !is_supplied(name) {
            let (message, add) = match name {
                "country" => (format!("{} needs `countries`", endpoint.name), "countries = [\"us\"]".to_owned()),
                _ => (format!("{} needs `{name}`", endpoint.name), format!("{name} = {}", example(&parameter.kind))),
            };
            let next = format!("add to the report: {add}");
            document.fault_next(Code::Parameter, message, section.span.clone(), "this report lacks it", next);
        }
    }
    set
}

fn refuse_unknown(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    name: &str,
    span: super::document::Span,
) {
    let settable = endpoint.all_parameters().map(|parameter| parameter.name.as_str()).filter(|name| !is_ours(name));
    let candidates: Vec<&str> = known::REPORT.iter().copied().chain(settable).collect();
    let label = match nearest(name, candidates.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known keys: {}", candidates.join(", ")),
    };
    let message = format!("{} has no key `{}`, nor has {}", section.name, hide_keys(name), endpoint.name);
    document.fault(Code::ConfigKey, message, span, label);
}

fn is_ours(name: &str) -> bool {
    OURS.iter().any(|(ours, _)| *ours == name)
}

/// The value as the query has it, or the fault that it does not fit the parameter.
fn text_of(document: &mut Document<'_>, parameter: &Parameter, node: &Node<'_>) -> Option<String> {
    match render(&parameter.kind, node.get_ref()) {
        Ok(text) => Some(text),
        Err(found) => {
            let wanted = describe(&parameter.kind);
            document.fault(Code::Parameter, format!("`{}` cannot be {found}", parameter.name), node.span(), wanted);
            None
        }
    }
}

fn render(kind: &ParameterKind, value: &DeValue<'_>) -> Result<String, String> {
    match (kind, value) {
        (ParameterKind::Enum(values), DeValue::String(text)) if values.iter().any(|known| known == text) => {
            Ok(text.to_string())
        }
        (ParameterKind::Date, DeValue::String(text)) if super::date(text).is_some() => Ok(text.to_string()),
        (ParameterKind::Date, DeValue::Datetime(date)) if super::date(&date.to_string()).is_some() => {
            Ok(date.to_string())
        }
        (ParameterKind::Enum(_) | ParameterKind::Date, DeValue::String(text)) => Err(format!("`{text}`")),
        (ParameterKind::DateTime, DeValue::Datetime(time)) => Ok(time.to_string()),
        (
            ParameterKind::Text | ParameterKind::Url | ParameterKind::DateTime | ParameterKind::Json,
            DeValue::String(text),
        ) if !text.is_empty() => Ok(text.to_string()),
        (ParameterKind::Integer | ParameterKind::Number, DeValue::Integer(number)) if number.radix() == 10 => {
            Ok(number.as_str().to_owned())
        }
        (ParameterKind::Number, DeValue::Float(number)) => Ok(number.as_str().to_owned()),
        (ParameterKind::Boolean, DeValue::Boolean(value)) => Ok(value.to_string()),
        (ParameterKind::List(item), DeValue::Array(nodes)) if !nodes.is_empty() => {
            let items: Result<Vec<_>, _> = nodes.iter().map(|node| render(item, node.get_ref())).collect();
            items.map(|items| items.join(","))
        }
        (_, other) => Err(type_of(other).to_owned()),
    }
}

fn describe(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Text | ParameterKind::Url => "a string".to_owned(),
        ParameterKind::Date => "a date such as \"2024-01-31\"".to_owned(),
        ParameterKind::DateTime => "a point in time such as \"2024-01-31T00:00:00Z\"".to_owned(),
        ParameterKind::Integer => "a whole number".to_owned(),
        ParameterKind::Number => "a number".to_owned(),
        ParameterKind::Boolean => "true or false".to_owned(),
        ParameterKind::Enum(values) => format!("one of: {}", values.join(", ")),
        ParameterKind::List(item) => format!("a list of: {}", describe(item)),
        ParameterKind::Json => "JSON in a string".to_owned(),
    }
}

fn example(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Enum(values) => format!("\"{}\"", values.first().map_or("…", String::as_str)),
        ParameterKind::Date => "\"2024-01-31\"".to_owned(),
        ParameterKind::Integer | ParameterKind::Number => "1".to_owned(),
        ParameterKind::Boolean => "true".to_owned(),
        ParameterKind::List(item) => format!("[{}]", example(item)),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::DateTime | ParameterKind::Json => "\"…\"".to_owned(),
    }
}
