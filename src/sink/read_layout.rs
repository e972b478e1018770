//! Reads how a file is laid out.

use std::path::Path;

use arrow::datatypes::{DataType, Field, TimeUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::error::corrupt_file;
use super::read_file::{non_negative, open, unreadable};
use crate::error::Result;
use crate::table::ColumnType;
use crate::table::layout::{ColumnLayout, FileLayout, RowGroupLayout};

/// The layout of a file, from its footer alone.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be opened, [`crate::error::ErrorCode::Corrupt`] if it is not a whole Parquet
/// file.
pub fn read_layout(path: &Path) -> Result<FileLayout> {
    let name = path.display().to_string();
    let file = open(path)?;
    let bytes = file
        .metadata()
        .map_err(|error| unreadable(path, error))?
        .len();
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| corrupt_file(&name, error))?;
    let file_metadata = metadata.file_metadata();
    let key_values = file_metadata.key_value_metadata();
    let schema = parquet_to_arrow_schema(file_metadata.schema_descr(), key_values)
        .map_err(|error| corrupt_file(&name, error))?;
    let groups = metadata.row_groups();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.push(column_layout(field, groups));
    }
    let row_groups = groups
        .iter()
        .map(|group| RowGroupLayout {
            rows: non_negative(group.num_rows()),
            bytes: non_negative(group.total_byte_size()),
        })
        .collect();
    let is_sorted =
        !groups.is_empty() && groups.iter().all(|group| group.sorting_columns().is_some());
    Ok(FileLayout {
        bytes,
        rows: non_negative(file_metadata.num_rows()),
        row_groups,
        columns,
        is_sorted,
    })
}

fn column_layout(field: &Field, groups: &[RowGroupMetaData]) -> ColumnLayout {
    let mut leaves = Vec::new();
    for leaf in groups.iter().flat_map(RowGroupMetaData::columns) {
        if leaf.column_path().parts().first() == Some(field.name()) {
            leaves.push(leaf);
        }
    }
    let has_leaves = !leaves.is_empty();
    ColumnLayout {
        name: field.name().clone(),
        kind: column_type(field.data_type()),
        spelled: field.data_type().to_string(),
        is_all_null: has_leaves && leaves.iter().all(|leaf| is_all_null(leaf)),
        has_index: leaves
            .iter()
            .all(|leaf| leaf.offset_index_offset().is_some()),
        has_bloom: has_leaves
            && leaves
                .iter()
                .all(|leaf| leaf.bloom_filter_offset().is_some()),
    }
}

fn is_all_null(leaf: &ColumnChunkMetaData) -> bool {
    let nulls = leaf.statistics().and_then(Statistics::null_count_opt);
    nulls == Some(non_negative(leaf.num_values()))
}

/// The type as tables have it; `None` for a type that no table has.
fn column_type(kind: &DataType) -> Option<ColumnType> {
    Some(match kind {
        DataType::Int64 => ColumnType::Integer,
        DataType::Float64 => ColumnType::Float,
        DataType::Boolean => ColumnType::Boolean,
        DataType::Date32 => ColumnType::Date,
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
            ColumnType::Timestamp
        }
        DataType::Utf8 => ColumnType::Text,
        DataType::List(items) => ColumnType::List(Box::new(column_type(items.data_type())?)),
        DataType::Struct(fields) => {
            let mut kinds = Vec::with_capacity(fields.len());
            for field in fields {
                kinds.push((field.name().clone(), column_type(field.data_type())?));
            }
            ColumnType::Struct(kinds)
        }
        _ => return None,
    })
}
