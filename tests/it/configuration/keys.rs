//! The table of keys: the JSON Schema.

use std::collections::BTreeSet;

use backhaul::config;
use serde_json::Value as Json;

#[test]
fn the_json_schema_knows_exactly_the_keys_of_the_program() {
    let schema: Json =
        serde_json::from_str(include_str!("../../../schemas/config.schema.json")).expect("JSON");
    let keys = |object: &Json| -> BTreeSet<String> {
        object["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .cloned()
            .collect()
    };
    for (table, known) in config::TABLES {
        let object = if table.is_empty() {
            &schema
        } else {
            &schema["$defs"][table]
        };
        let known: BTreeSet<String> = known.iter().map(|key| (*key).to_owned()).collect();
        assert_eq!(keys(object), known, "{table}");
        assert_eq!(
            object["additionalProperties"] == Json::Bool(false),
            table != "report",
            "{table}"
        );
    }
    assert_eq!(
        schema["$defs"].as_object().expect("definitions").len() + 1,
        config::TABLES.len()
    );
}
