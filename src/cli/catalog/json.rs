//! The catalog as JSON, for scripts. Names of keys are stable; new ones may come.

use serde_json::{Value as Json, json};

use super::parameters::parameter_kind;
use super::summary::{SHOWN_ROWS, least_units_per_row, paging_word};
use crate::catalog::{
    Catalog, Column, Endpoint, Filterable, Measure, Parameter, ParameterKind, Presets, Pricing,
    Shape,
};

/// All operations as a JSON array.
pub fn list_json(catalog: &Catalog) -> String {
    let operations: Vec<Json> = catalog.endpoints().map(summary).collect();
    format!("{:#}\n", Json::from(operations))
}

/// One operation as a JSON object.
pub fn show_json(endpoint: &Endpoint) -> String {
    let mut json = summary(endpoint);
    let details = json!({
        "method": endpoint.method,
        "path": endpoint.path,
        "response_key": endpoint.response_key,
        "parameters": endpoint.parameters.iter().map(parameter_json).collect::<Vec<_>>(),
        "columns": endpoint.columns.iter().map(|column| column_json(endpoint, column)).collect::<Vec<_>>(),
        "filters": endpoint.filterable.iter().map(filter_json).collect::<Vec<_>>(),
        "order_key": endpoint.order_key,
        "group_columns": endpoint.group_columns,
        "group_values": endpoint.group_values,
        "changes": endpoint.changes.as_ref().map(|changes| json!({"new": changes.new, "lost": changes.lost})),
        "identity": endpoint.identity,
        "sort_key": endpoint.sort_key,
        "presets": presets_json(endpoint),
    });
    if let (Some(json), Json::Object(details)) = (json.as_object_mut(), details) {
        json.extend(details);
    }
    format!("{json:#}\n")
}

fn summary(endpoint: &Endpoint) -> Json {
    let (pricing, units) = match endpoint.pricing {
        Pricing::Free => ("free", 0),
        Pricing::Fixed(units) => ("fixed", units),
        Pricing::PerRow => ("per_row", least_units_per_row(endpoint)),
    };
    json!({
        "name": endpoint.name,
        "description": endpoint.description,
        "shape": match endpoint.shape { Shape::Rows => "rows", Shape::Record => "record", Shape::Scalars => "scalars" },
        "pricing": pricing,
        "units": units,
        "paging": paging_word(endpoint),
    })
}

fn parameter_json(parameter: &Parameter) -> Json {
    let values = match &parameter.kind {
        ParameterKind::Enum(values) => values.as_slice(),
        _ => &[],
    };
    let kind = if values.is_empty() {
        parameter_kind(&parameter.kind)
    } else {
        "enum".to_owned()
    };
    json!({
        "name": parameter.name, "type": kind, "required": parameter.required, "default": parameter.default, "values": values,
    })
}

fn column_json(endpoint: &Endpoint, column: &Column) -> Json {
    json!({
        "name": column.name,
        "type": column.kind.to_string(),
        "nullable": column.nullable,
        "units": column.units,
        "measure": column.measure.map(Measure::as_str),
        "values": column.values,
        "filterable": endpoint.filterable(&column.name).is_some(),
        "sortable": endpoint.is_sortable(&column.name),
        "not_with": column.not_with.as_ref().map(|(parameter, value)| format!("{parameter}={value}")),
        "deprecated": column.deprecated,
        "lookup": column.lookup,
        "description": column.description,
    })
}

fn filter_json(filter: &Filterable) -> Json {
    json!({
        "name": filter.name, "type": filter.kind.to_string(), "nullable": filter.nullable, "units": filter.units,
        "values": filter.values,
    })
}

fn presets_json(endpoint: &Endpoint) -> Json {
    if !endpoint.has_select() {
        return Json::Null;
    }
    let mut presets = serde_json::Map::new();
    for name in Presets::NAMES {
        presets.insert(name.to_owned(), preset_json(endpoint, name));
    }
    Json::Object(presets)
}

fn preset_json(endpoint: &Endpoint, name: &str) -> Json {
    let columns = endpoint.presets.get(name).unwrap_or_default();
    let units = endpoint.units_per_row(columns.iter().map(String::as_str));
    let most = endpoint.full_key_surcharge(columns.iter().map(String::as_str));
    json!({
        "columns": columns,
        "units_per_row": units,
        "units_per_1000_rows": endpoint.units_per_request(SHOWN_ROWS, units),
        "paging_units_per_row": most,
    })
}
