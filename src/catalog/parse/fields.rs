//! Parameters, columns and filterable columns.

use serde_json::{Map, Value as Json};

use super::enums::{Enums, resolve_enum};
use super::invalid::invalid;
use super::kinds::{column_kind, filterable_kind, is_tuple, parameter_kind};
use super::raw::RawField;
use crate::catalog::column::{Column, Filterable, Measure};
use crate::catalog::parameter::Parameter;
use crate::error::Result;

pub(super) fn parse_parameters(fields: Map<String, Json>, enums: &Enums) -> Result<Vec<Parameter>> {
    let mut parameters = Vec::new();
    for (name, json) in fields {
        let parameter = parse_parameter(&name, json, enums)
            .map_err(|error| error.with_context("parameter", &name))?;
        parameters.push(parameter);
    }
    Ok(parameters)
}

/// The fields of a body's object, of which `required` names those that must be there.
pub(super) fn parse_body_parameters(body: &Json, enums: &Enums) -> Result<Vec<Parameter>> {
    let no_fields = Map::new();
    let fields = body.get("fields").and_then(Json::as_object);
    let required = body.get("required").and_then(Json::as_array);
    let mut parameters = Vec::new();
    for (name, json) in fields.unwrap_or(&no_fields) {
        let mut parameter = parse_parameter(name, json.clone(), enums)
            .map_err(|error| error.with_context("body field", name))?;
        parameter.required = match required {
            Some(required) => required.iter().any(|other| other == name),
            None => false,
        };
        parameters.push(parameter);
    }
    Ok(parameters)
}

pub(super) fn parse_columns(fields: Map<String, Json>, enums: &Enums) -> Result<Vec<Column>> {
    let mut columns = Vec::new();
    for (name, json) in fields {
        let column = parse_column(&name, json, enums)
            .map_err(|error| error.with_context("column", &name))?;
        columns.push(column);
    }
    Ok(columns)
}

pub(super) fn parse_filterable(
    fields: Map<String, Json>,
    enums: &Enums,
) -> Result<Vec<Filterable>> {
    let mut columns = Vec::new();
    for (name, json) in fields {
        let column = parse_filterable_column(&name, json, enums)
            .map_err(|error| error.with_context("filter column", &name))?;
        columns.push(column);
    }
    Ok(columns)
}

fn parse_parameter(name: &str, json: Json, enums: &Enums) -> Result<Parameter> {
    let raw = RawField::parse(name, json)?;
    let default = match &raw.default {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    Ok(Parameter {
        kind: parameter_kind(&raw, enums)?,
        name: name.to_owned(),
        default,
        required: raw.required,
    })
}

fn parse_column(name: &str, json: Json, enums: &Enums) -> Result<Column> {
    let raw = RawField::parse(name, json)?;
    let measure = match raw.measure.as_deref() {
        None => None,
        Some("usd_cents") => Some(Measure::UsdCents),
        Some("score_0_100") => Some(Measure::Score0To100),
        Some("bytes") => Some(Measure::Bytes),
        Some(other) => return Err(invalid(&format!("measure {other}"))),
    };
    let values = match (&raw.values, &raw.items) {
        (Some(values), _) => Some(values),
        (None, Some(items)) => items.values.as_ref(),
        (None, None) => None,
    };
    Ok(Column {
        kind: column_kind(&raw)?,
        is_tuple: is_tuple(&raw),
        values: resolve_enum(values, enums)?,
        name: name.to_owned(),
        nullable: raw.nullable,
        units: raw.units,
        units_note: raw.units_note,
        measure,
        not_with: raw.not_with.into_iter().next(),
        deprecated: raw.deprecated,
        lookup: raw.lookup,
        description: raw.description,
    })
}

fn parse_filterable_column(name: &str, json: Json, enums: &Enums) -> Result<Filterable> {
    let raw = RawField::parse(name, json)?;
    Ok(Filterable {
        kind: filterable_kind(&raw.kind)?,
        name: name.to_owned(),
        nullable: raw.nullable,
        units: raw.units,
        values: resolve_enum(raw.values.as_ref(), enums)?,
    })
}
