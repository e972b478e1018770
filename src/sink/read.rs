//! Reading files back: for `verify`, for rows that a new commit keeps, and for tests.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::ParquetMetaData;
use sha2::{Digest, Sha256};

use super::destination;
use crate::error::{Code, Error, Result};
use crate::model::hex;
use crate::table::manifest::FileEntry;

/// Rows of a batch that is read.
const BATCH_ROWS: usize = 8_192;

/// Bytes that are hashed at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// The batches of a file.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    name: String,
    schema: SchemaRef,
}

impl Batches {
    /// The schema of the batches: what was asked for, in the file's order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| damaged(&self.name, error)))
    }
}

/// Reads a Parquet file batch by batch, all columns or only those named. A named column that the file lacks is left out.
///
/// # Errors
/// [`Code::Destination`] if it cannot be opened, [`Code::Corrupt`] if it is no whole Parquet file.
pub fn read_batches(path: &Path, columns: Option<&[&str]>) -> Result<Batches> {
    read(path, columns, None)
}

/// Reads some rows of a file, counted from 0, as [`read_batches`] does.
///
/// # Errors
/// As [`read_batches`].
pub fn read_rows(path: &Path, columns: Option<&[&str]>, rows: Range<usize>) -> Result<Batches> {
    read(path, columns, Some(rows))
}

fn read(path: &Path, columns: Option<&[&str]>, rows: Option<Range<usize>>) -> Result<Batches> {
    let name = path.display().to_string();
    let file = open(path)?;
    let mut builder =
        ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| damaged(&name, error))?;
    if let Some(columns) = columns {
        let roots = builder.schema().fields().iter().enumerate();
        let wanted = roots
            .filter(|(_, field)| columns.contains(&field.name().as_str()))
            .map(|(root, _)| root);
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted.collect::<Vec<_>>());
        builder = builder.with_projection(mask);
    }
    if let Some(rows) = rows {
        let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let end = rows.end.min(total);
        let rows = rows.start.min(end)..end;
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(
            [rows].into_iter(),
            total,
        ));
    }
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| damaged(&name, error))?;
    let schema = arrow::array::RecordBatchReader::schema(&reader);
    Ok(Batches {
        reader,
        name,
        schema,
    })
}

/// What a file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Rows, by the footer.
    pub rows: u64,
    /// Rows of each row group.
    pub row_groups: Vec<u64>,
    /// Our entries of the footer, without their prefix: `commit_id`, `responses_hash`…
    pub footer: Vec<(String, String)>,
    /// The columns that it says its rows are sorted by, each ascending with nulls first; none if it says nothing of the
    /// kind, or not the same of all row groups.
    pub sorted_by: Vec<String>,
    /// The schema.
    pub schema: SchemaRef,
}

/// Reads a file's footer.
///
/// # Errors
/// As [`read_batches`].
pub fn file_facts(path: &Path) -> Result<FileFacts> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?)
        .map_err(|error| damaged(&path.display().to_string(), error))?;
    let metadata = builder.metadata();
    let count = |rows: i64| u64::try_from(rows).unwrap_or(0);
    let pairs = metadata
        .file_metadata()
        .key_value_metadata()
        .into_iter()
        .flatten();
    let footer = pairs.filter_map(|pair| {
        let key = pair.key.strip_prefix("backhaul.")?;
        Some((key.to_owned(), pair.value.clone().unwrap_or_default()))
    });
    Ok(FileFacts {
        rows: count(metadata.file_metadata().num_rows()),
        row_groups: metadata
            .row_groups()
            .iter()
            .map(|group| count(group.num_rows()))
            .collect(),
        footer: footer.collect(),
        sorted_by: sorted_by(metadata),
        schema: Arc::new(Schema::new(builder.schema().fields().clone())),
    })
}

fn sorted_by(metadata: &ParquetMetaData) -> Vec<String> {
    let leaves = metadata.file_metadata().schema_descr();
    let mut claims = metadata.row_groups().iter().map(|group| {
        let sorting = group
            .sorting_columns()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let claimed = sorting
            .iter()
            .take_while(|column| !column.descending && column.nulls_first);
        let leaf = |column: i32| {
            leaves
                .columns()
                .get(usize::try_from(column).ok()?)?
                .path()
                .parts()
                .first()
                .cloned()
        };
        claimed
            .map_while(|column| leaf(column.column_idx))
            .collect::<Vec<String>>()
    });
    let first = claims.next().unwrap_or_default();
    if claims.all(|claim| claim == first) {
        first
    } else {
        Vec::new()
    }
}

/// What a manifest should say of a file: read and hashed as it lies there.
///
/// # Errors
/// As [`read_batches`].
pub fn describe_file(path: &Path) -> Result<FileEntry> {
    let rows = file_facts(path)?.rows;
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let count = file
            .read(&mut chunk)
            .map_err(|error| unreadable(path, error))?;
        if count == 0 {
            break;
        }
        hash.update(chunk.get(..count).unwrap_or_default());
        bytes += u64::try_from(count).unwrap_or(0);
    }
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(FileEntry {
        name,
        rows,
        bytes,
        sha256: hex(&hash.finalize()),
        tasks: Vec::new(),
    })
}

pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: io::Error) -> Error {
    destination("cannot read a file of the table", error)
        .with_context("path", path.display().to_string())
}

pub(super) fn damaged(
    name: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::new(
        Code::Corrupt,
        "a file of the table cannot be read as Parquet",
    )
    .with_context("path", name.to_owned())
    .with_source(error)
}
