//! Values of the file → values of a request, by the type of the parameter.

use serde_json::Value as Json;
use toml::de::DeValue;

use super::json::to_json;
use crate::catalog::ParameterKind;
use crate::config::dates::{DATE_HELP, is_relative, parse_day};
use crate::config::document::{Node, type_of};

/// The value as a request has it. Lists are separated by commas; those of a body are JSON.
///
/// # Errors
/// What was found instead: the value, or its type.
pub(super) fn render(
    kind: &ParameterKind,
    value: &DeValue<'_>,
    is_of_body: bool,
) -> Result<String, String> {
    match (kind, value) {
        (_, DeValue::String(text)) => render_text(kind, text),
        (ParameterKind::Date | ParameterKind::DateTime, DeValue::Datetime(time)) => {
            render_time(kind, &time.to_string())
        }
        (ParameterKind::Json, DeValue::Table(_)) => Ok(to_json(value).to_string()),
        (ParameterKind::Integer | ParameterKind::Number, DeValue::Integer(number))
            if number.radix() == 10 =>
        {
            Ok(number.as_str().to_owned())
        }
        (ParameterKind::Number, DeValue::Float(number)) => Ok(number.as_str().to_owned()),
        (ParameterKind::Boolean, DeValue::Boolean(value)) => Ok(value.to_string()),
        (ParameterKind::List(item), DeValue::Array(nodes)) if !nodes.is_empty() => {
            let items = items(item, nodes, is_of_body)?;
            if is_of_body {
                Ok(json_list(item, items))
            } else {
                Ok(items.join(","))
            }
        }
        (ParameterKind::Text, DeValue::Array(nodes)) if !nodes.is_empty() => {
            comma_separated(&items(kind, nodes, is_of_body)?)
        }
        (_, other) => Err(type_of(other).to_owned()),
    }
}

fn render_text(kind: &ParameterKind, text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Err("an empty string".to_owned());
    }
    match kind {
        ParameterKind::Enum(values) if values.iter().any(|known| known == text) => {
            Ok(text.to_owned())
        }
        ParameterKind::Enum(_) => Err(format!("`{text}`")),
        ParameterKind::Date | ParameterKind::DateTime => render_time(kind, text),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => Ok(text.to_owned()),
        ParameterKind::Integer
        | ParameterKind::Number
        | ParameterKind::Boolean
        | ParameterKind::List(_) => Err("a string".to_owned()),
    }
}

fn render_time(kind: &ParameterKind, text: &str) -> Result<String, String> {
    let is_day = parse_day(text).is_some() || is_relative(text);
    let is_time =
        *kind == ParameterKind::DateTime && chrono::DateTime::parse_from_rfc3339(text).is_ok();
    if is_day || is_time {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}`"))
    }
}

fn items(
    kind: &ParameterKind,
    nodes: &[Node<'_>],
    is_of_body: bool,
) -> Result<Vec<String>, String> {
    let mut items = Vec::new();
    for node in nodes {
        items.push(render(kind, node.get_ref(), is_of_body)?);
    }
    Ok(items)
}

/// Several words in one text.
fn comma_separated(items: &[String]) -> Result<String, String> {
    for item in items {
        if item.contains(',') {
            return Err(format!("`{item}`: the API separates list items by commas"));
        }
    }
    Ok(items.join(","))
}

fn json_list(kind: &ParameterKind, items: Vec<String>) -> String {
    let mut list = Vec::new();
    for text in items {
        let item = match kind {
            ParameterKind::Text | ParameterKind::Url | ParameterKind::Enum(_) => Json::String(text),
            _ => serde_json::from_str(&text).unwrap_or(Json::String(text)),
        };
        list.push(item);
    }
    Json::Array(list).to_string()
}

/// What a value of the parameter looks like.
pub(super) fn describe(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Text | ParameterKind::Url => "a string".to_owned(),
        ParameterKind::Date => DATE_HELP.to_owned(),
        ParameterKind::DateTime => {
            format!("a point in time such as \"2024-01-31T00:00:00Z\", {DATE_HELP}")
        }
        ParameterKind::Integer => "an integer".to_owned(),
        ParameterKind::Number => "a number".to_owned(),
        ParameterKind::Boolean => "true or false".to_owned(),
        ParameterKind::Enum(values) => format!("one of: {}", values.join(", ")),
        ParameterKind::List(item) => format!("a list of: {}", describe(item)),
        ParameterKind::Json => "JSON in a string, or a table".to_owned(),
    }
}

/// A value of the parameter, as a line of the file has it.
pub(super) fn example(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Enum(values) => {
            let first = values.first().map_or("…", String::as_str);
            format!("\"{first}\"")
        }
        ParameterKind::Date | ParameterKind::DateTime => "\"2024-01-31\"".to_owned(),
        ParameterKind::Integer | ParameterKind::Number => "1".to_owned(),
        ParameterKind::Boolean => "true".to_owned(),
        ParameterKind::List(item) => format!("[{}]", example(item)),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => "\"…\"".to_owned(),
    }
}
