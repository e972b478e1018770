//! Encodes batches into files and starts a new file at a size.

use std::sync::Arc;

use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;

use super::encode::{WriterOptions, file_properties};
use super::file_locations::{FileLocations, Output};
use super::hashing_writer::HashingWriter;
use crate::error::{Error, ErrorCode, Result};
use crate::model::TaskId;
use crate::table::TableSchema;
use crate::table::manifest::FileEntry;

/// Bytes of rows that are encoded at a time: pages and row groups end between such parts only, so large rows must not
/// come in thousands.
const PART_BYTES: usize = 8 << 20;

/// Writes files of one table, one after the other.
pub(super) struct RollingWriter {
    locations: FileLocations,
    schema: Arc<TableSchema>,
    options: WriterOptions,
    open_file: Option<OpenFile>,
    files: Vec<FileEntry>,
}

struct OpenFile {
    name: String,
    folder: String,
    writer: ArrowWriter<HashingWriter>,
    rows: u64,
    tasks: Vec<TaskId>,
}

impl RollingWriter {
    pub fn new(output: Output, schema: Arc<TableSchema>, options: WriterOptions) -> Self {
        Self {
            locations: FileLocations::new(output, &options.commit_id, &options.staged_suffix),
            schema,
            options,
            open_file: None,
            files: Vec::new(),
        }
    }

    /// Whether everything goes into one object, which never rolls.
    pub fn is_object(&self) -> bool {
        self.locations.is_object()
    }

    /// Whether a file is open.
    pub fn is_open(&self) -> bool {
        self.open_file.is_some()
    }

    /// Whether a file was started.
    pub fn has_files(&self) -> bool {
        self.open_file.is_some() || !self.files.is_empty()
    }

    /// Files that are finished.
    pub fn num_finished(&self) -> usize {
        self.files.len()
    }

    /// Starts a file in a folder of the partition. `sorted_by` goes into its footer; the first rows decide how columns are
    /// encoded.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if it cannot be created.
    pub fn open(
        &mut self,
        folder: &str,
        sorted_by: &[String],
        first: Option<&RecordBatch>,
    ) -> Result<()> {
        let properties = file_properties(&self.schema, &self.options, sorted_by, first)?;
        let (name, bytes) = self.locations.create(folder, self.files.len())?;
        let writer = ArrowWriter::try_new(bytes, Arc::clone(self.schema.arrow()), Some(properties))
            .map_err(|error| self.locations.write_error(&name, error))?;
        self.open_file = Some(OpenFile {
            name,
            folder: folder.to_owned(),
            writer,
            rows: 0,
            tasks: Vec::new(),
        });
        Ok(())
    }

    /// Adds rows of a task, in the table's columns, to the open file, and finishes it at its size.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file cannot be written, [`ErrorCode::Internal`] if none is open.
    pub fn write(&mut self, batch: &RecordBatch, task: Option<&TaskId>) -> Result<()> {
        let Some(file) = &mut self.open_file else {
            return Err(Error::new(
                ErrorCode::Internal,
                "rows are written without a file",
            ));
        };
        if let Some(task) = task
            && file.tasks.last() != Some(task)
        {
            file.tasks.push(task.clone());
        }
        for part in parts(batch) {
            file.writer
                .write(&part)
                .map_err(|error| self.locations.write_error(&file.name, error))?;
        }
        file.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if file.size() >= self.options.file_bytes && !self.is_object() {
            self.finish_file()?;
        }
        Ok(())
    }

    /// Finishes the open file if it is not in this folder. An object has no folders.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file cannot be written.
    pub fn leave_other_folder(&mut self, folder: &str) -> Result<()> {
        match &self.open_file {
            Some(file) if file.folder != folder && !self.is_object() => self.finish_file(),
            _ => Ok(()),
        }
    }

    /// Finishes the open file, if there is one, and syncs it.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file cannot be written.
    pub fn finish_file(&mut self) -> Result<()> {
        let Some(file) = self.open_file.take() else {
            return Ok(());
        };
        let OpenFile {
            name,
            folder: _,
            writer,
            rows,
            tasks,
        } = file;
        let hashing = writer
            .into_inner()
            .map_err(|error| self.locations.write_error(&name, error))?;
        let (bytes, sha256) = hashing
            .close()
            .map_err(|error| self.locations.write_error(&name, error))?;
        self.files.push(FileEntry {
            name,
            rows,
            bytes,
            sha256,
            tasks,
        });
        Ok(())
    }

    /// Finishes the open file and returns the entries of all.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file cannot be written.
    pub fn close(mut self) -> Result<Vec<FileEntry>> {
        self.finish_file()?;
        Ok(self.files)
    }
}

impl OpenFile {
    /// Bytes written and encoded so far.
    fn size(&self) -> u64 {
        let bytes = self.writer.bytes_written();
        let bytes = bytes.saturating_add(self.writer.in_progress_size());
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

/// The batch in parts of about [`PART_BYTES`]; as one where it is not larger.
fn parts(batch: &RecordBatch) -> Vec<RecordBatch> {
    let num_rows = batch.num_rows();
    let num_parts = batch.get_array_memory_size().div_ceil(PART_BYTES).max(1);
    let part_rows = num_rows.div_ceil(num_parts).max(1);
    let mut parts = Vec::with_capacity(num_parts);
    for first in (0..num_rows).step_by(part_rows) {
        parts.push(batch.slice(first, part_rows.min(num_rows - first)));
    }
    parts
}
