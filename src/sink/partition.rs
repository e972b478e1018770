//! The files of one partition: tasks come in, Parquet goes out.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    new_null_array,
};
use arrow::datatypes::Date32Type;
use chrono::{DateTime, NaiveDate, Utc};
use parquet::arrow::ArrowWriter;

use super::encode::{WriterOptions, properties};
use super::tee::Hashing;
use super::{destination, internal, own_cause};
use crate::error::{Code, Error, Result};
use crate::model::TaskId;
use crate::table::manifest::FileEntry;
use crate::table::{EXPORTED_AT, RUN_ID, SNAPSHOT_DATE, TARGET, TableSchema, parameter_column};

/// Where the files of a partition go.
pub enum Output {
    /// Into a folder, which exists: as many files as their size and their folders want.
    Folder(PathBuf),
    /// Into one object of this name, whatever its size.
    Object(String, Box<dyn Write + Send>),
}

/// What all rows of a task share.
#[derive(Debug, Clone)]
pub struct TaskColumns {
    /// The task: entries of files say whose rows they hold.
    pub task: TaskId,
    /// Folder of its files inside the partition, for example `target=acme`; empty: the partition's own.
    pub folder: String,
    /// Name of the target.
    pub target: String,
    /// The night.
    pub snapshot_date: NaiveDate,
    /// When its answer was saved.
    pub exported_at: DateTime<Utc>,
    /// The run that fetched it.
    pub run_id: String,
    /// Its parameters; one that the table knows and the task lacks is null.
    pub parameters: BTreeMap<String, String>,
}

/// Bytes of rows that are encoded at a time: pages and row groups end between such parts only, so large rows must not
/// come in thousands.
const PART_BYTES: usize = 8 << 20;

/// Place of a task among the tasks of a partition: folder, target, then parameters in the table's order.
pub type TaskPlace = (String, String, Vec<Option<String>>);

impl TaskColumns {
    /// Where the task belongs among the tasks of a sorted partition.
    pub fn place(&self, schema: &TableSchema) -> TaskPlace {
        let parameters = schema
            .parameters()
            .iter()
            .map(|name| self.parameters.get(name).cloned())
            .collect();
        (self.folder.clone(), self.target.clone(), parameters)
    }
}

/// Writes the files of one partition.
///
/// Dropped without [`PartitionWriter::close`], it leaves its files for the caller to delete.
pub struct PartitionWriter {
    target: Target,
    schema: TableSchema,
    options: WriterOptions,
    /// What the rows of a sequence are sorted by; `None`: what the options say of all.
    claim: Option<Vec<String>>,
    task: Option<TaskColumns>,
    place: Option<TaskPlace>,
    constants: BTreeMap<String, ArrayRef>,
    num_constants: usize,
    file: Option<OpenFile>,
    files: Vec<FileEntry>,
}

enum Target {
    Folder(PathBuf),
    /// The stream is taken when the object is begun.
    Object(String, Option<Box<dyn Write + Send>>),
}

struct OpenFile {
    name: String,
    writer: ArrowWriter<Hashing>,
    rows: u64,
    tasks: Vec<TaskId>,
}

impl PartitionWriter {
    /// Writes where it is told to.
    pub fn new(output: Output, schema: TableSchema, options: WriterOptions) -> Self {
        let target = match output {
            Output::Folder(folder) => Target::Folder(folder),
            Output::Object(name, stream) => Target::Object(name, Some(stream)),
        };
        Self {
            target,
            schema,
            options,
            claim: None,
            task: None,
            place: None,
            constants: BTreeMap::new(),
            num_constants: 0,
            file: None,
            files: Vec::new(),
        }
    }

    /// The rows that follow belong to this task.
    ///
    /// # Errors
    /// [`Code::Internal`] if the files are said to be sorted and the task does not come after the one before.
    pub fn begin_task(&mut self, task: TaskColumns) -> Result<()> {
        let place = task.place(&self.schema);
        if self.options.sorted
            && self.claim.is_none()
            && self.place.as_ref().is_some_and(|before| *before >= place)
        {
            let message = format!("the task of {} comes out of order", place.1);
            return Err(
                Error::new(Code::Internal, message).with_context("table", self.schema.name())
            );
        }
        let is_elsewhere = self
            .place
            .as_ref()
            .is_some_and(|before| before.0 != place.0)
            && !self.is_object();
        if let Some(file) = self.file.take_if(|_| is_elsewhere) {
            self.finish(file)?;
        }
        self.place = Some(place);
        self.task = Some(task);
        self.constants.clear();
        self.num_constants = 0;
        Ok(())
    }

    /// Ends the file: what follows is a sequence of its own, of rows that are taken over from other files. Its files say
    /// that they are sorted by these columns, in this order; that is the caller's word. Without columns they say nothing.
    /// Of an object all rows are one sequence: only the first word on it counts.
    ///
    /// # Errors
    /// [`Code::Destination`] if the file cannot be written.
    pub fn begin_sequence(&mut self, sorted_by: &[String]) -> Result<()> {
        if self.is_object() && self.has_rows() {
            return Ok(());
        }
        self.place = None;
        self.task = None;
        let ended = self.file.take().map_or(Ok(()), |file| self.finish(file));
        self.claim = Some(sorted_by.to_vec());
        ended
    }

    /// Adds rows of the current task. Metadata columns are filled in where the batch has none of its own (rows copied from
    /// an older file have them); columns of the table that the batch lacks become null.
    ///
    /// # Errors
    /// [`Code::Internal`] if the batch has a column that the table lacks or types differ; [`Code::Destination`] if the file
    /// cannot be written.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.compose(batch)?;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => self.open(Some(&batch))?,
        };
        if let Some(task) = self
            .task
            .as_ref()
            .filter(|task| file.tasks.last() != Some(&task.task))
        {
            file.tasks.push(task.task.clone());
        }
        for part in parts(&batch) {
            file.writer
                .write(&part)
                .map_err(|error| self.fault(&file.name, error))?;
        }
        file.rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        let bytes = file
            .writer
            .bytes_written()
            .saturating_add(file.writer.in_progress_size());
        if u64::try_from(bytes).unwrap_or(u64::MAX) >= self.options.file_bytes && !self.is_object()
        {
            self.finish(file)?;
        } else {
            self.file = Some(file);
        }
        Ok(())
    }

    /// Whether a task was begun: its folder is that of a file without rows.
    pub fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// Whether a row was written.
    pub fn has_rows(&self) -> bool {
        self.file.is_some() || !self.files.is_empty()
    }

    /// Files that were ended so far.
    pub fn num_files(&self) -> usize {
        self.files.len()
    }

    /// Ends the files, each synced. Without a row there is one file with the whole schema, so that readers find the table.
    ///
    /// # Errors
    /// [`Code::Destination`] if a file cannot be written.
    pub fn close(mut self) -> Result<Vec<FileEntry>> {
        if self.file.is_none() && self.files.is_empty() {
            self.file = Some(self.open(None)?);
        }
        if let Some(file) = self.file.take() {
            self.finish(file)?;
        }
        Ok(std::mem::take(&mut self.files))
    }

    fn is_object(&self) -> bool {
        matches!(self.target, Target::Object(..))
    }

    /// Begins a file: its name and where its bytes go.
    fn begin(&mut self) -> Result<(String, Hashing)> {
        if let Target::Object(name, stream) = &mut self.target {
            let stream = stream.take().ok_or_else(|| {
                Error::new(Code::Internal, "an object is begun twice")
                    .with_context("table", self.schema.name())
            })?;
            return Ok((name.clone(), Hashing::stream(stream)));
        }
        let file_name = format!(
            "part-{:05}-{}.parquet",
            self.files.len(),
            self.options.commit_id
        );
        let name = match self.task.as_ref().map(|task| task.folder.as_str()) {
            None | Some("") => file_name,
            Some(folder) => format!("{folder}/{file_name}"),
        };
        let path = self.staged(&name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| self.fault(&name, error))?;
        }
        let file = File::create_new(&path).map_err(|error| self.fault(&name, error))?;
        Ok((name, Hashing::file(file)))
    }

    fn open(&mut self, first: Option<&RecordBatch>) -> Result<OpenFile> {
        let (name, file) = self.begin()?;
        let own = self.claim.is_none() && self.options.sorted;
        let sorted_by = if own {
            self.schema.file_order()
        } else {
            self.claim.clone().unwrap_or_default()
        };
        let properties = properties(&self.schema, &self.options, &sorted_by, first)?;
        let writer = ArrowWriter::try_new(file, Arc::clone(self.schema.arrow()), Some(properties))
            .map_err(|error| self.fault(&name, error))?;
        Ok(OpenFile {
            name,
            writer,
            rows: 0,
            tasks: Vec::new(),
        })
    }

    fn finish(&mut self, file: OpenFile) -> Result<()> {
        let OpenFile {
            name,
            writer,
            rows,
            tasks,
        } = file;
        let file = writer
            .into_inner()
            .map_err(|error| self.fault(&name, error))?;
        let (bytes, sha256) = file.close().map_err(|error| self.fault(&name, error))?;
        self.files.push(FileEntry {
            name,
            rows,
            bytes,
            sha256,
            tasks,
        });
        Ok(())
    }

    fn staged(&self, name: &str) -> PathBuf {
        match &self.target {
            Target::Folder(folder) => folder.join(format!("{name}{}", self.options.staged_suffix)),
            Target::Object(name, _) => PathBuf::from(name),
        }
    }

    fn fault(
        &self,
        name: &str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Error {
        let error = error.into();
        if let Some(told) = own_cause(&*error) {
            return told;
        }
        destination(&format!("cannot write {name}"), error)
            .with_context("path", self.staged(name).display().to_string())
    }

    /// The batch in the table's columns.
    fn compose(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = Arc::clone(self.schema.arrow());
        let incoming = batch.schema();
        if let Some(field) = incoming
            .fields()
            .iter()
            .find(|field| schema.index_of(field.name()).is_err())
        {
            let message = format!(
                "the table {} has no column `{}`",
                self.schema.name(),
                field.name()
            );
            return Err(Error::new(Code::Internal, message));
        }
        self.fill_constants(batch.num_rows());
        let mut columns = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            columns.push(
                match (
                    batch.column_by_name(field.name()),
                    self.constants.get(field.name()),
                ) {
                    (Some(column), _) => Arc::clone(column),
                    (None, Some(constant)) => constant.slice(0, batch.num_rows()),
                    (None, None) => new_null_array(field.data_type(), batch.num_rows()),
                },
            );
        }
        RecordBatch::try_new(schema, columns)
            .map_err(|error| internal(error).with_context("table", self.schema.name().to_owned()))
    }

    /// Makes sure that the task's columns have so many rows.
    fn fill_constants(&mut self, num_rows: usize) {
        let Some(task) = &self.task else { return };
        if self.num_constants >= num_rows {
            return;
        }
        self.num_constants = num_rows;
        let text = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values((0..num_rows).map(|_| value)))
        };
        let date = Date32Type::from_naive_date(task.snapshot_date);
        let time =
            TimestampMicrosecondArray::from_value(task.exported_at.timestamp_micros(), num_rows);
        // A task that looks up no target has none: null.
        if !task.target.is_empty() {
            self.constants.insert(TARGET.to_owned(), text(&task.target));
        }
        self.constants.insert(
            SNAPSHOT_DATE.to_owned(),
            Arc::new(Date32Array::from_value(date, num_rows)),
        );
        self.constants
            .insert(EXPORTED_AT.to_owned(), Arc::new(time.with_timezone("UTC")));
        self.constants.insert(RUN_ID.to_owned(), text(&task.run_id));
        for name in self.schema.parameters() {
            if let Some(value) = task.parameters.get(name) {
                self.constants.insert(parameter_column(name), text(value));
            }
        }
    }
}

/// The batch in parts of about [`PART_BYTES`]; as one where it is not larger.
fn parts(batch: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    let num_rows = batch.num_rows();
    let num_parts = batch.get_array_memory_size().div_ceil(PART_BYTES).max(1);
    let part_rows = num_rows.div_ceil(num_parts).max(1);
    (0..num_rows)
        .step_by(part_rows)
        .map(move |first| batch.slice(first, part_rows.min(num_rows - first)))
}
