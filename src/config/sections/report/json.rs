//! Values of the file as JSON.

use serde_json::{Map, Value as Json};
use toml::de::DeValue;

/// A value of the file as JSON; a number that JSON cannot hold becomes null.
pub(super) fn to_json(value: &DeValue<'_>) -> Json {
    match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()
            .into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().ok().into(),
        DeValue::Boolean(value) => (*value).into(),
        DeValue::Datetime(time) => time.to_string().into(),
        DeValue::Array(nodes) => nodes.iter().map(|node| to_json(node.get_ref())).collect(),
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (name, node) in table {
                object.insert(name.get_ref().to_string(), to_json(node.get_ref()));
            }
            Json::Object(object)
        }
    }
}
