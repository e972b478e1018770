//! What a page of one request looks like: which columns are expected, in which order, and what is done with bad values.

use super::fields::Known;
use crate::error::{Code, Error, Result};
use crate::table::{Column, ColumnType, Endpoint, SCALAR_COLUMN, Shape, source_column};

/// What happens to a value that does not fit its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnBadValue {
    /// The page fails, naming row, column and value.
    #[default]
    Fail,
    /// The value becomes null and is noted.
    Null,
}

/// A column that an answer is expected to have.
#[derive(Debug, Clone)]
pub(super) struct ExpectedColumn {
    pub name: String,
    pub kind: ColumnType,
    pub nullable: bool,
    pub values: Vec<String>,
    pub by_place: bool,
}

impl ExpectedColumn {
    fn new(name: &str, column: &Column) -> Self {
        Self {
            name: name.to_owned(),
            kind: ColumnType::from(&column.kind),
            nullable: column.nullable,
            values: column.values.clone(),
            by_place: column.by_place,
        }
    }

    /// What the fields of a row know of it.
    pub fn known(&self) -> Known<'_> {
        let Self {
            name,
            kind,
            nullable,
            values,
            by_place,
        } = self;
        Known {
            name,
            kind,
            nullable: *nullable,
            values,
            by_place: *by_place,
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
    /// For each key column its place in `expected`.
    pub(super) key: Vec<usize>,
    pub(super) on_bad_value: OnBadValue,
}

impl PageSchema {
    /// The pages of `endpoint` with the report's `columns`, in the order of `select`, and the `key` columns of the request,
    /// which may stand among them or not. Plain values have the one column `value`.
    ///
    /// # Errors
    /// [`Code::Column`] for a column that the endpoint does not have.
    pub fn new(
        endpoint: &Endpoint,
        columns: &[String],
        key: &[String],
        on_bad_value: OnBadValue,
    ) -> Result<Self> {
        let mut expected = Vec::with_capacity(columns.len() + key.len());
        if endpoint.shape == Shape::Scalars {
            expected.push(scalar(endpoint)?);
        } else {
            for column in columns {
                expected.push(expect(endpoint, column)?);
            }
        }
        let num_report_columns = expected.len();
        let mut places = Vec::with_capacity(key.len());
        for column in key {
            let known = expected.iter().position(|known| known.name == *column);
            places.push(known.unwrap_or(expected.len()));
            if known.is_none() {
                expected.push(expect(endpoint, column)?);
            }
        }
        let response_key = endpoint.response_key.clone();
        Ok(Self {
            response_key,
            shape: endpoint.shape,
            expected,
            num_report_columns,
            key: places,
            on_bad_value,
        })
    }
}

fn expect(endpoint: &Endpoint, name: &str) -> Result<ExpectedColumn> {
    Ok(ExpectedColumn::new(name, source_column(endpoint, name)?))
}

fn scalar(endpoint: &Endpoint) -> Result<ExpectedColumn> {
    let missing = || {
        Error::new(
            Code::Internal,
            format!("{} has no column in the catalog", endpoint.name),
        )
    };
    Ok(ExpectedColumn::new(
        SCALAR_COLUMN,
        endpoint.columns.first().ok_or_else(missing)?,
    ))
}
