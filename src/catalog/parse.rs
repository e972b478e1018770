//! `schemas/*.json` → [`Catalog`]. Unknown keys are refused, so a typing error in the data cannot pass unseen.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::{
    Batch, Catalog, Changes, Column, ColumnKind, Endpoint, Filterable, Measure, Parameter,
    ParameterKind, Presets, Pricing, RowCount, Shape,
};
use crate::error::{Code, Error, Result};
use crate::model::Method;

const ENUMS: &str = include_str!("../../schemas/enums.json");

const SECTIONS: [(&str, &str); 13] = [
    (
        "batch-analysis",
        include_str!("../../schemas/batch-analysis.json"),
    ),
    (
        "brand-radar",
        include_str!("../../schemas/brand-radar.json"),
    ),
    ("gsc", include_str!("../../schemas/gsc.json")),
    (
        "keywords-explorer",
        include_str!("../../schemas/keywords-explorer.json"),
    ),
    ("management", include_str!("../../schemas/management.json")),
    ("public", include_str!("../../schemas/public.json")),
    (
        "rank-tracker",
        include_str!("../../schemas/rank-tracker.json"),
    ),
    (
        "serp-overview",
        include_str!("../../schemas/serp-overview.json"),
    ),
    ("site-audit", include_str!("../../schemas/site-audit.json")),
    (
        "site-explorer",
        include_str!("../../schemas/site-explorer.json"),
    ),
    (
        "social-media",
        include_str!("../../schemas/social-media.json"),
    ),
    (
        "subscription-info",
        include_str!("../../schemas/subscription-info.json"),
    ),
    (
        "web-analytics",
        include_str!("../../schemas/web-analytics.json"),
    ),
];

type Enums = BTreeMap<String, Vec<String>>;

/// Parses the embedded files.
///
/// # Errors
/// [`Code::Internal`] naming file, operation and column: a defect of the data, found by the catalog's tests.
pub fn load() -> Result<Catalog> {
    parse(ENUMS, SECTIONS)
}

/// Parses enums and sections given as text.
fn parse<'a>(
    enums: &str,
    sections: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Catalog> {
    let enums: Enums =
        serde_json::from_str(enums).map_err(|error| fault("enums").with_source(error))?;
    let mut endpoints = BTreeMap::new();
    for (section, text) in sections {
        let operations: Map<String, Json> =
            serde_json::from_str(text).map_err(|error| fault(section).with_source(error))?;
        for (name, json) in operations {
            let raw =
                serde_json::from_value(json).map_err(|error| fault(&name).with_source(error))?;
            let endpoint = endpoint(&name, raw, &enums)
                .map_err(|error| error.with_context("endpoint", &name))?;
            endpoints.insert(name, endpoint);
        }
    }
    Ok(Catalog { endpoints })
}

fn fault(what: &str) -> Error {
    Error::new(
        Code::Internal,
        format!("the embedded catalog does not parse at {what}"),
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a file, each on its own"
)]
struct RawEndpoint {
    method: Method,
    path: String,
    #[serde(default)]
    description: String,
    params: Map<String, Json>,
    body: Option<Json>,
    response_key: String,
    shape: String,
    columns: Map<String, Json>,
    #[serde(default, rename = "where")]
    filterable: Map<String, Json>,
    #[serde(default)]
    order_by_excludes: Vec<String>,
    #[serde(default)]
    free: bool,
    fixed_units: Option<u64>,
    #[serde(default)]
    free_when: BTreeMap<String, String>,
    #[serde(default = "yes")]
    needs_key: bool,
    formerly: Option<String>,
    regex: Option<String>,
    #[serde(default)]
    beta: bool,
    #[serde(default, rename = "also")]
    _also: Vec<Method>,
    #[serde(default)]
    requires_one_of: Vec<Vec<String>>,
    #[serde(default)]
    divisible: bool,
    #[serde(default)]
    order_key: Vec<String>,
    #[serde(default)]
    identity: Vec<String>,
    #[serde(default)]
    group_columns: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    group_values: BTreeMap<String, Vec<String>>,
    changes: Option<RawChanges>,
    batch: Option<RawBatch>,
    #[serde(default)]
    counts: Vec<RawCount>,
    #[serde(default)]
    sort_key: Vec<String>,
    #[serde(default)]
    presets: RawPresets,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawChanges {
    new: String,
    lost: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBatch {
    operation: String,
    columns: BTreeMap<String, String>,
    #[serde(default)]
    zero_is_null: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCount {
    when: BTreeMap<String, String>,
    #[serde(rename = "in")]
    endpoint: String,
    column: String,
}

/// Each preset lists what it adds to the one before, so that minimal ⊆ standard ⊆ full cannot be broken.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawPresets {
    minimal: Vec<String>,
    standard: Vec<String>,
    full: Vec<String>,
}

impl RawPresets {
    fn cumulated(self) -> Presets {
        let Self {
            minimal,
            standard,
            full,
        } = self;
        let standard = [minimal.clone(), standard].concat();
        let full = [standard.clone(), full].concat();
        Presets {
            minimal,
            standard,
            full,
        }
    }
}

/// A parameter, a column, a filterable column, or the type of a list's items: the files describe all four alike.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the keys of a file, each on its own"
)]
struct RawField {
    #[serde(rename = "type")]
    kind: String,
    format: Option<String>,
    #[serde(default)]
    nullable: bool,
    #[serde(default = "one")]
    units: u64,
    units_note: Option<String>,
    #[serde(rename = "enum")]
    values: Option<RawEnum>,
    measure: Option<String>,
    #[serde(default)]
    not_with: BTreeMap<String, String>,
    #[serde(default)]
    deprecated: bool,
    #[serde(default)]
    lookup: bool,
    #[serde(default)]
    description: String,
    default: Option<Json>,
    #[serde(default)]
    required: bool,
    items: Option<Box<RawField>>,
    fields: Option<Map<String, Json>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawEnum {
    Named {
        #[serde(rename = "$enum")]
        name: String,
    },
    Values(Vec<String>),
}

fn yes() -> bool {
    true
}

fn one() -> u64 {
    1
}

fn endpoint(name: &str, raw: RawEndpoint, enums: &Enums) -> Result<Endpoint> {
    let shape = match raw.shape.as_str() {
        "rows" => Shape::Rows,
        "record" => Shape::Record,
        "scalars" => Shape::Scalars,
        other => return Err(fault(&format!("shape {other}"))),
    };
    let pricing = match (raw.free, raw.fixed_units) {
        (true, _) => Pricing::Free,
        (false, Some(units)) => Pricing::Fixed(units),
        (false, None) => Pricing::PerRow,
    };
    Ok(Endpoint {
        name: name.to_owned(),
        method: raw.method,
        path: raw.path,
        description: raw.description,
        parameters: fields("parameter", raw.params, |name, field| {
            parameter(name, field, enums)
        })?,
        body_parameters: raw
            .body
            .as_ref()
            .map(|body| body_parameters(body, enums))
            .transpose()?
            .unwrap_or_default(),
        body: raw.body,
        requires_one_of: raw.requires_one_of,
        divisible: raw.divisible,
        response_key: raw.response_key,
        shape,
        columns: fields("column", raw.columns, |name, field| {
            column(name, field, enums)
        })?,
        filterable: fields("filter column", raw.filterable, |name, field| {
            filterable(name, field, enums)
        })?,
        order_by_excludes: raw.order_by_excludes,
        pricing,
        free_when: raw.free_when.into_iter().collect(),
        needs_key: raw.needs_key,
        formerly: raw.formerly,
        wildcard_regex: raw.regex.as_deref() == Some("wildcard"),
        beta: raw.beta,
        order_key: raw.order_key,
        identity: raw.identity,
        group_columns: raw.group_columns,
        group_values: raw.group_values,
        changes: raw
            .changes
            .map(|RawChanges { new, lost }| Changes { new, lost }),
        batch: raw.batch.map(
            |RawBatch {
                 operation,
                 columns,
                 zero_is_null,
             }| Batch {
                operation,
                columns,
                zero_is_null,
            },
        ),
        counts: raw
            .counts
            .into_iter()
            .map(
                |RawCount {
                     when,
                     endpoint,
                     column,
                 }| RowCount {
                    when: when.into_iter().collect(),
                    endpoint,
                    column,
                },
            )
            .collect(),
        sort_key: raw.sort_key,
        presets: raw.presets.cumulated(),
    })
}

fn fields<T>(
    what: &'static str,
    raw: Map<String, Json>,
    mut build: impl FnMut(String, RawField) -> Result<T>,
) -> Result<Vec<T>> {
    raw.into_iter()
        .map(|(name, json)| {
            let place = name.clone();
            field(&name, json)
                .and_then(|field| build(name, field))
                .map_err(|error| error.with_context(what, place))
        })
        .collect()
}

fn field(name: &str, json: Json) -> Result<RawField> {
    serde_json::from_value(json).map_err(|error| fault(name).with_source(error))
}

fn resolve(values: Option<RawEnum>, enums: &Enums) -> Result<Vec<String>> {
    match values {
        None => Ok(Vec::new()),
        Some(RawEnum::Values(values)) => Ok(values),
        Some(RawEnum::Named { name }) => enums
            .get(&name)
            .cloned()
            .ok_or_else(|| fault(&format!("enum {name}"))),
    }
}

/// The fields of a body's object, of which `required` names those that must be there.
fn body_parameters(body: &Json, enums: &Enums) -> Result<Vec<Parameter>> {
    let raw = body
        .get("fields")
        .and_then(Json::as_object)
        .cloned()
        .unwrap_or_default();
    let required = body
        .get("required")
        .and_then(Json::as_array)
        .cloned()
        .unwrap_or_default();
    let mut all = fields("body field", raw, |name, field| {
        parameter(name, field, enums)
    })?;
    for parameter in &mut all {
        parameter.required = required
            .iter()
            .any(|name| name.as_str() == Some(&parameter.name));
    }
    Ok(all)
}

fn parameter(name: String, raw: RawField, enums: &Enums) -> Result<Parameter> {
    let default = match &raw.default {
        None | Some(Json::Null) => None,
        Some(Json::String(text)) => Some(text.clone()),
        Some(other) => Some(other.to_string()),
    };
    let required = raw.required;
    Ok(Parameter {
        kind: parameter_kind(raw, enums)?,
        name,
        default,
        required,
    })
}

fn parameter_kind(raw: RawField, enums: &Enums) -> Result<ParameterKind> {
    let values = resolve(raw.values, enums)?;
    Ok(match (raw.kind.as_str(), raw.format.as_deref()) {
        ("string", _) if !values.is_empty() => ParameterKind::Enum(values),
        ("string", Some("date")) => ParameterKind::Date,
        ("string", Some("date-time")) => ParameterKind::DateTime,
        ("string", Some("url" | "domain")) => ParameterKind::Url,
        ("string", _) => ParameterKind::Text,
        ("integer", _) => ParameterKind::Integer,
        ("number", _) => ParameterKind::Number,
        ("boolean", _) => ParameterKind::Boolean,
        ("array", _) => match raw.items {
            Some(items) => ParameterKind::List(Box::new(parameter_kind(*items, enums)?)),
            None => ParameterKind::List(Box::new(ParameterKind::Text)),
        },
        ("object", _) => ParameterKind::Json,
        (other, _) => return Err(fault(&format!("parameter type {other}"))),
    })
}

fn column(name: String, raw: RawField, enums: &Enums) -> Result<Column> {
    let measure = match raw.measure.as_deref() {
        None => None,
        Some("usd_cents") => Some(Measure::UsdCents),
        Some("score_0_100") => Some(Measure::Score0To100),
        Some("bytes") => Some(Measure::Bytes),
        Some(other) => return Err(fault(&format!("measure {other}"))),
    };
    let kind = column_kind(&raw)?;
    let by_place = is_by_place(&raw);
    let values = raw
        .values
        .or_else(|| raw.items.and_then(|items| items.values));
    Ok(Column {
        kind,
        by_place,
        nullable: raw.nullable,
        units: raw.units,
        units_note: raw.units_note,
        values: resolve(values, enums)?,
        measure,
        not_with: raw.not_with.into_iter().next(),
        deprecated: raw.deprecated,
        lookup: raw.lookup,
        description: raw.description,
        name,
    })
}

/// Whether an array has fields, at any depth of lists: then its places stand for them.
fn is_by_place(raw: &RawField) -> bool {
    (raw.kind == "array" && raw.fields.is_some()) || raw.items.as_deref().is_some_and(is_by_place)
}

fn column_kind(raw: &RawField) -> Result<ColumnKind> {
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
        (other, _) => return Err(fault(&format!("column type {other}"))),
    })
}

fn field_kinds(fields: &Map<String, Json>) -> Result<Vec<(String, ColumnKind)>> {
    fields
        .iter()
        .map(|(name, json)| Ok((name.clone(), column_kind(&field(name, json.clone())?)?)))
        .collect()
}

fn filterable(name: String, raw: RawField, enums: &Enums) -> Result<Filterable> {
    Ok(Filterable {
        kind: filterable_kind(&raw.kind)?,
        nullable: raw.nullable,
        units: raw.units,
        values: resolve(raw.values, enums)?,
        name,
    })
}

/// The filter side of the files spells types its own way: `datetime`, `array(url )`, `enum (a \| b)`.
fn filterable_kind(kind: &str) -> Result<ColumnKind> {
    let kind = kind.trim();
    if let Some(items) = kind
        .strip_prefix("array(")
        .and_then(|rest| rest.strip_suffix(')'))
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
        other => return Err(fault(&format!("filter type {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"shop/goods": {"method": "GET", "path": "/v3/shop/goods", "response_key": "goods", "shape": "rows",
        "params": {"select": {"type": "string"}, "colour": {"type": "string", "enum": {"$enum": "colour"}}},
        "presets": {"minimal": ["name"], "standard": ["price"], "full": []},
        "columns": {"name": {"type": "string", "lookup": true}, "price": {"type": "integer", "units": 5}}}}"#;

    fn refusal(text: &str) -> String {
        parse(r#"{"colour": ["red"]}"#, [("shop", text)])
            .expect_err("refused")
            .render()
    }

    #[test]
    fn the_catalog_loads() {
        let catalog = load().map_err(|error| error.render()).expect("loads");
        assert_eq!(catalog.endpoints().len(), 121);
        assert_eq!(
            catalog
                .endpoints()
                .map(|endpoint| endpoint.columns.len())
                .sum::<usize>(),
            1719
        );
    }

    #[test]
    fn a_preset_holds_the_columns_of_the_one_before() {
        let catalog = parse(r#"{"colour": ["red"]}"#, [("shop", GOOD)]).expect("parses");
        let goods = catalog.endpoint("shop/goods").expect("is there");
        assert_eq!(goods.presets.minimal, ["name"]);
        assert_eq!(goods.presets.standard, ["name", "price"]);
        assert_eq!(goods.presets.full, ["name", "price"]);
        assert_eq!(
            goods
                .columns
                .iter()
                .map(|column| column.lookup)
                .collect::<Vec<_>>(),
            [true, false]
        );
    }

    #[test]
    fn a_misspelt_key_of_an_operation_is_refused_with_its_place() {
        let text = refusal(&GOOD.replace("\"presets\"", "\"preset\""));
        assert!(
            text.contains("shop/goods") && text.contains("unknown field `preset`"),
            "{text}"
        );
    }

    #[test]
    fn a_misspelt_key_of_a_column_is_refused_with_its_place() {
        let text = refusal(&GOOD.replace("\"units\"", "\"unit\""));
        assert!(
            text.contains("endpoint: shop/goods") && text.contains("column: price"),
            "{text}"
        );
        assert!(text.contains("unknown field `unit`"), "{text}");
    }

    #[test]
    fn an_unknown_type_is_refused_with_its_place() {
        let text = refusal(&GOOD.replace("\"integer\"", "\"whole\""));
        assert!(
            text.contains("endpoint: shop/goods") && text.contains("column: price"),
            "{text}"
        );
        assert!(text.contains("column type whole"), "{text}");
    }

    #[test]
    fn an_enum_that_no_file_defines_is_refused_with_its_place() {
        let text = refusal(&GOOD.replace("{\"$enum\": \"colour\"}", "{\"$enum\": \"color\"}"));
        assert!(
            text.contains("parameter: colour") && text.contains("enum color"),
            "{text}"
        );
    }
}
