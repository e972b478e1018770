//! Renderings of a table's schema for `backhaul schema`.

use std::fmt::Write as _;

use arrow::datatypes::{DataType, Field, TimeUnit};
use serde_json::json;

use super::schema::TableSchema;
use super::table_column::TableColumn;
use crate::catalog::Measure;

/// The Arrow schema, one line a column: `first_seen: timestamp[us, tz=UTC]`.
pub fn render_arrow(schema: &TableSchema) -> String {
    let mut text = String::new();
    for field in schema.arrow().fields() {
        let _ = writeln!(text, "{}: {}", field.name(), arrow_name(field.data_type()));
    }
    text
}

/// The schema as JSON, with what the catalog knows of each column.
pub fn render_json(schema: &TableSchema) -> String {
    let columns: Vec<_> = schema.columns().iter().map(column_json).collect();
    let document = json!({
        "table": schema.name(),
        "endpoint": schema.endpoint(),
        "sorted_by": schema.file_order(),
        "columns": columns,
    });
    format!("{document:#}\n")
}

fn column_json(column: &TableColumn) -> serde_json::Value {
    json!({
        "name": column.name,
        "type": column.kind.to_string(),
        "parquet": column.kind.parquet(),
        "nullable": true,
        "source_nullable": column.source_nullable,
        "metadata": column.is_metadata,
        "description": column.description,
        "measure": column.measure.map(Measure::as_str),
        "units": column.units,
    })
}

fn arrow_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 => "string".to_owned(),
        DataType::Float64 => "double".to_owned(),
        DataType::Boolean => "bool".to_owned(),
        DataType::Int64 => "int64".to_owned(),
        DataType::Date32 => "date32[day]".to_owned(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) => {
            format!("timestamp[us, tz={zone}]")
        }
        DataType::List(field) => format!("list<{}>", arrow_field(field)),
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| arrow_field(field)).collect();
            format!("struct<{}>", fields.join(", "))
        }
        other => other.to_string(),
    }
}

fn arrow_field(field: &Field) -> String {
    format!("{}: {}", field.name(), arrow_name(field.data_type()))
}
