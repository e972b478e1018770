//! How a file is encoded: compression, row groups, pages, dictionaries, bloom filters, footer.

use std::collections::HashSet;
use std::hash::Hash;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

use crate::error::{Error, ErrorCode, Result};
use crate::model::RunId;
use crate::table::TableSchema;

/// Prefix of our keys in footers.
pub(super) const FOOTER_PREFIX: &str = "backhaul.";

/// Version of the layout that footers name.
const LAYOUT_VERSION: u32 = 1;

/// `BigQuery` reads pages of at most 1 MiB well, and wants smaller ones in tables of more than 100 columns.
const PAGE_BYTES: usize = 1 << 20;
const WIDE_PAGE_BYTES: usize = 256 << 10;
const WIDE_TABLE_COLUMNS: usize = 100;

/// One look-up in a hundred reads a row group needlessly.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// Values of a first batch that decide whether a column gets a dictionary.
const SAMPLE_ROWS: usize = 4_096;

/// How a partition's files are written and what goes into their footers.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// The commit: part of file names, and in the footer.
    pub commit_id: String,
    /// Hash of the response bodies as received, for the footer.
    pub responses_hash: String,
    /// The generation that the commit extends, for the footer.
    pub base_generation: u64,
    /// The run that writes, for the footer.
    pub run_id: RunId,
    /// Level of the zstd compression of pages, from 1 to 22. All engines that `load` knows read zstd.
    pub zstd_level: i32,
    /// Size at which a file ends and the next begins: `u64::MAX` for one file.
    pub file_bytes: u64,
    /// Rows of a row group, at most.
    pub row_group_rows: usize,
    /// Encoded bytes of a row group, about; also what encoding holds in memory.
    pub row_group_bytes: usize,
    /// Columns that get a bloom filter, as far as the table has them and they are text or integer.
    pub bloom_columns: Vec<String>,
    /// What follows a file's name while it is being written, for example `.tmp`; entries carry the final name.
    pub staged_suffix: String,
}

impl WriterOptions {
    /// zstd(3), files of 128 MiB, row groups of 131,072 rows or 24 MiB, no bloom filters.
    pub fn new(commit_id: impl Into<String>) -> Self {
        Self {
            commit_id: commit_id.into(),
            responses_hash: String::new(),
            base_generation: 0,
            run_id: RunId::default(),
            zstd_level: 3,
            file_bytes: 128 << 20,
            row_group_rows: 128 << 10,
            row_group_bytes: 24 << 20,
            bloom_columns: Vec::new(),
            staged_suffix: String::new(),
        }
    }
}

/// The properties of a file that begins with this batch and is sorted by these columns.
pub(super) fn file_properties(
    schema: &TableSchema,
    options: &WriterOptions,
    sorted_by: &[String],
    first: Option<&RecordBatch>,
) -> Result<WriterProperties> {
    let is_wide = schema.columns().len() > WIDE_TABLE_COLUMNS;
    let page_bytes = if is_wide { WIDE_PAGE_BYTES } else { PAGE_BYTES };
    let mut builder = WriterProperties::builder()
        .set_compression(compression(options.zstd_level)?)
        .set_created_by(format!("backhaul {}", env!("CARGO_PKG_VERSION")))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_data_page_size_limit(page_bytes)
        .set_max_row_group_row_count(Some(options.row_group_rows.max(1)))
        .set_max_row_group_bytes(Some(options.row_group_bytes.max(1)))
        .set_key_value_metadata(Some(footer(schema, options)));
    if !sorted_by.is_empty() {
        builder = builder.set_sorting_columns(Some(sorting_columns(schema, sorted_by)?));
    }
    for column in &options.bloom_columns {
        builder = with_bloom_filter(builder, schema, column, options.row_group_rows);
    }
    for field in schema.arrow().fields() {
        if let Some(first) = first
            && let Some(column) = first.column_by_name(field.name())
            && !has_repeated_values(column)
        {
            builder = builder.set_column_dictionary_enabled(column_path(field.name()), false);
        }
    }
    Ok(builder.build())
}

fn compression(zstd_level: i32) -> Result<Compression> {
    let level = ZstdLevel::try_new(zstd_level).map_err(|error| {
        Error::new(
            ErrorCode::Config,
            format!("invalid zstd level {zstd_level}"),
        )
        .with_source(error)
    })?;
    Ok(Compression::ZSTD(level))
}

fn column_path(column: &str) -> ColumnPath {
    ColumnPath::new(vec![column.to_owned()])
}

fn with_bloom_filter(
    builder: WriterPropertiesBuilder,
    schema: &TableSchema,
    column: &str,
    row_group_rows: usize,
) -> WriterPropertiesBuilder {
    let Ok(field) = schema.arrow().field_with_name(column) else {
        return builder;
    };
    if !matches!(field.data_type(), DataType::Utf8 | DataType::Int64) {
        return builder;
    }
    let max_values = u64::try_from(row_group_rows.max(1)).unwrap_or(u64::MAX);
    builder
        .set_column_bloom_filter_enabled(column_path(column), true)
        .set_column_bloom_filter_fpp(column_path(column), BLOOM_FALSE_POSITIVES)
        .set_column_bloom_filter_max_ndv(column_path(column), max_values)
}

fn footer(schema: &TableSchema, options: &WriterOptions) -> Vec<KeyValue> {
    vec![
        key_value("commit_id", options.commit_id.clone()),
        key_value("responses_hash", options.responses_hash.clone()),
        key_value("base_generation", options.base_generation.to_string()),
        key_value("layout_version", LAYOUT_VERSION.to_string()),
        key_value("table", schema.name().to_owned()),
        key_value("run_id", options.run_id.to_string()),
    ]
}

fn key_value(key: &str, value: String) -> KeyValue {
    KeyValue::new(format!("{FOOTER_PREFIX}{key}"), value)
}

/// The order of the file as Parquet declares it: leaf columns by number. All of them are at the top level.
fn sorting_columns(schema: &TableSchema, sorted_by: &[String]) -> Result<Vec<SortingColumn>> {
    let leaves = ArrowSchemaConverter::new()
        .convert(schema.arrow())
        .map_err(|error| {
            Error::new(ErrorCode::Internal, "the schema has no Parquet form").with_source(error)
        })?;
    let mut sorting = Vec::new();
    for name in sorted_by {
        let leaf = leaves
            .columns()
            .iter()
            .position(|leaf| leaf.path().parts().first() == Some(name));
        let Some(leaf) = leaf else { break };
        let Ok(column_idx) = i32::try_from(leaf) else {
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

/// Whether values repeat enough in the first rows for a dictionary. Where the guess is wrong the encoder falls back by
/// itself; the guess saves it from building a dictionary of URLs only to discard it.
fn has_repeated_values(column: &ArrayRef) -> bool {
    let sample = column.slice(0, column.len().min(SAMPLE_ROWS));
    match sample.data_type() {
        DataType::Utf8 => are_repeated(sample.as_string::<i32>().iter()),
        DataType::Int64 => are_repeated(sample.as_primitive::<Int64Type>().iter()),
        DataType::Date32 => are_repeated(sample.as_primitive::<Date32Type>().iter()),
        DataType::Timestamp(_, _) => {
            are_repeated(sample.as_primitive::<TimestampMicrosecondType>().iter())
        }
        DataType::Float64 => {
            let values = sample.as_primitive::<Float64Type>().iter();
            are_repeated(values.map(|value| value.map(f64::to_bits)))
        }
        _ => true,
    }
}

/// Whether at most half of the values that are not null are distinct; few values count as repeated.
fn are_repeated<T: Hash + Eq>(values: impl Iterator<Item = Option<T>>) -> bool {
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
    fn dictionaries_are_for_values_that_repeat() {
        assert!(are_repeated((0..1000).map(|number| Some(number % 100))));
        assert!(!are_repeated((0..1000).map(Some)));
        assert!(are_repeated((0..10).map(Some)));
    }
}
