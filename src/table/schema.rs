//! The resolved schema of a table: metadata columns, then the report's own.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};

use super::{ColumnType, RecordedColumn, evolve};
use crate::catalog::{Column, Endpoint, Measure, Shape};
use crate::error::{Code, Error, Result};

/// Name of the target, as configured.
pub const TARGET: &str = "_target";
/// The night that the row belongs to.
pub const SNAPSHOT_DATE: &str = "_snapshot_date";
/// When the answer that holds the row was saved.
pub const EXPORTED_AT: &str = "_exported_at";
/// The run that fetched the row.
pub const RUN_ID: &str = "_run_id";
/// What a row of a report of changes is: `base`, `new` or `lost`.
pub const CHANGE: &str = "_change";
/// The one column of an endpoint that answers with plain values.
pub const SCALAR_COLUMN: &str = "value";

/// The table that says what became of every task.
pub const COVERAGE: &str = "coverage";
/// The table of targets and their labels.
pub const TARGETS: &str = "targets";

/// Whether a table is one that the program fills itself, not a report's.
pub fn is_system_table(name: &str) -> bool {
    [COVERAGE, TARGETS].contains(&name)
}

/// A column of a table that the program fills itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub kind: ColumnType,
    /// One line on it.
    pub description: &'static str,
}

/// Name of the column that holds a task parameter: `country` → `_country`.
pub fn parameter_column(parameter: &str) -> String {
    format!("_{parameter}")
}

/// One column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableColumn {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it is ours (`_…`) and not the source's.
    pub metadata: bool,
    /// Whether the source says that it may be null. In the file every column may.
    pub source_nullable: bool,
    /// One line on it; empty where none is written.
    pub description: String,
    /// What its numbers measure.
    pub measure: Option<Measure>,
    /// Units that it adds to each row; 0 for metadata.
    pub units: u64,
}

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
    /// [`Code::Column`] for a column that the endpoint does not have, [`Code::Schema`] for a name that stands twice.
    pub fn new(
        name: &str,
        endpoint: &Endpoint,
        columns: &[String],
        parameters: &[String],
    ) -> Result<Self> {
        let mut all = metadata_columns(parameters);
        if endpoint.shape == Shape::Scalars {
            all.push(scalar_column(endpoint));
        } else {
            for column in columns {
                all.push(report_column(source_column(endpoint, column)?));
            }
        }
        for (index, column) in all.iter().enumerate() {
            if all
                .iter()
                .take(index)
                .any(|earlier| earlier.name.eq_ignore_ascii_case(&column.name))
            {
                return Err(Error::new(
                    Code::Schema,
                    format!("column `{}` stands twice in {name}", column.name),
                ));
            }
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

    /// The same for a report of changes: with the column that says what each row is, behind the other metadata.
    #[must_use]
    pub fn with_change(mut self) -> Self {
        let place = self
            .columns
            .iter()
            .position(|column| !column.metadata)
            .unwrap_or(self.columns.len());
        let description = "base: live on the first night; new: seen since; lost: gone since";
        self.columns
            .insert(place, metadata(CHANGE, ColumnType::Text, description));
        Self::build(
            &self.name,
            &self.endpoint,
            self.parameters,
            self.columns,
            self.sort_key,
        )
    }

    /// The schema of a table that the program fills itself.
    pub fn of_program(name: &str, columns: Vec<ProgramColumn>, sort_key: &[&str]) -> Self {
        let columns: Vec<TableColumn> = columns
            .into_iter()
            .map(|column| metadata(column.name, column.kind, column.description))
            .collect();
        let sort_key = sort_key.iter().map(|name| (*name).to_owned()).collect();
        Self::build(
            name,
            &format!("backhaul/{name}"),
            Vec::new(),
            columns,
            sort_key,
        )
    }

    fn build(
        name: &str,
        endpoint: &str,
        parameters: Vec<String>,
        columns: Vec<TableColumn>,
        sort_key: Vec<String>,
    ) -> Self {
        let fields: Vec<_> = columns
            .iter()
            .map(|column| column.kind.field(&column.name))
            .collect();
        let (name, endpoint) = (name.to_owned(), endpoint.to_owned());
        Self {
            name,
            endpoint,
            parameters,
            columns,
            sort_key,
            arrow: Arc::new(Schema::new(fields)),
        }
    }

    /// The schema that the table has after this one was laid over what was recorded for it: recorded columns keep their
    /// place, also those that are no longer selected; new ones follow.
    ///
    /// # Errors
    /// [`Code::Schema`] if a type would change or a recorded type is unknown.
    pub fn over(&self, recorded: &[RecordedColumn]) -> Result<Self> {
        let merged = evolve(recorded, &self.recorded())
            .map_err(|error| error.with_context("table", &self.name))?;
        let mut columns = Vec::with_capacity(merged.len());
        for column in merged {
            match self.column(&column.name) {
                Some(wanted) => columns.push(wanted.clone()),
                None => columns.push(unselected_column(&column)?),
            }
        }
        // Rows of tasks from before keep the parameters that they had.
        let mut parameters = self.parameters.clone();
        parameters
            .extend(recorded_parameters(recorded).filter(|name| !self.parameters.contains(name)));
        Ok(Self::build(
            &self.name,
            &self.endpoint,
            parameters,
            columns,
            self.sort_key.clone(),
        ))
    }

    /// The schema of a table as it is recorded, for rows that are only taken over: whoever filled it, and whether or not a
    /// report of the configuration still does. It says nothing of how the rows of a task are sorted.
    ///
    /// # Errors
    /// [`Code::Schema`] if a recorded type is unknown.
    pub fn of_record(name: &str, endpoint: &str, recorded: &[RecordedColumn]) -> Result<Self> {
        let columns = recorded
            .iter()
            .map(unselected_column)
            .collect::<Result<Vec<_>>>()?;
        Ok(Self::build(
            name,
            endpoint,
            recorded_parameters(recorded).collect(),
            columns,
            Vec::new(),
        ))
    }

    /// What a manifest records of the columns.
    pub fn recorded(&self) -> Vec<RecordedColumn> {
        let record = |column: &TableColumn| RecordedColumn {
            name: column.name.clone(),
            kind: column.kind.to_string(),
        };
        self.columns.iter().map(record).collect()
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
        order.extend(
            self.parameters
                .iter()
                .map(|parameter| parameter_column(parameter)),
        );
        order.extend(self.sort_key.iter().cloned());
        order
    }

    /// The Arrow schema.
    pub fn arrow(&self) -> &SchemaRef {
        &self.arrow
    }
}

/// The columns by which a task's rows are sorted: the catalog's sort key as far as it is selected and can be ordered;
/// where the catalog names none, the first selected column that can be.
fn sort_columns(endpoint: &Endpoint, selected: &[String]) -> Vec<String> {
    let sortable = |name: &&String| {
        selected.contains(name)
            && endpoint
                .column(name)
                .is_some_and(|column| ColumnType::from(&column.kind).is_sortable())
    };
    let named: Vec<String> = endpoint.sort_key.iter().filter(sortable).cloned().collect();
    if !named.is_empty() {
        return named;
    }
    let dated = endpoint
        .history_column()
        .map(|column| &column.name)
        .filter(sortable);
    dated
        .or_else(|| selected.iter().find(sortable))
        .cloned()
        .into_iter()
        .collect()
}

/// A column of the endpoint.
///
/// # Errors
/// [`Code::Column`], naming the nearest column.
pub fn source_column<'a>(endpoint: &'a Endpoint, name: &str) -> Result<&'a Column> {
    endpoint.column(name).ok_or_else(|| {
        Error::new(
            Code::Column,
            format!("{} has no column `{name}`", endpoint.name),
        )
        .with_next(format!("backhaul catalog {}", endpoint.name))
    })
}

/// The task parameters among recorded columns.
pub fn recorded_parameters(recorded: &[RecordedColumn]) -> impl Iterator<Item = String> {
    let is_ours = |name: &str| [TARGET, SNAPSHOT_DATE, EXPORTED_AT, RUN_ID, CHANGE].contains(&name);
    let names = recorded
        .iter()
        .map(|column| column.name.as_str())
        .filter(move |name| !is_ours(name));
    names.filter_map(|name| name.strip_prefix('_').map(str::to_owned))
}

fn metadata_columns(parameters: &[String]) -> Vec<TableColumn> {
    let mut columns = vec![
        metadata(
            TARGET,
            ColumnType::Text,
            "name of the target, as configured",
        ),
        metadata(
            SNAPSHOT_DATE,
            ColumnType::Date,
            "the night that the row belongs to",
        ),
        metadata(
            EXPORTED_AT,
            ColumnType::Timestamp,
            "when the answer that holds the row was saved",
        ),
        metadata(RUN_ID, ColumnType::Text, "the run that fetched the row"),
    ];
    for parameter in parameters {
        let description = format!("`{parameter}` of the request");
        columns.push(metadata(
            &parameter_column(parameter),
            ColumnType::Text,
            &description,
        ));
    }
    columns
}

fn metadata(name: &str, kind: ColumnType, description: &str) -> TableColumn {
    TableColumn {
        name: name.to_owned(),
        kind,
        metadata: true,
        source_nullable: false,
        description: description.to_owned(),
        measure: None,
        units: 0,
    }
}

fn report_column(column: &Column) -> TableColumn {
    TableColumn {
        name: column.name.clone(),
        kind: ColumnType::from(&column.kind),
        metadata: false,
        source_nullable: column.nullable,
        description: column.description.clone(),
        measure: column.measure,
        units: column.units,
    }
}

fn scalar_column(endpoint: &Endpoint) -> TableColumn {
    let mut column = endpoint
        .columns
        .first()
        .map_or_else(|| metadata("", ColumnType::Text, ""), report_column);
    SCALAR_COLUMN.clone_into(&mut column.name);
    column.metadata = false;
    column
}

fn unselected_column(recorded: &RecordedColumn) -> Result<TableColumn> {
    let kind = ColumnType::parse(&recorded.kind).ok_or_else(|| {
        Error::new(
            Code::Schema,
            format!(
                "column `{}` has the recorded type `{}`",
                recorded.name, recorded.kind
            ),
        )
        .with_next("use the newest backhaul, or give the report a new name")
    })?;
    let mut column = metadata(
        &recorded.name,
        kind,
        "no longer selected: null in newer rows",
    );
    column.metadata = recorded.name.starts_with('_');
    column.source_nullable = true;
    Ok(column)
}
