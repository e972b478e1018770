//! Bytes → typed Arrow → sorted Parquet.

mod decoding;
mod every_table;
mod files;
mod samples;
mod sorting;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use backhaul::catalog::{Catalog, Column, ColumnKind, Endpoint, Shape};
use backhaul::decode::{DecodeError, Decoder, OnBadValue, Page, PageSchema};
use backhaul::model::format_time;
use backhaul::table::ColumnType;
use serde_json::{Map, Value as Json, json};

fn endpoint(name: &str) -> Endpoint {
    Catalog::embedded()
        .endpoint(name)
        .expect("an endpoint of the catalog")
        .clone()
}

fn names(columns: &[&str]) -> Vec<String> {
    columns.iter().map(|name| (*name).to_owned()).collect()
}

/// An endpoint with one column of every type.
fn every_type() -> Endpoint {
    let mut endpoint = endpoint("site-explorer/all-backlinks");
    let template = endpoint.columns[0].clone();
    let column = |name: &str, kind: ColumnKind| Column {
        name: name.to_owned(),
        kind,
        nullable: name != "whole",
        ..template.clone()
    };
    "rows".clone_into(&mut endpoint.response_key);
    endpoint.shape = Shape::Rows;
    endpoint.columns = vec![
        column("whole", ColumnKind::Integer),
        column("real", ColumnKind::Float),
        column("flag", ColumnKind::Boolean),
        column("day", ColumnKind::Date),
        column("moment", ColumnKind::DateTime),
        column("text", ColumnKind::Text),
        column("json", ColumnKind::Json),
        column("list", ColumnKind::List(Box::new(ColumnKind::Text))),
        column(
            "object",
            ColumnKind::Struct(vec![
                ("x".to_owned(), ColumnKind::Integer),
                ("y".to_owned(), ColumnKind::Text),
            ]),
        ),
        Column {
            is_tuple: true,
            ..column(
                "places",
                ColumnKind::List(Box::new(ColumnKind::Struct(vec![
                    ("place".to_owned(), ColumnKind::Text),
                    ("number".to_owned(), ColumnKind::Integer),
                ]))),
            )
        },
    ];
    endpoint.sort_key = names(&["whole", "text"]);
    endpoint
}

const EVERY_COLUMN: [&str; 10] = [
    "whole", "real", "flag", "day", "moment", "text", "json", "list", "object", "places",
];

fn decoder(
    endpoint: &Endpoint,
    columns: &[&str],
    key: &[&str],
    on_bad_value: OnBadValue,
) -> Decoder {
    Decoder::new(PageSchema::new(endpoint, &names(columns), &names(key), on_bad_value).unwrap())
}

fn decode(columns: &[&str], body: &str) -> Result<Page, DecodeError> {
    decoder(&every_type(), columns, &[], OnBadValue::Fail).decode(body.as_bytes())
}

/// One cell as JSON, so that it can be compared with what the body said.
fn cell(array: &dyn Array, row: usize) -> Json {
    if array.is_null(row) {
        return Json::Null;
    }
    match array.data_type() {
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => json!(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => json!(array.as_boolean().value(row)),
        DataType::Date32 => json!(
            array
                .as_primitive::<Date32Type>()
                .value_as_date(row)
                .unwrap()
                .to_string()
        ),
        DataType::Timestamp(_, _) => json!(format_time(
            array.as_primitive::<TimestampMicrosecondType>().value(row)
        )),
        DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| cell(&items, item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let pairs = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| (field.name().clone(), cell(column, row)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
        other => panic!("no column has the type {other}"),
    }
}

/// What a cell should hold for what the body says, with the body read by another program.
fn wanted(kind: &ColumnType, value: &Json) -> Json {
    match (kind, value) {
        (_, Json::Null) => Json::Null,
        (ColumnType::Float, value) => json!(value.as_f64().unwrap()),
        (ColumnType::Date, value) => json!(value.as_str().unwrap().get(..10).unwrap()),
        (ColumnType::Json, value) => json!(value.to_string()),
        (ColumnType::List(items), Json::Array(values)) => {
            values.iter().map(|value| wanted(items, value)).collect()
        }
        (ColumnType::Struct(fields), Json::Object(object)) => {
            let field = |(name, kind): &(String, ColumnType)| {
                (
                    name.clone(),
                    wanted(kind, object.get(name).unwrap_or(&Json::Null)),
                )
            };
            Json::Object(fields.iter().map(field).collect())
        }
        (ColumnType::Struct(fields), Json::Array(places)) => {
            let field = |(place, (name, kind)): (usize, &(String, ColumnType))| {
                (
                    name.clone(),
                    wanted(kind, places.get(place).unwrap_or(&Json::Null)),
                )
            };
            Json::Object(fields.iter().enumerate().map(field).collect())
        }
        (_, value) => value.clone(),
    }
}

/// All rows as JSON, a list of cells each.
fn cells(batch: &RecordBatch) -> Vec<Vec<Json>> {
    let row = |row| {
        batch
            .columns()
            .iter()
            .map(|column| cell(column, row))
            .collect()
    };
    (0..batch.num_rows()).map(row).collect()
}
