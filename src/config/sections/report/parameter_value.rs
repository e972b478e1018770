//! Values of the file → values of a request, by the type of the parameter.

use serde_json::Value as Json;
use toml::de::DeValue;

use crate::catalog::ParameterKind;
use crate::config::dates;
use crate::config::document::{Node, type_of};

/// The value as a request has it, or what it is instead, in words. Lists are separated by commas; those of a body are
/// JSON.
///
/// # Errors
/// What was found.
pub(super) fn render(
    kind: &ParameterKind,
    value: &DeValue<'_>,
    is_of_body: bool,
) -> Result<String, String> {
    match (kind, value) {
        (ParameterKind::Enum(values), DeValue::String(text))
            if values.iter().any(|known| known == text) =>
        {
            Ok(text.to_string())
        }
        (ParameterKind::Date, DeValue::String(text)) if is_day(text) => Ok(text.to_string()),
        (ParameterKind::Date, DeValue::Datetime(date)) if is_day(&date.to_string()) => {
            Ok(date.to_string())
        }
        (ParameterKind::DateTime, DeValue::String(text)) if is_day(text) || is_time(text) => {
            Ok(text.to_string())
        }
        (ParameterKind::DateTime, DeValue::Datetime(time)) => match time.to_string() {
            text if is_day(&text) || is_time(&text) => Ok(text),
            text => Err(format!("`{text}`")),
        },
        (
            ParameterKind::Enum(_) | ParameterKind::Date | ParameterKind::DateTime,
            DeValue::String(text),
        ) => Err(format!("`{text}`")),
        (ParameterKind::Text | ParameterKind::Url | ParameterKind::Json, DeValue::String(text))
            if !text.is_empty() =>
        {
            Ok(text.to_string())
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
            Ok(if is_of_body {
                json_list(item, items)
            } else {
                items.join(",")
            })
        }
        // Several words in one text: the API separates them by commas.
        (ParameterKind::Text, DeValue::Array(nodes)) if !nodes.is_empty() => {
            let items = items(kind, nodes, is_of_body)?;
            match items.iter().find(|item| item.contains(',')) {
                Some(item) => Err(format!(
                    "`{item}`: the API separates the parts of a list by commas"
                )),
                None => Ok(items.join(",")),
            }
        }
        (_, DeValue::String(text)) if text.is_empty() => Err("empty".to_owned()),
        (_, other) => Err(type_of(other).to_owned()),
    }
}

fn items(
    kind: &ParameterKind,
    nodes: &[Node<'_>],
    is_of_body: bool,
) -> Result<Vec<String>, String> {
    nodes
        .iter()
        .map(|node| render(kind, node.get_ref(), is_of_body))
        .collect()
}

fn json_list(kind: &ParameterKind, items: Vec<String>) -> String {
    let item = |text: String| match kind {
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Enum(_) => Json::String(text),
        _ => serde_json::from_str(&text).unwrap_or(Json::String(text)),
    };
    Json::Array(items.into_iter().map(item).collect()).to_string()
}

fn is_day(text: &str) -> bool {
    dates::parse_day(text).is_some() || dates::is_relative(text)
}

fn is_time(text: &str) -> bool {
    chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

/// What a value of the parameter looks like.
pub(super) fn describe(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Text | ParameterKind::Url => "a string".to_owned(),
        ParameterKind::Date => dates::HELP.to_owned(),
        ParameterKind::DateTime => format!(
            "a point in time such as \"2024-01-31T00:00:00Z\", {}",
            dates::HELP
        ),
        ParameterKind::Integer => "a whole number".to_owned(),
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
            format!("\"{}\"", values.first().map_or("…", String::as_str))
        }
        ParameterKind::Date | ParameterKind::DateTime => "\"2024-01-31\"".to_owned(),
        ParameterKind::Integer | ParameterKind::Number => "1".to_owned(),
        ParameterKind::Boolean => "true".to_owned(),
        ParameterKind::List(item) => format!("[{}]", example(item)),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => "\"…\"".to_owned(),
    }
}

/// A value of the file as JSON.
pub(super) fn to_json(value: &DeValue<'_>) -> Json {
    let of = |node: &Node<'_>| to_json(node.get_ref());
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(nodes) => nodes.iter().map(of).collect(),
        DeValue::Table(table) => Json::Object(
            table
                .iter()
                .map(|(name, node)| (name.get_ref().to_string(), of(node)))
                .collect(),
        ),
    }
}
