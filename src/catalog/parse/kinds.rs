//! Types of parameters, columns and filterable columns.

use serde_json::{Map, Value as Json};

use super::enums::{Enums, resolve_enum};
use super::invalid::invalid;
use super::raw::RawField;
use crate::catalog::column::ColumnKind;
use crate::catalog::parameter::ParameterKind;
use crate::error::Result;

pub(super) fn parameter_kind(raw: &RawField, enums: &Enums) -> Result<ParameterKind> {
    let values = resolve_enum(raw.values.as_ref(), enums)?;
    Ok(match (raw.kind.as_str(), raw.format.as_deref()) {
        ("string", _) if !values.is_empty() => ParameterKind::Enum(values),
        ("string", Some("date")) => ParameterKind::Date,
        ("string", Some("date-time")) => ParameterKind::DateTime,
        ("string", Some("url" | "domain")) => ParameterKind::Url,
        ("string", _) => ParameterKind::Text,
        ("integer", _) => ParameterKind::Integer,
        ("number", _) => ParameterKind::Number,
        ("boolean", _) => ParameterKind::Boolean,
        ("array", _) => match &raw.items {
            Some(items) => ParameterKind::List(Box::new(parameter_kind(items, enums)?)),
            None => ParameterKind::List(Box::new(ParameterKind::Text)),
        },
        ("object", _) => ParameterKind::Json,
        (other, _) => return Err(invalid(&format!("parameter type {other}"))),
    })
}

/// Whether an array has fields, at any depth of lists: then its items are the values of those fields.
pub(super) fn is_tuple(raw: &RawField) -> bool {
    (raw.kind == "array" && raw.fields.is_some()) || raw.items.as_deref().is_some_and(is_tuple)
}

pub(super) fn column_kind(raw: &RawField) -> Result<ColumnKind> {
    Ok(match (raw.kind.as_str(), raw.format.as_deref()) {
        ("string", Some("date")) => ColumnKind::Date,
        ("string", Some("date-time")) => ColumnKind::DateTime,
        ("string", _) => ColumnKind::Text,
        ("integer", _) => ColumnKind::Integer,
        ("number", _) => ColumnKind::Float,
        ("boolean", _) => ColumnKind::Boolean,
        ("array", _) => match (&raw.items, &raw.fields) {
            (Some(items), _) => ColumnKind::List(Box::new(column_kind(items)?)),
            (None, Some(fields)) => ColumnKind::Struct(field_kinds(fields)?),
            (None, None) => ColumnKind::Json,
        },
        ("object", _) => match &raw.fields {
            Some(fields) => ColumnKind::Struct(field_kinds(fields)?),
            None => ColumnKind::Json,
        },
        ("any", _) => ColumnKind::Json,
        (other, _) => return Err(invalid(&format!("column type {other}"))),
    })
}

fn field_kinds(fields: &Map<String, Json>) -> Result<Vec<(String, ColumnKind)>> {
    let mut kinds = Vec::new();
    for (name, json) in fields {
        let field = RawField::parse(name, json.clone())?;
        kinds.push((name.clone(), column_kind(&field)?));
    }
    Ok(kinds)
}

/// The filter side of the files has its own names of types: `datetime`, `array(url )`, `enum (a \| b)`.
pub(super) fn filterable_kind(kind: &str) -> Result<ColumnKind> {
    let kind = kind.trim();
    if let Some(rest) = kind.strip_prefix("array(")
        && let Some(items) = rest.strip_suffix(')')
    {
        return Ok(ColumnKind::List(Box::new(filterable_kind(items)?)));
    }
    Ok(match kind {
        "integer" => ColumnKind::Integer,
        "float" => ColumnKind::Float,
        "boolean" => ColumnKind::Boolean,
        "date" => ColumnKind::Date,
        "datetime" => ColumnKind::DateTime,
        "string" | "url" | "domain" => ColumnKind::Text,
        "object" => ColumnKind::Json,
        other if other.starts_with("enum (") => ColumnKind::Text,
        other => return Err(invalid(&format!("filter type {other}"))),
    })
}
