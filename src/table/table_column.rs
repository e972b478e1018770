//! The columns of tables: those of the source and those that the program adds.

use super::column_names::{
    EXPORTED_AT, RUN_ID, SCALAR_COLUMN, SNAPSHOT_DATE, TARGET, parameter_column,
};
use super::column_type::ColumnType;
use super::recorded_column::RecordedColumn;
use crate::catalog::{Column, Endpoint, Measure};
use crate::error::{Error, ErrorCode, Result};

/// A column of a table that the program fills itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// One line on it.
    pub description: &'static str,
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it is ours (`_…`) and not the source's.
    pub is_metadata: bool,
    /// Whether the source says that it may be null. In the file every column may.
    pub source_nullable: bool,
    /// One line on it; empty where none is written.
    pub description: String,
    /// What its numbers measure.
    pub measure: Option<Measure>,
    /// Units that it adds to each row; 0 for metadata.
    pub units: u64,
}

impl TableColumn {
    /// A column that the program fills.
    pub(super) fn metadata(name: &str, kind: ColumnType, description: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            is_metadata: true,
            source_nullable: false,
            description: description.to_owned(),
            measure: None,
            units: 0,
        }
    }

    /// A column of the source.
    pub(super) fn of_source(column: &Column) -> Self {
        Self {
            name: column.name.clone(),
            kind: ColumnType::from(&column.kind),
            is_metadata: false,
            source_nullable: column.nullable,
            description: column.description.clone(),
            measure: column.measure,
            units: column.units,
        }
    }

    /// The one column of an endpoint that answers with plain values.
    pub(super) fn of_scalars(endpoint: &Endpoint) -> Self {
        let mut column = match endpoint.columns.first() {
            Some(column) => Self::of_source(column),
            None => Self::metadata("", ColumnType::Text, ""),
        };
        SCALAR_COLUMN.clone_into(&mut column.name);
        column.is_metadata = false;
        column
    }

    /// A recorded column that is not selected any more.
    ///
    /// # Errors
    /// [`ErrorCode::Schema`] if its type is unknown.
    pub(super) fn unselected(recorded: &RecordedColumn) -> Result<Self> {
        let Some(kind) = ColumnType::parse(&recorded.kind) else {
            let message = format!(
                "column `{}` has the unknown recorded type `{}`",
                recorded.name, recorded.kind
            );
            return Err(Error::new(ErrorCode::Schema, message)
                .with_hint("use the newest backhaul, or give the report a new name"));
        };
        let description = "no longer selected: null in newer rows";
        let mut column = Self::metadata(&recorded.name, kind, description);
        column.is_metadata = recorded.name.starts_with('_');
        column.source_nullable = true;
        Ok(column)
    }
}

/// The columns that precede those of the report in every table.
pub(super) fn metadata_columns(parameters: &[String]) -> Vec<TableColumn> {
    let fixed = [
        (
            TARGET,
            ColumnType::Text,
            "name of the target, as configured",
        ),
        (
            SNAPSHOT_DATE,
            ColumnType::Date,
            "the night that the row belongs to",
        ),
        (
            EXPORTED_AT,
            ColumnType::Timestamp,
            "when the answer that holds the row was saved",
        ),
        (RUN_ID, ColumnType::Text, "the run that fetched the row"),
    ];
    let mut columns = Vec::with_capacity(fixed.len() + parameters.len());
    for (name, kind, description) in fixed {
        columns.push(TableColumn::metadata(name, kind, description));
    }
    for parameter in parameters {
        let name = parameter_column(parameter);
        let description = format!("`{parameter}` of the request");
        columns.push(TableColumn::metadata(&name, ColumnType::Text, &description));
    }
    columns
}

/// A column of the endpoint.
///
/// # Errors
/// [`ErrorCode::Column`] if it has none of this name.
pub fn source_column<'a>(endpoint: &'a Endpoint, name: &str) -> Result<&'a Column> {
    endpoint.column(name).ok_or_else(|| {
        let message = format!("{} has no column `{name}`", endpoint.name);
        Error::new(ErrorCode::Column, message)
            .with_hint(format!("backhaul catalog {}", endpoint.name))
    })
}
