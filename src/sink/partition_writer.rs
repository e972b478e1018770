//! Writes the files of one partition: tasks come in, Parquet goes out.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::encode::WriterOptions;
use super::file_locations::Output;
use super::rolling_writer::RollingWriter;
use super::task_columns::{SortPosition, TaskColumns, TaskColumnsFiller};
use crate::error::{Error, ErrorCode, Result};
use crate::table::TableSchema;
use crate::table::manifest::FileEntry;

/// Writes the files of one partition.
///
/// Dropped without [`PartitionWriter::close`], it leaves its files for the caller to delete.
pub struct PartitionWriter {
    columns: TaskColumnsFiller,
    files: RollingWriter,
    order: Order,
    /// Position of the task before, where tasks must come in order.
    last_position: Option<SortPosition>,
}

/// How the rows are sorted, which the footers of the files declare.
enum Order {
    /// As the table says: tasks come in the order of their positions, each sorted by the table's sort key. A task out of
    /// order is refused; the caller ensures the order inside a task.
    Table,
    /// By these columns, which the caller ensures; by none: nothing is declared.
    Declared(Vec<String>),
}

impl PartitionWriter {
    /// Writes to an output. Tasks must come in the order of [`TaskColumns::sort_position`], each sorted by the table's sort
    /// key as [`super::SortedRows`] are; for rows of other files see [`PartitionWriter::start_sorted_run`].
    pub fn new(output: Output, schema: TableSchema, options: WriterOptions) -> Self {
        let schema = Arc::new(schema);
        Self {
            columns: TaskColumnsFiller::new(Arc::clone(&schema)),
            files: RollingWriter::new(output, schema, options),
            order: Order::Table,
            last_position: None,
        }
    }

    /// The rows that follow belong to this task.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the files are declared to be sorted and the task does not follow the one before;
    /// [`ErrorCode::Destination`] if a file that ends here cannot be written.
    pub fn begin_task(&mut self, task: TaskColumns) -> Result<()> {
        if matches!(self.order, Order::Table) {
            self.check_position(&task)?;
        }
        self.files.leave_other_folder(&task.folder)?;
        self.columns.set_task(Some(task));
        Ok(())
    }

    fn check_position(&mut self, task: &TaskColumns) -> Result<()> {
        let schema = self.columns.schema();
        let position = task.sort_position(schema);
        if let Some(last) = &self.last_position
            && *last >= position
        {
            let message = format!("the task of {} comes out of order", task.target);
            return Err(
                Error::new(ErrorCode::Internal, message).with_context("table", schema.name())
            );
        }
        self.last_position = Some(position);
        Ok(())
    }

    /// Starts a sequence of rows that are taken over from other files, in files of its own, which declare that they are
    /// sorted by these columns, which the caller ensures. Without columns they declare nothing.
    ///
    /// All rows of an object are one sequence: once it has rows, its order stays as it was declared.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file before cannot be written.
    pub fn start_sorted_run(&mut self, sorted_by: &[String]) -> Result<()> {
        if self.files.is_object() && self.has_rows() {
            return Ok(());
        }
        self.columns.set_task(None);
        self.order = Order::Declared(sorted_by.to_vec());
        self.files.finish_file()
    }

    /// Adds rows of the current task. Metadata columns are filled in where the batch has none of its own (rows copied from
    /// an older file have them); columns of the table that the batch lacks become null.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the batch has a column that the table lacks or types differ; [`ErrorCode::Destination`] if the file
    /// cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.columns.fill(batch)?;
        if !self.files.is_open() {
            let sorted_by = self.sorted_by();
            self.files
                .open(self.columns.folder(), &sorted_by, Some(&batch))?;
        }
        self.files.write(&batch, self.columns.task())
    }

    /// Whether a task was begun: a file without rows goes into its folder.
    pub fn has_task(&self) -> bool {
        self.columns.has_task()
    }

    /// Whether a row was written.
    pub fn has_rows(&self) -> bool {
        self.files.has_files()
    }

    /// Files that are finished.
    pub fn num_files(&self) -> usize {
        self.files.num_finished()
    }

    /// Finishes the files, each synced. Without a row there is one file with the whole schema, so that readers find the
    /// table.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if a file cannot be written.
    pub fn close(self) -> Result<Vec<FileEntry>> {
        let sorted_by = self.sorted_by();
        let mut files = self.files;
        if !files.has_files() {
            files.open(self.columns.folder(), &sorted_by, None)?;
        }
        files.close()
    }

    /// The columns that the footers declare the rows to be sorted by.
    fn sorted_by(&self) -> Vec<String> {
        match &self.order {
            Order::Table => self.columns.schema().file_order(),
            Order::Declared(columns) => columns.clone(),
        }
    }
}
