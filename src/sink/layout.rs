//! Reading how a file is laid out.

use std::path::Path;

use arrow::datatypes::{DataType, TimeUnit};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::statistics::Statistics;

use super::destination;
use super::read::{damaged, open};
use crate::error::Result;
use crate::table::ColumnType;
use crate::table::layout::{ColumnLayout, FileLayout, RowGroupLayout};

/// The layout of a file, from its footer alone.
///
/// # Errors
/// [`crate::error::Code::Destination`] if it cannot be opened, [`crate::error::Code::Corrupt`] if it is no whole Parquet file.
pub fn read_layout(path: &Path) -> Result<FileLayout> {
    let name = path.display().to_string();
    let file = open(path)?;
    let bytes = file
        .metadata()
        .map_err(|error| {
            destination("cannot read a file of the table", error).with_context("path", &name)
        })?
        .len();
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file)
        .map_err(|error| damaged(&name, error))?;
    let of_file = metadata.file_metadata();
    let schema = parquet_to_arrow_schema(of_file.schema_descr(), of_file.key_value_metadata())
        .map_err(|error| damaged(&name, error))?;
    let groups = metadata.row_groups();
    let columns = schema
        .fields()
        .iter()
        .map(|field| column(field.name(), field.data_type(), groups))
        .collect();
    let row_groups = groups
        .iter()
        .map(|group| RowGroupLayout {
            rows: whole(group.num_rows()),
            bytes: whole(group.total_byte_size()),
        })
        .collect();
    let is_sorted =
        !groups.is_empty() && groups.iter().all(|group| group.sorting_columns().is_some());
    Ok(FileLayout {
        bytes,
        rows: whole(of_file.num_rows()),
        row_groups,
        columns,
        is_sorted,
    })
}

fn column(name: &str, kind: &DataType, groups: &[RowGroupMetaData]) -> ColumnLayout {
    let leaves = || {
        let all = groups.iter().flat_map(RowGroupMetaData::columns);
        all.filter(|leaf| {
            leaf.column_path()
                .parts()
                .first()
                .is_some_and(|first| first == name)
        })
    };
    let is_null = leaves().all(|leaf| {
        let nulls = leaf.statistics().and_then(Statistics::null_count_opt);
        nulls == Some(whole(leaf.num_values()))
    });
    ColumnLayout {
        name: name.to_owned(),
        kind: column_type(kind),
        spelled: kind.to_string(),
        is_all_null: is_null && leaves().next().is_some(),
        has_index: leaves().all(|leaf| leaf.offset_index_offset().is_some()),
        has_bloom: leaves().next().is_some()
            && leaves().all(|leaf| leaf.bloom_filter_offset().is_some()),
    }
}

/// The type as tables have it; `None` for one that they do not have.
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
            let fields = fields
                .iter()
                .map(|field| Some((field.name().clone(), column_type(field.data_type())?)));
            ColumnType::Struct(fields.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
