//! The table of every operation of the catalog, from a body that is made up after its schema.

use std::collections::BTreeSet;

use backhaul::catalog::{Catalog, ColumnKind, Endpoint, Shape};
use backhaul::decode::{Decoder, OnBadValue, PageSchema};
use backhaul::table::{ColumnType, TableSchema};
use serde_json::{Map, Value as Json, json};

use super::{cell, wanted};

/// A value of a column as the API would send it, the other one for each `turn`.
fn value(kind: &ColumnKind, by_place: bool, values: &[String], turn: u32) -> Json {
    match kind {
        ColumnKind::Integer if turn == 0 => json!(40_232_808_344_u64 + u64::from(turn)),
        ColumnKind::Integer => json!(i64::MAX),
        ColumnKind::Float if turn == 0 => json!(26),
        ColumnKind::Float => json!(91.5),
        ColumnKind::Boolean => json!(turn == 0),
        ColumnKind::Date if turn == 0 => json!("2024-01-29T00:00:00Z"),
        ColumnKind::Date => json!("2024-02-29"),
        ColumnKind::DateTime => json!("2021-04-08T07:06:33Z"),
        ColumnKind::Text => json!(values.first().map_or("b\u{f6}\"se\\", String::as_str)),
        ColumnKind::List(items) => {
            json!([
                value(items, by_place, values, turn),
                null,
                value(items, by_place, values, 1)
            ])
        }
        ColumnKind::Struct(fields) if by_place => fields
            .iter()
            .map(|(_, kind)| value(kind, false, &[], turn))
            .collect::<Vec<_>>()
            .into(),
        ColumnKind::Struct(fields) => {
            let field =
                |(name, kind): &(String, ColumnKind)| (name.clone(), value(kind, false, &[], turn));
            Json::Object(fields.iter().map(field).collect())
        }
        ColumnKind::Json => json!({"position": turn, "kinds": ["organic"]}),
    }
}

fn row(endpoint: &Endpoint, turn: u32) -> Json {
    let field = |column: &backhaul::catalog::Column| {
        (
            column.name.clone(),
            value(&column.kind, column.is_tuple, &column.values, turn),
        )
    };
    Json::Object(endpoint.columns.iter().map(field).collect::<Map<_, _>>())
}

#[test]
fn every_operation_fills_a_table_of_all_its_columns() {
    let mut keys_that_differ = BTreeSet::new();
    for endpoint in Catalog::embedded().endpoints() {
        let rows: Vec<Json> = match endpoint.shape {
            Shape::Rows => vec![row(endpoint, 0), row(endpoint, 1)],
            Shape::Record => vec![row(endpoint, 0)],
            Shape::Scalars => vec![json!(1), json!(2)],
        };
        let content = if endpoint.shape == Shape::Record {
            rows[0].clone()
        } else {
            json!(rows)
        };
        let body = json!({ endpoint.response_key.as_str(): content }).to_string();
        let columns: Vec<String> = endpoint
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        let schema = PageSchema::new(endpoint, &columns, &[], OnBadValue::Fail).unwrap();
        let page = Decoder::new(schema).decode(body.as_bytes());
        let page = page.unwrap_or_else(|error| panic!("{}: {error}", endpoint.name));
        assert!(page.notes.is_empty(), "{}: {:?}", endpoint.name, page.notes);
        let table = TableSchema::new("t", endpoint, &columns, &[]).unwrap();
        assert_eq!(
            page.batch.schema().fields()[..],
            table.arrow().fields()[4..],
            "{}",
            endpoint.name
        );
        for (place, column) in endpoint.columns.iter().enumerate() {
            let kind = ColumnType::from(&column.kind);
            for (row, object) in rows.iter().enumerate() {
                let wanted = wanted(&kind, &object[&column.name]);
                assert_eq!(
                    cell(page.batch.column(place), row),
                    wanted,
                    "{} {}",
                    endpoint.name,
                    column.name
                );
            }
        }
        if endpoint.response_key.contains('-')
            || !endpoint.short_name().starts_with(&endpoint.response_key)
        {
            keys_that_differ.insert(endpoint.response_key.as_str());
        }
    }
    for key in [
        "linkedanchors",
        "healthscores",
        "page-content",
        "competitors-pages",
        "competitors-metrics",
        "prefixes",
    ] {
        assert!(
            keys_that_differ.contains(key),
            "{key}: {keys_that_differ:?}"
        );
    }
}

#[test]
fn objects_with_known_fields_are_structs_and_others_json_text() {
    let kind = |endpoint: &str, column: &str| {
        let endpoint = Catalog::embedded().endpoint(endpoint).unwrap();
        ColumnType::from(&endpoint.column(column).unwrap().kind).to_string()
    };
    let intents = "struct<informational: boolean, navigational: boolean, commercial: boolean, transactional: boolean, \
        branded: boolean, local: boolean>";
    for list in [
        "overview",
        "matching-terms",
        "related-terms",
        "search-suggestions",
    ] {
        assert_eq!(
            kind(&format!("keywords-explorer/{list}"), "intents"),
            intents
        );
    }
    let countries = kind(
        "batch-analysis/batch-analysis",
        "org_traffic_top_by_country",
    );
    assert_eq!(countries, "list<struct<country: string, traffic: int64>>");
    assert_eq!(
        kind("site-explorer/ai-responses-count", "gemini"),
        "struct<citations: int64, pages: int64>"
    );
    for column in ["all_positions", "entities"] {
        assert_eq!(kind("site-explorer/organic-keywords", column), "list<json>");
    }
    assert_eq!(
        kind("keywords-explorer/overview", "volume_monthly_history"),
        "list<json>"
    );
    assert_eq!(kind("management/locations", "languages"), "json");
}
