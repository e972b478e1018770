//! Reads files back: for `verify` and for rows that a new commit takes over.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchReader};
use arrow::datatypes::{Schema, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;

use super::encode::FOOTER_PREFIX;
use super::error::{corrupt_file, file_error};
use crate::error::{Error, Result};

/// Rows of a batch.
const BATCH_ROWS: usize = 8_192;

/// The batches of a file.
pub struct Batches {
    reader: ParquetRecordBatchReader,
    name: String,
    schema: SchemaRef,
}

impl Batches {
    /// The schema of the batches: the requested columns, in the file's order.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.reader.next()?;
        Some(batch.map_err(|error| corrupt_file(&self.name, error)))
    }
}

/// Reads a Parquet file batch by batch, all columns or only those named. A named column that the file lacks is left out.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be opened, [`crate::error::ErrorCode::Corrupt`] if it is not a whole Parquet
/// file.
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
    let mut builder = ParquetRecordBatchReaderBuilder::try_new(file)
        .map_err(|error| corrupt_file(&name, error))?;
    if let Some(columns) = columns {
        let mut roots = Vec::with_capacity(columns.len());
        for (root, field) in builder.schema().fields().iter().enumerate() {
            if columns.contains(&field.name().as_str()) {
                roots.push(root);
            }
        }
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        builder = builder.with_projection(mask);
    }
    if let Some(rows) = rows {
        let total = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let end = rows.end.min(total);
        let rows = std::iter::once(rows.start.min(end)..end);
        builder = builder.with_row_selection(RowSelection::from_consecutive_ranges(rows, total));
    }
    let reader = builder
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(|error| corrupt_file(&name, error))?;
    let schema = RecordBatchReader::schema(&reader);
    Ok(Batches {
        reader,
        name,
        schema,
    })
}

/// What the footer of a file declares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFooter {
    /// Rows.
    pub rows: u64,
    /// Rows of each row group.
    pub row_groups: Vec<u64>,
    /// Our key-value pairs, without their prefix: `commit_id`, `responses_hash`…
    pub pairs: Vec<(String, String)>,
    /// The columns by which its rows are sorted, each ascending with nulls first; none if the footer declares no order, or
    /// not the same of all row groups.
    pub sorted_by: Vec<String>,
    /// The schema.
    pub schema: SchemaRef,
}

/// Reads a file's footer.
///
/// # Errors
/// As [`read_batches`].
pub fn read_footer(path: &Path) -> Result<FileFooter> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(open(path)?)
        .map_err(|error| corrupt_file(&path.display().to_string(), error))?;
    let metadata = builder.metadata();
    let file_metadata = metadata.file_metadata();
    let mut pairs = Vec::new();
    for pair in file_metadata.key_value_metadata().into_iter().flatten() {
        if let Some(key) = pair.key.strip_prefix(FOOTER_PREFIX) {
            pairs.push((key.to_owned(), pair.value.clone().unwrap_or_default()));
        }
    }
    let row_groups = metadata
        .row_groups()
        .iter()
        .map(|group| non_negative(group.num_rows()))
        .collect();
    Ok(FileFooter {
        rows: non_negative(file_metadata.num_rows()),
        row_groups,
        pairs,
        sorted_by: sorted_by(metadata),
        schema: Arc::new(Schema::new(builder.schema().fields().clone())),
    })
}

/// A count of Parquet, which is signed there.
pub(super) fn non_negative(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}

/// The order that all row groups declare.
fn sorted_by(metadata: &ParquetMetaData) -> Vec<String> {
    let leaves = metadata.file_metadata().schema_descr();
    let mut common = None;
    for group in metadata.row_groups() {
        let declared = declared_order(group, leaves);
        match &common {
            None => common = Some(declared),
            Some(common) if *common == declared => {}
            Some(_) => return Vec::new(),
        }
    }
    common.unwrap_or_default()
}

/// The columns by which a row group declares that it is sorted, as far as they are ascending with nulls first.
fn declared_order(group: &RowGroupMetaData, leaves: &SchemaDescriptor) -> Vec<String> {
    let mut order = Vec::new();
    for sorting in group.sorting_columns().into_iter().flatten() {
        if sorting.descending || !sorting.nulls_first {
            break;
        }
        let Some(name) = root_name(sorting.column_idx, leaves) else {
            break;
        };
        order.push(name.to_owned());
    }
    order
}

/// Name of the column that a leaf belongs to.
fn root_name(leaf: i32, leaves: &SchemaDescriptor) -> Option<&str> {
    let leaf = leaves.columns().get(usize::try_from(leaf).ok()?)?;
    leaf.path().parts().first().map(String::as_str)
}

pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|error| unreadable(path, error))
}

pub(super) fn unreadable(path: &Path, error: io::Error) -> Error {
    file_error("cannot read a file of the table", error)
        .with_context("path", path.display().to_string())
}
