//! Files → operations.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::enums::Enums;
use super::fields::{parse_body_parameters, parse_columns, parse_filterable, parse_parameters};
use super::files::{ENUMS, SECTIONS};
use super::invalid::{invalid, invalid_json};
use super::raw::{RawBatch, RawChanges, RawCount, RawEndpoint, RawPresets};
use crate::catalog::column::Presets;
use crate::catalog::endpoint::{Changes, Endpoint, Shape};
use crate::catalog::pricing::Pricing;
use crate::catalog::related::{Batch, RowCount};
use crate::error::Result;

/// Parses the embedded files: every operation, by name.
///
/// # Errors
/// [`crate::error::ErrorCode::Internal`] naming file, operation and column: a defect of the data, found by the catalog's tests.
pub fn embedded_endpoints() -> Result<BTreeMap<String, Endpoint>> {
    parse(ENUMS, SECTIONS)
}

/// Parses enums and sections given as text.
fn parse<'a>(
    enums: &str,
    sections: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<BTreeMap<String, Endpoint>> {
    let enums: Enums = serde_json::from_str(enums).map_err(|error| invalid_json("enums", error))?;
    let mut endpoints = BTreeMap::new();
    for (section, text) in sections {
        let operations: Map<String, Json> =
            serde_json::from_str(text).map_err(|error| invalid_json(section, error))?;
        for (name, json) in operations {
            let raw = serde_json::from_value(json).map_err(|error| invalid_json(&name, error))?;
            let endpoint = parse_endpoint(&name, raw, &enums)
                .map_err(|error| error.with_context("endpoint", &name))?;
            endpoints.insert(name, endpoint);
        }
    }
    Ok(endpoints)
}

fn parse_endpoint(name: &str, raw: RawEndpoint, enums: &Enums) -> Result<Endpoint> {
    let shape = match raw.shape.as_str() {
        "rows" => Shape::Rows,
        "record" => Shape::Record,
        "scalars" => Shape::Scalars,
        other => return Err(invalid(&format!("shape {other}"))),
    };
    let pricing = match (raw.free, raw.fixed_units) {
        (true, _) => Pricing::Free,
        (false, Some(units)) => Pricing::Fixed(units),
        (false, None) => Pricing::PerRow,
    };
    let body_parameters = match &raw.body {
        Some(body) => parse_body_parameters(body, enums)?,
        None => Vec::new(),
    };
    Ok(Endpoint {
        name: name.to_owned(),
        method: raw.method,
        path: raw.path,
        description: raw.description,
        parameters: parse_parameters(raw.params, enums)?,
        body_parameters,
        body: raw.body,
        requires_one_of: raw.requires_one_of,
        divisible: raw.divisible,
        response_key: raw.response_key,
        shape,
        columns: parse_columns(raw.columns, enums)?,
        filterable: parse_filterable(raw.filterable, enums)?,
        order_by_excludes: raw.order_by_excludes,
        pricing,
        free_when: raw.free_when.into_iter().collect(),
        needs_key: raw.needs_key,
        former_name: raw.formerly,
        wildcard_regex: raw.regex.as_deref() == Some("wildcard"),
        beta: raw.beta,
        order_key: raw.order_key,
        identity: raw.identity,
        group_columns: raw.group_columns,
        group_values: raw.group_values,
        changes: raw.changes.map(Changes::from),
        batch: raw.batch.map(Batch::from),
        row_counts: raw.counts.into_iter().map(RowCount::from).collect(),
        sort_key: raw.sort_key,
        presets: Presets::from(raw.presets),
    })
}

impl From<RawChanges> for Changes {
    fn from(raw: RawChanges) -> Self {
        let RawChanges { new, lost } = raw;
        Self { new, lost }
    }
}

impl From<RawBatch> for Batch {
    fn from(raw: RawBatch) -> Self {
        let RawBatch {
            operation,
            columns,
            zero_is_null,
        } = raw;
        Self {
            operation,
            columns,
            zero_is_null,
        }
    }
}

impl From<RawCount> for RowCount {
    fn from(raw: RawCount) -> Self {
        let RawCount {
            when,
            endpoint,
            column,
        } = raw;
        Self {
            when: when.into_iter().collect(),
            endpoint,
            column,
        }
    }
}

impl From<RawPresets> for Presets {
    fn from(raw: RawPresets) -> Self {
        let minimal = raw.minimal;
        let standard = [minimal.clone(), raw.standard].concat();
        let full = [standard.clone(), raw.full].concat();
        Self {
            minimal,
            standard,
            full,
        }
    }
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
        let endpoints = embedded_endpoints()
            .map_err(|error| error.render())
            .expect("loads");
        assert_eq!(endpoints.len(), 121);
        assert_eq!(
            endpoints
                .values()
                .map(|endpoint| endpoint.columns.len())
                .sum::<usize>(),
            1719
        );
    }

    #[test]
    fn a_preset_holds_the_columns_of_the_one_before() {
        let endpoints = parse(r#"{"colour": ["red"]}"#, [("shop", GOOD)]).expect("parses");
        let goods = endpoints.get("shop/goods").expect("is there");
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
    fn a_misspelt_key_of_an_operation_is_refused_with_its_location() {
        let text = refusal(&GOOD.replace("\"presets\"", "\"preset\""));
        assert!(
            text.contains("shop/goods") && text.contains("unknown field `preset`"),
            "{text}"
        );
    }

    #[test]
    fn a_misspelt_key_of_a_column_is_refused_with_its_location() {
        let text = refusal(&GOOD.replace("\"units\"", "\"unit\""));
        assert!(
            text.contains("endpoint: shop/goods") && text.contains("column: price"),
            "{text}"
        );
        assert!(text.contains("unknown field `unit`"), "{text}");
    }

    #[test]
    fn an_unknown_type_is_refused_with_its_location() {
        let text = refusal(&GOOD.replace("\"integer\"", "\"whole\""));
        assert!(
            text.contains("endpoint: shop/goods") && text.contains("column: price"),
            "{text}"
        );
        assert!(text.contains("column type whole"), "{text}");
    }

    #[test]
    fn an_enum_that_no_file_defines_is_refused_with_its_location() {
        let text = refusal(&GOOD.replace("{\"$enum\": \"colour\"}", "{\"$enum\": \"color\"}"));
        assert!(
            text.contains("parameter: colour") && text.contains("enum color"),
            "{text}"
        );
    }
}
