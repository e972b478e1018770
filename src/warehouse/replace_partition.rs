//! The statements that replace one partition: prepares its names and rows, which the dialect writes.

use super::data_location::DataLocation;
use super::ddl::quoted_list;
use super::dialect::SqlDialect;
use super::partition_load::{PartitionLoad, partition_folder};
use super::table::{PartitionRange, Table, raw_table_name};
use super::table_load::PartitionChange;
use crate::table::{ColumnType, TableColumn};

/// The statements of a partition, under a comment with its name.
pub(super) fn replace_partition(
    dialect: &dyn SqlDialect,
    schema: &str,
    location: &DataLocation,
    table: &Table,
    change: &PartitionChange,
) -> String {
    let PartitionChange { partition, .. } = change;
    let Some(range) = table.partition_range(partition) else {
        return format!("-- {partition} is not a partition of this table\n");
    };
    let name = table.name();
    let folder = partition_folder(table, partition);
    let mut file_urls = Vec::with_capacity(change.files.len());
    for file in &change.files {
        file_urls.push(dialect.file_url(location, &format!("{folder}{}", file.name)));
    }
    let load = PartitionLoad {
        location,
        table,
        change,
        name: dialect.object(schema, &raw_table_name(name)),
        loading_table: dialect.object(schema, &format!("loading_{name}")),
        condition: condition(dialect, table.partition_column(), &range),
        columns: quoted_list(dialect, &change.columns),
        file_urls,
        range,
    };
    let rows = match change.rows() {
        1 => "1 row".to_owned(),
        rows => format!("{rows} rows"),
    };
    let statements = dialect.replace_partition(&load);
    format!("\n-- {name}/{partition}: {rows}\n{statements}")
}

/// The rows of a range, as a condition.
fn condition(
    dialect: &dyn SqlDialect,
    column: Option<&TableColumn>,
    range: &PartitionRange,
) -> String {
    let Some(column) = column else {
        return "TRUE".to_owned();
    };
    let name = dialect.column(&column.name);
    let literal = |day| {
        if column.kind == ColumnType::Timestamp {
            dialect.timestamp(day)
        } else {
            dialect.date(day)
        }
    };
    match range {
        PartitionRange::All => "TRUE".to_owned(),
        PartitionRange::Date(date) => format!("{name} = {}", literal(*date)),
        PartitionRange::Year(days) => {
            let after = days.last.succ_opt().unwrap_or(days.last);
            let (first, after) = (literal(days.first), literal(after));
            format!("{name} >= {first} AND {name} < {after}")
        }
    }
}
