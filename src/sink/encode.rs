//! How a file is encoded: compression, row groups, pages, dictionaries, bloom filters, footer.

use std::collections::HashSet;
use std::hash::Hash;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::error::{Code, Error, Result};
use crate::table::TableSchema;

/// Version of the layout that footers name.
const LAYOUT_VERSION: u32 = 1;

/// `BigQuery` reads pages of at most 1 MiB well, and smaller ones in wide tables.
const PAGE_BYTES: usize = 1 << 20;
const WIDE_PAGE_BYTES: usize = 256 << 10;
const WIDE_TABLE_COLUMNS: usize = 100;

/// One look-up in a hundred reads a row group for nothing.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Values of a first batch that are looked at to decide whether a dictionary pays.
const SAMPLE_ROWS: usize = 4_096;

/// Compression of a file's pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// zstd at a level from 1 to 22.
    Zstd(i32),
    /// Snappy.
    Snappy,
    /// None.
    None,
}

impl Compression {
    /// Reads `zstd(3)`, `zstd`, `snappy` or `none`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "zstd" => Some(Self::Zstd(3)),
            "snappy" => Some(Self::Snappy),
            "none" => Some(Self::None),
            _ => {
                let level = text
                    .strip_prefix("zstd(")?
                    .strip_suffix(')')?
                    .parse()
                    .ok()?;
                (1..=22).contains(&level).then_some(Self::Zstd(level))
            }
        }
    }

    fn codec(self) -> Result<Codec> {
        Ok(match self {
            Self::Zstd(level) => Codec::ZSTD(ZstdLevel::try_new(level).map_err(|error| {
                Error::new(Code::Config, format!("zstd has no level {level}")).with_source(error)
            })?),
            Self::Snappy => Codec::SNAPPY,
            Self::None => Codec::UNCOMPRESSED,
        })
    }
}

/// How a partition's files are written and what their footers say.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The commit: part of file names, and in the footer.
    pub commit_id: String,
    /// Hash of the response bodies as received, for the footer.
    pub responses_hash: String,
    /// The generation that the commit extends, for the footer.
    pub base_generation: u64,
    /// The run that writes, for the footer.
    pub run_id: String,
    /// Compression of pages.
    pub compression: Compression,
    /// Size at which a file ends and the next begins: `u64::MAX` for one file.
    pub file_bytes: u64,
    /// Rows of a row group, at most.
    pub row_group_rows: usize,
    /// Encoded bytes of a row group, about; also what encoding holds in memory.
    pub row_group_bytes: usize,
    /// Columns that get a bloom filter, as far as the table has them and they are text or integer.
    pub bloom_columns: Vec<String>,
    /// Whether tasks come in the order of [`super::TaskColumns::place`], each sorted by the table's sort key as
    /// [`super::SortedRows`] are. Files then say so to their readers; a task out of order is refused, but the order inside
    /// a task is the caller's word. Rows of other files have [`super::PartitionWriter::begin_sequence`].
    pub sorted: bool,
    /// What stands behind a file's name while it is being written, for example `.tmp`; entries carry the final name.
    pub staged_suffix: String,
}

impl WriterOptions {
    /// zstd(3), files of 128 MiB, row groups of 131,072 rows or 24 MiB, sorted, no bloom filters.
    pub fn new(commit_id: impl Into<String>) -> Self {
        Self {
            commit_id: commit_id.into(),
            responses_hash: String::new(),
            base_generation: 0,
            run_id: String::new(),
            compression: Compression::Zstd(3),
            file_bytes: 128 << 20,
            row_group_rows: 128 << 10,
            row_group_bytes: 24 << 20,
            bloom_columns: Vec::new(),
            sorted: true,
            staged_suffix: String::new(),
        }
    }
}

/// The properties of a file that begins with this batch and is sorted by these columns.
pub(super) fn properties(
    schema: &TableSchema,
    options: &WriterOptions,
    sorted_by: &[String],
    first: Option<&RecordBatch>,
) -> Result<WriterProperties> {
    let wide = schema.columns().len() > WIDE_TABLE_COLUMNS;
    let mut builder = WriterProperties::builder()
        .set_compression(options.compression.codec()?)
        .set_created_by(format!("backhaul {}", env!("CARGO_PKG_VERSION")))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(if wide { WIDE_PAGE_BYTES } else { PAGE_BYTES })
        .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(options.row_group_bytes.max(1)))
        .set_key_value_metadata(Some(footer(schema, options)));
    if !sorted_by.is_empty() {
        builder = builder.set_sorting_columns(Some(sorting_columns(schema, sorted_by)?));
    }
    for column in &options.bloom_columns {
        builder = bloom(builder, schema, column, options.row_group_rows);
    }
    for (field, column) in schema
        .arrow()
        .fields()
        .iter()
        .zip(first.map(RecordBatch::columns).unwrap_or_default())
    {
        if !dictionary_pays(column) {
            builder = builder.set_column_dictionary_enabled(path(field.name()), false);
        }
    }
    Ok(builder.build())
}

fn path(column: &str) -> ColumnPath {
    ColumnPath::new(vec![column.to_owned()])
}

fn bloom(
    builder: WriterPropertiesBuilder,
    schema: &TableSchema,
    column: &str,
    row_group_rows: usize,
) -> WriterPropertiesBuilder {
    match schema
        .arrow()
        .field_with_name(column)
        .map(arrow::datatypes::Field::data_type)
    {
        Ok(DataType::Utf8 | DataType::Int64) => builder
            .set_column_bloom_filter_enabled(path(column), true)
            .set_column_bloom_filter_fpp(path(column), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(
                path(column),
                u64::try_from(row_group_rows.max(1)).unwrap_or(u64::MAX),
            ),
        _ => builder,
    }
}

fn footer(schema: &TableSchema, options: &WriterOptions) -> Vec<KeyValue> {
    let pair = |key: &str, value: String| KeyValue::new(format!("backhaul.{key}"), value);
    vec![
        pair("commit_id", options.commit_id.clone()),
        pair("responses_hash", options.responses_hash.clone()),
        pair("base_generation", options.base_generation.to_string()),
        pair("layout_version", LAYOUT_VERSION.to_string()),
        pair("table", schema.name().to_owned()),
        pair("run_id", options.run_id.clone()),
    ]
}

/// The order of the file as Parquet states it: leaf columns by number. All of them stand at the top level.
fn sorting_columns(schema: &TableSchema, sorted_by: &[String]) -> Result<Vec<SortingColumn>> {
    let leaves = ArrowSchemaConverter::new()
        .convert(schema.arrow())
        .map_err(|error| {
            Error::new(Code::Internal, "the schema has no Parquet form").with_source(error)
        })?;
    let mut sorting = Vec::new();
    for name in sorted_by {
        let leaf = leaves
            .columns()
            .iter()
            .position(|leaf| leaf.path().parts().first() == Some(name));
        let Some(column_idx) = leaf.and_then(|leaf| i32::try_from(leaf).ok()) else {
            break;
        };
        sorting.push(SortingColumn {
            column_idx,
            descending: false,
            nulls_first: true,
        });
    }
    Ok(sorting)
}

/// Whether values repeat enough in the first rows. Where a guess is wrong the encoder falls back by itself; the guess
/// saves it from building a dictionary of URLs only to throw it away.
fn dictionary_pays(column: &ArrayRef) -> bool {
    let sample = column.slice(0, column.len().min(SAMPLE_ROWS));
    match sample.data_type() {
        DataType::Utf8 => repeats(sample.as_string::<i32>().iter()),
        DataType::Int64 => repeats(sample.as_primitive::<Int64Type>().iter()),
        DataType::Date32 => repeats(sample.as_primitive::<Date32Type>().iter()),
        DataType::Timestamp(_, _) => {
            repeats(sample.as_primitive::<TimestampMicrosecondType>().iter())
        }
        DataType::Float64 => repeats(
            sample
                .as_primitive::<Float64Type>()
                .iter()
                .map(|value| value.map(f64::to_bits)),
        ),
        _ => true,
    }
}

/// Whether at most half of the values that are there differ; few values say nothing.
fn repeats<T: Hash + Eq>(values: impl Iterator<Item = Option<T>>) -> bool {
    const FEW: usize = 64;
    let mut seen = HashSet::new();
    let mut count = 0;
    for value in values.flatten() {
        count += 1;
        seen.insert(value);
    }
    count < FEW || seen.len() * 2 <= count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_read_as_it_is_configured() {
        assert_eq!(Compression::parse("zstd(3)"), Some(Compression::Zstd(3)));
        assert_eq!(Compression::parse("snappy"), Some(Compression::Snappy));
        for text in ["zstd(0)", "zstd(23)", "zstd()", "gzip", ""] {
            assert_eq!(Compression::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dictionaries_are_for_values_that_repeat() {
        assert!(repeats((0..1000).map(|number| Some(number % 100))));
        assert!(!repeats((0..1000).map(Some)));
        assert!(repeats((0..10).map(Some)));
    }
}
