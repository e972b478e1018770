//! The body of a POST: what it takes, and what was sent, as the query of a GET would have them.

use serde_json::{Map, Value as Json};

use crate::catalog::{Catalog, Endpoint, Parameter, ParameterKind};
use crate::sandbox::refusal::Refusal;

/// The fields of a body as parameters.
pub(crate) fn body_parameters(endpoint: &Endpoint) -> Vec<Parameter> {
    let Some(body) = &endpoint.body else {
        return Vec::new();
    };
    let Some(Json::Object(fields)) = body.get("fields") else {
        return Vec::new();
    };
    let required = match body.get("required") {
        Some(Json::Array(names)) => names.as_slice(),
        _ => &[],
    };
    let mut parameters = Vec::with_capacity(fields.len());
    for (name, field) in fields {
        parameters.push(Parameter {
            name: name.clone(),
            kind: kind_of(field),
            default: None,
            required: required.iter().any(|known| known == name),
        });
    }
    parameters
}

fn kind_of(field: &Json) -> ParameterKind {
    match field.get("enum") {
        Some(Json::Array(values)) => return ParameterKind::Enum(texts(values)),
        // A named enum: bodies use one, and the query has its values.
        Some(_) => return country_kind(),
        None => {}
    }
    match text(field, "type") {
        "integer" => ParameterKind::Integer,
        "number" => ParameterKind::Number,
        "boolean" => ParameterKind::Boolean,
        "object" => ParameterKind::Json,
        "array" => match field.get("items").map(kind_of) {
            Some(ParameterKind::Json) | None => ParameterKind::Json,
            Some(item) => ParameterKind::List(Box::new(item)),
        },
        _ => match text(field, "format") {
            "date" => ParameterKind::Date,
            "date-time" => ParameterKind::DateTime,
            _ => ParameterKind::Text,
        },
    }
}

fn text<'a>(field: &'a Json, name: &str) -> &'a str {
    match field.get(name) {
        Some(Json::String(text)) => text,
        _ => "",
    }
}

fn texts(values: &[Json]) -> Vec<String> {
    let mut texts = Vec::with_capacity(values.len());
    for value in values {
        if let Json::String(text) = value {
            texts.push(text.clone());
        }
    }
    texts
}

fn country_kind() -> ParameterKind {
    let Some(endpoint) = Catalog::embedded().endpoint("keywords-explorer/overview") else {
        return ParameterKind::Text;
    };
    match endpoint.parameter("country") {
        Some(country) => country.kind.clone(),
        None => ParameterKind::Text,
    }
}

/// A body as name and value: lists comma-separated, objects as JSON, as a query would have them.
pub(crate) fn read_body(
    endpoint: &Endpoint,
    body: &[u8],
) -> Result<Vec<(String, String)>, Refusal> {
    let body: Map<String, Json> = serde_json::from_slice(body).or(Err(Refusal::Body))?;
    let known = body_parameters(endpoint);
    let mut values = Vec::new();
    for (name, value) in &body {
        let Some(parameter) = known.iter().find(|parameter| parameter.name == *name) else {
            continue;
        };
        if let Some(text) = text_of(&parameter.kind, name, value)? {
            values.push((name.clone(), text));
        }
    }
    Ok(values)
}

fn text_of(kind: &ParameterKind, name: &str, value: &Json) -> Result<Option<String>, Refusal> {
    let text = match (kind, value) {
        (_, Json::Null) => return Ok(None),
        (ParameterKind::Json, Json::Object(_) | Json::Array(_))
        | (ParameterKind::Integer | ParameterKind::Number, Json::Number(_))
        | (ParameterKind::Boolean, Json::Bool(_)) => value.to_string(),
        (ParameterKind::List(item), Json::Array(items)) => joined_items(item, name, items)?,
        (
            ParameterKind::Text
            | ParameterKind::Url
            | ParameterKind::Date
            | ParameterKind::DateTime
            | ParameterKind::Enum(_),
            Json::String(text),
        ) => text.clone(),
        _ => {
            return Err(Refusal::BadParameter {
                name: name.to_owned(),
                value: value.to_string(),
            });
        }
    };
    Ok(Some(text))
}

fn joined_items(kind: &ParameterKind, name: &str, items: &[Json]) -> Result<String, Refusal> {
    let mut texts = Vec::with_capacity(items.len());
    for item in items {
        if let Some(text) = text_of(kind, name, item)? {
            texts.push(text);
        }
    }
    Ok(texts.join(","))
}
