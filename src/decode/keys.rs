//! Key values for paging, taken from the decoded columns.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;

use crate::model::Value;

/// The values of the key columns, row by row.
///
/// # Errors
/// An [`ArrowError`] for a type that no key column has; the catalog's tests exclude it.
pub(super) fn key_values(columns: &[ArrayRef], num_rows: usize) -> Result<Vec<Value>, ArrowError> {
    let mut values = Vec::with_capacity(columns.len() * num_rows);
    for row in 0..num_rows {
        for column in columns {
            values.push(key_value(column, row)?);
        }
    }
    Ok(values)
}

/// Dates become text, which orders as dates do. Floats are keys of rankings only.
fn key_value(column: &ArrayRef, row: usize) -> Result<Value, ArrowError> {
    if column.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match column.data_type() {
        DataType::Boolean => Value::Bool(column.as_boolean().value(row)),
        DataType::Int64 => Value::Int(column.as_primitive::<Int64Type>().value(row)),
        DataType::Timestamp(_, _) => {
            Value::Time(column.as_primitive::<TimestampMicrosecondType>().value(row))
        }
        DataType::Utf8 => Value::Text(column.as_string::<i32>().value(row).into()),
        DataType::Date32 => {
            let date = column.as_primitive::<Date32Type>().value_as_date(row);
            Value::Text(date.map(|date| date.to_string()).unwrap_or_default().into())
        }
        DataType::Float64 => Value::float(column.as_primitive::<Float64Type>().value(row)),
        other => return Err(ArrowError::NotYetImplemented(format!("key of {other}"))),
    })
}
