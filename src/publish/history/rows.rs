//! Rows of a history as values: the days that they are dated, when they came, and what tells them apart.

use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, Date32Array, RecordBatch, StringArray,
    TimestampMicrosecondArray, new_null_array,
};
use arrow::datatypes::{DataType, Date32Type, TimestampMicrosecondType};
use arrow::row::{RowConverter, SortField};
use chrono::{DateTime, NaiveDate};
use sha2::{Digest as _, Sha256};

use crate::error::{Error, ErrorCode, Result};
use crate::sink::TaskColumns;
use crate::table::{EXPORTED_AT, RUN_ID, SNAPSHOT_DATE, TARGET, TableSchema, parameter_column};

/// The days of rows, by the column that dates them.
///
/// # Errors
/// [`ErrorCode::Value`] for a row without a day: nobody could tell which period it belongs to.
pub(crate) fn days(batch: &RecordBatch, column: &str) -> Result<Vec<NaiveDate>> {
    let values = batch.column_by_name(column);
    let values = values.ok_or_else(|| {
        Error::new(
            ErrorCode::Corrupt,
            format!("rows of a history lack the column `{column}`"),
        )
    })?;
    let day = |row: usize| match values.data_type() {
        _ if values.is_null(row) => None,
        DataType::Date32 => {
            Date32Type::to_naive_date_opt(values.as_primitive::<Date32Type>().value(row))
        }
        DataType::Timestamp(_, _) => {
            let time = values
                .as_primitive_opt::<TimestampMicrosecondType>()?
                .value(row);
            DateTime::from_timestamp_micros(time).map(|time| time.date_naive())
        }
        _ => None,
    };
    (0..batch.num_rows())
        .map(|row| {
            day(row).ok_or_else(|| {
                Error::new(
                    ErrorCode::Value,
                    format!("a row of a history has no day in `{column}`"),
                )
                .with_context("row", (row + 1).to_string())
                .with_hint("nothing was committed and the answer is saved; report it to the vendor")
            })
        })
        .collect()
}

/// When the answers were saved that rows came with, in microseconds since 1970.
///
/// # Errors
/// [`ErrorCode::Corrupt`] if the rows lack the column.
pub(crate) fn times(batch: &RecordBatch) -> Result<Vec<i64>> {
    let column = batch
        .column_by_name(EXPORTED_AT)
        .and_then(|of| of.as_primitive_opt::<TimestampMicrosecondType>());
    let column = column.ok_or_else(|| {
        Error::new(
            ErrorCode::Corrupt,
            format!("rows of a table lack `{EXPORTED_AT}`"),
        )
    })?;
    Ok(column.values().to_vec())
}

/// Rows in all columns of their table. With the task's columns the metadata is filled in; rows of a file have their own.
///
/// # Errors
/// [`ErrorCode::Schema`] for a column that the table did not have when the merge began.
pub(crate) fn complete(
    schema: &TableSchema,
    batch: &RecordBatch,
    task: Option<&TaskColumns>,
) -> Result<RecordBatch> {
    let incoming = batch.schema();
    if let Some(field) = incoming
        .fields()
        .iter()
        .find(|field| schema.column(field.name()).is_none())
    {
        let message = format!(
            "another process has brought the column `{}` to {} meanwhile",
            field.name(),
            schema.name()
        );
        return Err(Error::new(ErrorCode::Schema, message)
            .with_hint("run the same command again: what was paid for is saved"));
    }
    let columns = schema.arrow().fields().iter().map(|field| {
        let own = || task.and_then(|task| constant(task, field.name(), batch.num_rows()));
        let column = batch.column_by_name(field.name()).cloned().or_else(own);
        column.unwrap_or_else(|| new_null_array(field.data_type(), batch.num_rows()))
    });
    RecordBatch::try_new(Arc::clone(schema.arrow()), columns.collect()).map_err(|error| {
        Error::new(
            ErrorCode::Internal,
            "rows of a history do not fit their table",
        )
        .with_source(error)
    })
}

/// The column of a name that is the same in all rows of a task.
fn constant(task: &TaskColumns, name: &str, rows: usize) -> Option<ArrayRef> {
    let text = |value: &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values((0..rows).map(|_| value)))
    };
    match name {
        // A task that looks up no target has none: null.
        TARGET => (!task.target.is_empty()).then(|| text(&task.target)),
        RUN_ID => Some(text(task.run_id.as_str())),
        SNAPSHOT_DATE => Some(Arc::new(Date32Array::from_value(
            Date32Type::from_naive_date(task.snapshot_date),
            rows,
        ))),
        EXPORTED_AT => {
            let times =
                TimestampMicrosecondArray::from_value(task.exported_at.timestamp_micros(), rows);
            Some(Arc::new(times.with_timezone("UTC")))
        }
        _ => {
            let (_, value) = task
                .parameters
                .iter()
                .find(|(parameter, _)| parameter_column(parameter) == name)?;
            Some(text(value))
        }
    }
}

/// Digests of whole rows, so that their order hangs on their values alone.
pub(crate) struct Digester(RowConverter);

impl Digester {
    /// For rows in all columns of a table.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if a column cannot be compared: a defect.
    pub fn new(schema: &TableSchema) -> Result<Self> {
        let fields = schema
            .arrow()
            .fields()
            .iter()
            .map(|field| SortField::new(field.data_type().clone()));
        RowConverter::new(fields.collect())
            .map(Self)
            .map_err(incomparable)
    }

    /// The digests of a batch's rows.
    ///
    /// # Errors
    /// As [`Digester::new`].
    pub fn digests(&mut self, batch: &RecordBatch) -> Result<Vec<u128>> {
        let rows = self
            .0
            .convert_columns(batch.columns())
            .map_err(incomparable)?;
        let digest = |bytes: &[u8]| {
            let hash = Sha256::digest(bytes);
            hash.iter()
                .take(16)
                .fold(0_u128, |digest, byte| (digest << 8) | u128::from(*byte))
        };
        Ok(rows.iter().map(|row| digest(row.data())).collect())
    }
}

fn incomparable(error: arrow::error::ArrowError) -> Error {
    Error::new(ErrorCode::Internal, "rows of a history cannot be compared").with_source(error)
}

/// Rows that do not go with a mask or with each other: a defect.
pub(crate) fn unfit(error: arrow::error::ArrowError) -> Error {
    Error::new(ErrorCode::Internal, "rows of a history do not fit together").with_source(error)
}
