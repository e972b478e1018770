//! What a page of one request looks like: which columns are expected, in which order, and what happens to bad values.

use super::object_reader::FieldSpec;
use super::on_bad_value::OnBadValue;
use crate::error::{Error, ErrorCode, Result};
use crate::table::{Column, ColumnType, Endpoint, SCALAR_COLUMN, Shape, source_column};

/// A column that an answer is expected to have.
#[derive(Debug, Clone)]
pub(super) struct ExpectedColumn {
    pub name: String,
    pub kind: ColumnType,
    pub nullable: bool,
    pub values: Vec<String>,
    pub is_tuple: bool,
}

impl ExpectedColumn {
    fn new(name: &str, column: &Column) -> Self {
        Self {
            name: name.to_owned(),
            kind: ColumnType::from(&column.kind),
            nullable: column.nullable,
            values: column.values.clone(),
            is_tuple: column.is_tuple,
        }
    }

    /// The field of a row that it is.
    pub fn spec(&self) -> FieldSpec<'_> {
        let Self {
            name,
            kind,
            nullable,
            values,
            is_tuple,
        } = self;
        FieldSpec {
            name,
            kind,
            nullable: *nullable,
            values,
            is_tuple: *is_tuple,
        }
    }
}

/// What a page looks like. Built once for each request shape; pages of a task that differ in their key columns have
/// different ones.
#[derive(Debug, Clone)]
pub struct PageSchema {
    pub(super) response_key: String,
    pub(super) shape: Shape,
    /// The report's columns in order, then those that only paging added.
    pub(super) expected: Vec<ExpectedColumn>,
    pub(super) num_report_columns: usize,
    /// For each key column its index in `expected`.
    pub(super) key_indices: Vec<usize>,
    pub(super) on_bad_value: OnBadValue,
}

impl PageSchema {
    /// The pages of `endpoint` with the report's `columns`, in the order of `select`, and the `key` columns of the request,
    /// which may be among them or not. Plain values have the one column `value`.
    ///
    /// # Errors
    /// [`ErrorCode::Column`] for a column that the endpoint does not have.
    pub fn new(
        endpoint: &Endpoint,
        columns: &[String],
        key: &[String],
        on_bad_value: OnBadValue,
    ) -> Result<Self> {
        let mut expected = Vec::with_capacity(columns.len() + key.len());
        if endpoint.shape == Shape::Scalars {
            expected.push(scalar_column(endpoint)?);
        } else {
            for column in columns {
                expected.push(expected_column(endpoint, column)?);
            }
        }
        let num_report_columns = expected.len();
        let mut key_indices = Vec::with_capacity(key.len());
        for column in key {
            let index = expected.iter().position(|known| known.name == *column);
            key_indices.push(index.unwrap_or(expected.len()));
            if index.is_none() {
                expected.push(expected_column(endpoint, column)?);
            }
        }
        Ok(Self {
            response_key: endpoint.response_key.clone(),
            shape: endpoint.shape,
            expected,
            num_report_columns,
            key_indices,
            on_bad_value,
        })
    }
}

fn expected_column(endpoint: &Endpoint, name: &str) -> Result<ExpectedColumn> {
    Ok(ExpectedColumn::new(name, source_column(endpoint, name)?))
}

fn scalar_column(endpoint: &Endpoint) -> Result<ExpectedColumn> {
    let Some(column) = endpoint.columns.first() else {
        let message = format!("{} has no column in the catalog", endpoint.name);
        return Err(Error::new(ErrorCode::Internal, message));
    };
    Ok(ExpectedColumn::new(SCALAR_COLUMN, column))
}
