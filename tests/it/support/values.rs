//! One canonical text of a value, whether it comes from JSON or from a Parquet file. Written independently of the
//! program's decoder.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use backhaul::catalog::ColumnKind;
use serde_json::Value as Json;

/// Whether a table holds values of this kind as JSON text: those without a published shape, and lists of lists, which not
/// every warehouse knows.
pub fn is_json(kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Json => true,
        ColumnKind::List(item) => matches!(**item, ColumnKind::List(_)),
        ColumnKind::Struct(fields) => fields.is_empty(),
        _ => false,
    }
}

/// A JSON value as its column's type sees it: written independently of the program's decoder.
pub fn canonical_json(kind: &ColumnKind, value: &Json) -> String {
    if value.is_null() {
        return "null".to_owned();
    }
    match kind {
        kind if is_json(kind) => sorted_json(value),
        ColumnKind::Integer => match value.as_i64() {
            Some(integer) => integer.to_string(),
            None => format!("{:.0}", value.as_f64().unwrap()),
        },
        ColumnKind::Float => format!("{:?}", value.as_f64().unwrap()),
        ColumnKind::Boolean => value.as_bool().unwrap().to_string(),
        ColumnKind::Date => value.as_str().unwrap().get(..10).unwrap().to_owned(),
        ColumnKind::DateTime => {
            let time = chrono::DateTime::parse_from_rfc3339(value.as_str().unwrap()).unwrap();
            time.timestamp_micros().to_string()
        }
        ColumnKind::Text => format!("{:?}", value.as_str().unwrap()),
        ColumnKind::List(items) => {
            let items: Vec<String> = value
                .as_array()
                .unwrap()
                .iter()
                .map(|item| canonical_json(items, item))
                .collect();
            format!("[{}]", items.join(","))
        }
        ColumnKind::Struct(fields) => {
            // By name, or by place: `["us", 123]`.
            let field = |(place, (name, kind)): (usize, &(String, ColumnKind))| {
                canonical_json(
                    kind,
                    value
                        .get(name)
                        .or_else(|| value.get(place))
                        .unwrap_or(&Json::Null),
                )
            };
            format!(
                "{{{}}}",
                fields
                    .iter()
                    .enumerate()
                    .map(field)
                    .collect::<Vec<_>>()
                    .join(",")
            )
        }
        ColumnKind::Json => sorted_json(value),
    }
}

/// A value of a file in the same form, with JSON text parsed.
pub fn canonical_typed(kind: &ColumnKind, column: &ArrayRef, row: usize) -> String {
    match kind {
        _ if column.is_null(row) => "null".to_owned(),
        kind if is_json(kind) => {
            sorted_json(&serde_json::from_str(column.as_string::<i32>().value(row)).unwrap())
        }
        ColumnKind::List(item) => {
            let items = column.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len())
                .map(|place| canonical_typed(item, &items, place))
                .collect();
            format!("[{}]", items.join(","))
        }
        ColumnKind::Struct(fields) => {
            let held = column.as_struct();
            let field = |(name, kind): &(String, ColumnKind)| {
                canonical_typed(kind, held.column_by_name(name).unwrap(), row)
            };
            format!(
                "{{{}}}",
                fields.iter().map(field).collect::<Vec<_>>().join(",")
            )
        }
        _ => canonical_arrow(column, row),
    }
}

/// A value of a file in the same form.
pub fn canonical_arrow(column: &ArrayRef, row: usize) -> String {
    if column.is_null(row) {
        return "null".to_owned();
    }
    match column.data_type() {
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => column.as_boolean().value(row).to_string(),
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            (chrono::NaiveDate::default() + chrono::Days::new(u64::try_from(days).unwrap()))
                .to_string()
        }
        DataType::Timestamp(_, _) => column
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .to_string(),
        DataType::Utf8 => format!("{:?}", column.as_string::<i32>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            let items: Vec<String> = (0..items.len())
                .map(|item| canonical_arrow(&items, item))
                .collect();
            format!("[{}]", items.join(","))
        }
        DataType::Struct(_) => {
            let fields = column.as_struct();
            let fields: Vec<String> = fields
                .columns()
                .iter()
                .map(|field| canonical_arrow(field, row))
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        other => panic!("no canonical form for {other}"),
    }
}

/// JSON text with sorted keys and no white space.
fn sorted_json(value: &Json) -> String {
    match value {
        Json::Object(object) => {
            let sorted: BTreeMap<&String, String> = object
                .iter()
                .map(|(key, value)| (key, sorted_json(value)))
                .collect();
            format!("{sorted:?}")
        }
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(sorted_json).collect::<Vec<_>>().join(",")
        ),
        other => other.to_string(),
    }
}
