//! The columns that all rows of a task share, and how they are added to its rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate, Utc};

use super::error::mismatched_columns;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{RunId, TaskId};
use crate::table::{EXPORTED_AT, RUN_ID, SNAPSHOT_DATE, TARGET, TableSchema, parameter_column};

/// What all rows of a task share.
#[derive(Debug, Clone)]
pub struct TaskColumns {
    /// The task: entries of files name the tasks whose rows they hold.
    pub task: TaskId,
    /// Folder of its files inside the partition, for example `target=acme`; empty: the partition's own.
    pub folder: String,
    /// Name of the target; empty for a task without one.
    pub target: String,
    /// The night.
    pub snapshot_date: NaiveDate,
    /// When its answer was saved.
    pub exported_at: DateTime<Utc>,
    /// The run that fetched it.
    pub run_id: RunId,
    /// Its parameters; one that the table knows and the task lacks is null.
    pub parameters: BTreeMap<String, String>,
}

/// Position of a task among the tasks of a sorted partition: by folder, target, then parameters in the table's order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortPosition {
    folder: String,
    target: String,
    parameters: Vec<Option<String>>,
}

impl TaskColumns {
    /// Position of the task in a partition of this table.
    pub fn sort_position(&self, schema: &TableSchema) -> SortPosition {
        let mut parameters = Vec::with_capacity(schema.parameters().len());
        for name in schema.parameters() {
            parameters.push(self.parameters.get(name).cloned());
        }
        SortPosition {
            folder: self.folder.clone(),
            target: self.target.clone(),
            parameters,
        }
    }
}

/// Brings batches into the columns of a table.
pub(super) struct TaskColumnsFiller {
    schema: Arc<TableSchema>,
    task: Option<TaskColumns>,
    /// The task's columns by name, each of `num_rows` rows.
    constants: BTreeMap<String, ArrayRef>,
    num_rows: usize,
}

impl TaskColumnsFiller {
    pub fn new(schema: Arc<TableSchema>) -> Self {
        Self {
            schema,
            task: None,
            constants: BTreeMap::new(),
            num_rows: 0,
        }
    }

    pub fn schema(&self) -> &TableSchema {
        &self.schema
    }

    /// The task whose rows come.
    pub fn task(&self) -> Option<&TaskId> {
        Some(&self.task.as_ref()?.task)
    }

    /// Folder of its files; the partition's own without a task.
    pub fn folder(&self) -> &str {
        match &self.task {
            Some(task) => &task.folder,
            None => "",
        }
    }

    /// Whether there is a task.
    pub fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// The rows that follow belong to this task; to none: they bring their own metadata columns.
    pub fn set_task(&mut self, task: Option<TaskColumns>) {
        self.task = task;
        self.constants.clear();
        self.num_rows = 0;
    }

    /// The batch in the table's columns: its own, else the task's, else nulls.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the batch has a column that the table lacks, or of another type.
    pub fn fill(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = Arc::clone(self.schema.arrow());
        for field in batch.schema().fields() {
            if schema.index_of(field.name()).is_err() {
                let table = self.schema.name();
                let message = format!("the table {table} has no column `{}`", field.name());
                return Err(Error::new(ErrorCode::Internal, message));
            }
        }
        let num_rows = batch.num_rows();
        self.extend_constants(num_rows);
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name();
            let column = if let Some(column) = batch.column_by_name(name) {
                Arc::clone(column)
            } else if let Some(constant) = self.constants.get(name) {
                constant.slice(0, num_rows)
            } else {
                new_null_array(field.data_type(), num_rows)
            };
            columns.push(column);
        }
        RecordBatch::try_new(schema, columns).map_err(|error| {
            mismatched_columns(error).with_context("table", self.schema.name().to_owned())
        })
    }

    /// Makes sure that the task's columns have so many rows.
    fn extend_constants(&mut self, num_rows: usize) {
        let Some(task) = &self.task else { return };
        if self.num_rows >= num_rows {
            return;
        }
        self.num_rows = num_rows;
        let date = Date32Type::from_naive_date(task.snapshot_date);
        let time =
            TimestampMicrosecondArray::from_value(task.exported_at.timestamp_micros(), num_rows);
        let constants = &mut self.constants;
        // A task without a target has none: null.
        if !task.target.is_empty() {
            constants.insert(TARGET.to_owned(), repeated(&task.target, num_rows));
        }
        constants.insert(
            SNAPSHOT_DATE.to_owned(),
            Arc::new(Date32Array::from_value(date, num_rows)),
        );
        constants.insert(EXPORTED_AT.to_owned(), Arc::new(time.with_timezone("UTC")));
        constants.insert(RUN_ID.to_owned(), repeated(task.run_id.as_str(), num_rows));
        for name in self.schema.parameters() {
            if let Some(value) = task.parameters.get(name) {
                constants.insert(parameter_column(name), repeated(value, num_rows));
            }
        }
    }
}

fn repeated(value: &str, num_rows: usize) -> ArrayRef {
    let values = std::iter::repeat_n(value, num_rows);
    Arc::new(StringArray::from_iter_values(values))
}
