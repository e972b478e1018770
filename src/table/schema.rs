//! The resolved schema of a table: metadata columns, then the report's own.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::column_names::{CHANGE, SCALAR_COLUMN, TARGET, parameter_column, recorded_parameters};
use super::column_type::ColumnType;
use super::recorded_column::{RecordedColumn, evolve};
use super::table_column::{SystemColumn, TableColumn, metadata_columns, source_column};
use crate::catalog::{Endpoint, Shape};
use crate::error::{Error, ErrorCode, Result};

/// The schema of one table. The order of columns is the order in every file.
#[derive(Debug, Clone)]
pub struct TableSchema {
    name: String,
    endpoint: String,
    parameters: Vec<String>,
    columns: Vec<TableColumn>,
    sort_key: Vec<String>,
    arrow: SchemaRef,
}

impl TableSchema {
    /// The schema of a report over `columns` of `endpoint` (resolved, in order), with one metadata column for each task
    /// parameter. An endpoint that answers with plain values has the one column `value`, whatever is selected.
    ///
    /// # Errors
    /// [`ErrorCode::Column`] for a column that the endpoint does not have, [`ErrorCode::Schema`] for a repeated name.
    pub fn new(
        name: &str,
        endpoint: &Endpoint,
        columns: &[String],
        parameters: &[String],
    ) -> Result<Self> {
        let mut all = metadata_columns(parameters);
        if endpoint.shape == Shape::Scalars {
            all.push(TableColumn::of_scalars(endpoint));
        } else {
            for column in columns {
                all.push(TableColumn::of_source(source_column(endpoint, column)?));
            }
        }
        if let Some(column) = first_repeated(&all) {
            let message = format!("column `{column}` is repeated in {name}");
            return Err(Error::new(ErrorCode::Schema, message));
        }
        let sort_key = match endpoint.shape {
            Shape::Scalars => vec![SCALAR_COLUMN.to_owned()],
            Shape::Rows | Shape::Record => sort_columns(endpoint, columns),
        };
        Ok(Self::build(
            name,
            &endpoint.name,
            parameters.to_vec(),
            all,
            sort_key,
        ))
    }

    /// The schema of a report of changes: with the column that says what each row is, after the other metadata.
    #[must_use]
    pub fn with_change_column(mut self) -> Self {
        let index = self
            .columns
            .iter()
            .position(|column| !column.is_metadata)
            .unwrap_or(self.columns.len());
        let description = "base: live on the first night; new: seen since; lost: gone since";
        let change = TableColumn::metadata(CHANGE, ColumnType::Text, description);
        self.columns.insert(index, change);
        Self::build(
            &self.name,
            &self.endpoint,
            self.parameters,
            self.columns,
            self.sort_key,
        )
    }

    /// The schema of a table that the program fills itself.
    pub fn for_system_table(name: &str, columns: Vec<SystemColumn>, sort_key: &[&str]) -> Self {
        let mut all = Vec::with_capacity(columns.len());
        for column in columns {
            all.push(TableColumn::metadata(
                column.name,
                column.kind,
                column.description,
            ));
        }
        let sort_key = sort_key.iter().map(|name| (*name).to_owned()).collect();
        let endpoint = format!("backhaul/{name}");
        Self::build(name, &endpoint, Vec::new(), all, sort_key)
    }

    fn build(
        name: &str,
        endpoint: &str,
        parameters: Vec<String>,
        columns: Vec<TableColumn>,
        sort_key: Vec<String>,
    ) -> Self {
        let mut fields = Vec::with_capacity(columns.len());
        for column in &columns {
            fields.push(column.kind.field(&column.name));
        }
        Self {
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
            parameters,
            columns,
            sort_key,
            arrow: Arc::new(Schema::new(fields)),
        }
    }

    /// The schema that a table gets for which these columns are recorded: recorded columns keep their position, also those
    /// that are no longer selected; new ones follow.
    ///
    /// # Errors
    /// [`ErrorCode::Schema`] if a type would change or a recorded type is unknown.
    pub fn evolved_from(&self, recorded: &[RecordedColumn]) -> Result<Self> {
        let merged = evolve(recorded, &self.recorded_columns())
            .map_err(|error| error.with_context("table", &self.name))?;
        let mut columns = Vec::with_capacity(merged.len());
        for column in merged {
            match self.column(&column.name) {
                Some(wanted) => columns.push(wanted.clone()),
                None => columns.push(TableColumn::unselected(&column)?),
            }
        }
        // Rows of earlier tasks keep the parameters that they had.
        let mut parameters = self.parameters.clone();
        for parameter in recorded_parameters(recorded) {
            if !parameters.contains(&parameter) {
                parameters.push(parameter);
            }
        }
        Ok(Self::build(
            &self.name,
            &self.endpoint,
            parameters,
            columns,
            self.sort_key.clone(),
        ))
    }

    /// The schema of a table as it is recorded, for rows that are only taken over: it does not matter which report filled
    /// it, or whether one still does. It has no sort key.
    ///
    /// # Errors
    /// [`ErrorCode::Schema`] if a recorded type is unknown.
    pub fn from_recorded(name: &str, endpoint: &str, recorded: &[RecordedColumn]) -> Result<Self> {
        let mut columns = Vec::with_capacity(recorded.len());
        for column in recorded {
            columns.push(TableColumn::unselected(column)?);
        }
        let parameters = recorded_parameters(recorded);
        Ok(Self::build(name, endpoint, parameters, columns, Vec::new()))
    }

    /// What a manifest records of the columns.
    pub fn recorded_columns(&self) -> Vec<RecordedColumn> {
        let mut recorded = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            recorded.push(RecordedColumn {
                name: column.name.clone(),
                kind: column.kind.to_string(),
            });
        }
        recorded
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Catalog name of the endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The task parameters that have a metadata column, in order.
    pub fn parameters(&self) -> &[String] {
        &self.parameters
    }

    /// All columns, in the order of every file.
    pub fn columns(&self) -> &[TableColumn] {
        &self.columns
    }

    /// One column by name.
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The report's columns by which rows of a task are sorted.
    pub fn sort_key(&self) -> &[String] {
        &self.sort_key
    }

    /// Columns by which a whole file is sorted: target, parameters, then the sort key.
    pub fn file_order(&self) -> Vec<String> {
        let mut order = vec![TARGET.to_owned()];
        for parameter in &self.parameters {
            order.push(parameter_column(parameter));
        }
        order.extend_from_slice(&self.sort_key);
        order
    }

    /// The Arrow schema.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }
}

/// The first name that repeats an earlier one; letter case does not tell names apart.
fn first_repeated(columns: &[TableColumn]) -> Option<&str> {
    for (index, column) in columns.iter().enumerate() {
        for earlier in columns.iter().take(index) {
            if earlier.name.eq_ignore_ascii_case(&column.name) {
                return Some(&column.name);
            }
        }
    }
    None
}

/// The columns by which a task's rows are sorted: the catalog's sort key as far as it is selected and can be ordered;
/// where the catalog names none, the column of a history's days, else the first selected column that can be ordered.
fn sort_columns(endpoint: &Endpoint, selected: &[String]) -> Vec<String> {
    let mut sort_key = Vec::new();
    for name in &endpoint.sort_key {
        if selected.contains(name) && is_sortable(endpoint, name) {
            sort_key.push(name.clone());
        }
    }
    if !sort_key.is_empty() {
        return sort_key;
    }
    if let Some(column) = endpoint.history_column()
        && selected.contains(&column.name)
        && is_sortable(endpoint, &column.name)
    {
        return vec![column.name.clone()];
    }
    let first = selected.iter().find(|name| is_sortable(endpoint, name));
    first.cloned().into_iter().collect()
}

fn is_sortable(endpoint: &Endpoint, name: &str) -> bool {
    match endpoint.column(name) {
        Some(column) => ColumnType::from(&column.kind).is_sortable(),
        None => false,
    }
}
