//! The table of keys as a JSON Schema, for editors.

use serde_json::{Map, Value as Json, json};

use super::key::{DefaultValue, Key, Kind, Rule, Table};
use super::tables::TABLES;

/// The JSON Schema of the configuration: the text of `schemas/config.schema.json`.
///
/// # Errors
/// None: the schema is plain JSON.
pub fn json_schema() -> serde_json::Result<String> {
    let mut schema = Map::new();
    let mut definitions = Map::new();
    for table in TABLES {
        if table.definition.is_empty() {
            schema = table_schema(table);
        } else {
            let definition = table_schema(table).into();
            definitions.insert(table.definition.to_owned(), definition);
        }
    }
    let mut root = Map::new();
    let dialect = "https://json-schema.org/draft/2020-12/schema";
    root.insert("$schema".to_owned(), dialect.into());
    root.insert("title".to_owned(), "Backhaul configuration".into());
    root.append(&mut schema);
    root.insert("$defs".to_owned(), definitions.into());
    let mut text = serde_json::to_string_pretty(&root)?;
    text.push('\n');
    Ok(text)
}

fn table_schema(table: &Table) -> Map<String, Json> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for key in table.keys {
        properties.insert(key.name().to_owned(), key_schema(key).into());
        if key.default == DefaultValue::Required {
            required.push(key.name());
        }
    }
    let mut schema = Map::new();
    schema.insert("description".to_owned(), table.doc.into());
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    if !required.is_empty() {
        schema.insert("required".to_owned(), required.into());
    }
    schema.insert("additionalProperties".to_owned(), false.into());
    match table.rule {
        Rule::Free => {}
        Rule::OneKey => {
            schema.insert("minProperties".to_owned(), 1.into());
            schema.insert("maxProperties".to_owned(), 1.into());
        }
        Rule::OneOf(names) => {
            let one_of: Vec<Json> = names
                .iter()
                .map(|name| json!({ "required": [name] }))
                .collect();
            schema.insert("oneOf".to_owned(), one_of.into());
        }
        Rule::QueryParameters => {
            let any = json!({ "type": ["string", "number", "boolean", "array", "object"] });
            schema.insert("additionalProperties".to_owned(), any);
        }
    }
    schema
}

fn key_schema(key: &Key) -> Map<String, Json> {
    let mut schema = Map::new();
    if let Json::Object(kind) = kind_schema(&key.kind) {
        schema = kind;
    }
    if matches!(key.kind, Kind::Tables(_)) && key.default == DefaultValue::Required {
        schema.insert("minItems".to_owned(), 1.into());
    }
    schema.insert("description".to_owned(), key.doc.into());
    if let DefaultValue::Value(text) = key.default {
        let value = serde_json::from_str(text).unwrap_or(Json::Null);
        schema.insert("default".to_owned(), value);
    }
    schema
}

fn kind_schema(kind: &Kind) -> Json {
    match kind {
        Kind::Text => json!({ "type": "string" }),
        Kind::NonEmptyText => json!({ "type": "string", "minLength": 1 }),
        Kind::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
        Kind::ReportName { pattern, reserved } => {
            json!({ "type": "string", "pattern": pattern, "not": { "enum": reserved } })
        }
        Kind::Choice(words) => json!({ "type": "string", "enum": words }),
        Kind::Duration => json!({ "type": "string", "pattern": r"^\s*[0-9]+\s*[wdhms]\s*$" }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Boolean => json!({ "type": "boolean" }),
        Kind::Count => json!({ "type": "integer", "minimum": 1 }),
        Kind::CountUpTo(most) => json!({ "type": "integer", "minimum": 1, "maximum": most }),
        Kind::UnitsOrPercent => json!({ "oneOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "string", "pattern": "^[0-9]{1,2}\\s*%$" },
        ] }),
        Kind::Texts => list_of("string", false),
        Kind::DistinctTexts => list_of("string", true),
        Kind::DistinctIntegers => list_of("integer", true),
        Kind::UnitsByName => json!({
            "type": "object",
            "additionalProperties": { "type": "integer", "minimum": 1 },
        }),
        Kind::TextByName => json!({
            "type": "object",
            "additionalProperties": { "type": "string" },
        }),
        Kind::TextOrTable => json!({ "type": ["string", "object"] }),
        Kind::TargetSelectors => json!({ "type": "array", "minItems": 1, "items": { "oneOf": [
            { "type": "string" },
            {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": { "type": "string" },
            },
        ] } }),
        Kind::Table(table) => reference_to(table),
        Kind::Tables(table) => json!({ "type": "array", "items": reference_to(table) }),
        Kind::TableOrTables(table) => json!({ "oneOf": [
            reference_to(table),
            { "type": "array", "items": reference_to(table), "minItems": 1 },
        ] }),
        Kind::ChoiceOrTable(words, table) => json!({ "oneOf": [
            { "type": "string", "enum": words },
            reference_to(table),
        ] }),
    }
}

fn list_of(item: &str, is_distinct: bool) -> Json {
    let items = json!({ "type": item });
    if is_distinct {
        json!({ "type": "array", "items": items, "minItems": 1, "uniqueItems": true })
    } else {
        json!({ "type": "array", "items": items, "minItems": 1 })
    }
}

fn reference_to(table: &Table) -> Json {
    json!({ "$ref": format!("#/$defs/{}", table.definition) })
}
