//! What Databricks and Spark share: names, types, tables over files, and rows read from files by path.

use crate::table::ColumnType;
use crate::warehouse::data_location::{Bucket, DataLocation, StorageService};
use crate::warehouse::ddl::{
    column_lines, define, report_columns, struct_fields, suggest_adding_columns,
};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::is_plain;
use crate::warehouse::table::{Table, raw_table_name};

pub(super) fn json_value(dialect: &dyn SqlDialect, text: &str, key: &str) -> String {
    let path = if is_plain(key) {
        format!("$.{key}")
    } else {
        format!("$['{key}']")
    };
    format!("GET_JSON_OBJECT({text}, {})", dialect.text(&path))
}

pub(super) fn type_name(dialect: &dyn SqlDialect, kind: &ColumnType) -> String {
    let name = match kind {
        ColumnType::Integer => "BIGINT",
        ColumnType::Float => "DOUBLE",
        ColumnType::Boolean => "BOOLEAN",
        ColumnType::Date => "DATE",
        ColumnType::Timestamp => "TIMESTAMP",
        ColumnType::Text | ColumnType::Json => "STRING",
        ColumnType::List(items) => return format!("ARRAY<{}>", dialect.type_name(items)),
        ColumnType::Struct(fields) => {
            return format!("STRUCT<{}>", struct_fields(dialect, fields, ":"));
        }
    };
    name.to_owned()
}

/// A file or folder as Spark opens it; `s3_scheme` is that of its S3 client.
pub(super) fn file_url(location: &DataLocation, name: &str, s3_scheme: &str) -> String {
    match location {
        DataLocation::Folder(root) => format!("file:{root}/{name}"),
        DataLocation::Bucket(bucket) => object_url(bucket, name, s3_scheme),
    }
}

fn object_url(bucket: &Bucket, name: &str, s3_scheme: &str) -> String {
    let container = &bucket.name;
    let object = bucket.object_name(name);
    match bucket.service {
        StorageService::S3 => format!("{s3_scheme}://{container}/{object}"),
        StorageService::Google => format!("gs://{container}/{object}"),
        StorageService::Azure => format!(
            "abfss://{container}@{}.dfs.core.windows.net/{object}",
            bucket.account_name()
        ),
    }
}

pub(super) fn add_columns(dialect: &dyn SqlDialect, schema: &str, table: &Table) -> String {
    let mut definitions = Vec::new();
    for column in report_columns(table) {
        definitions.push(define(dialect, column));
    }
    if definitions.is_empty() {
        return String::new();
    }
    let addition = format!("ADD COLUMNS ({})", definitions.join(", "));
    suggest_adding_columns(dialect, schema, table, &[addition])
}

pub(super) fn external_table(
    dialect: &dyn SqlDialect,
    schema: &str,
    table: &Table,
    location: &DataLocation,
) -> String {
    let name = dialect.object(schema, &raw_table_name(table.name()));
    let folder = dialect.text(&dialect.file_url(location, table.name()));
    let mut lines = column_lines(dialect, table);
    let (partitioned, refresh) = match table.folder_key() {
        Some((key, kind)) => {
            let kind = match kind {
                ColumnType::Integer => "INT".to_owned(),
                other => dialect.type_name(&other),
            };
            lines.push(format!("    `{key}` {kind}"));
            (
                format!("\nPARTITIONED BY (`{key}`)"),
                format!("MSCK REPAIR TABLE {name}"),
            )
        }
        None => (String::new(), format!("REFRESH TABLE {name}")),
    };
    let columns = lines.join(",\n");
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{columns}\n)\nUSING PARQUET{partitioned}\n\
         LOCATION {folder};\n{refresh};\n"
    )
}

/// The rows of the partition's files, with all columns of the table in order, but for `without`.
pub(super) fn select_files(
    dialect: &dyn SqlDialect,
    load: &PartitionLoad<'_>,
    without: Option<&str>,
) -> String {
    let mut columns = Vec::with_capacity(load.table.columns().len());
    for column in load.table.columns() {
        if Some(column.name.as_str()) == without {
            continue;
        }
        let name = dialect.column(&column.name);
        if load.change.columns.contains(&column.name) {
            columns.push(name);
        } else {
            let kind = dialect.type_name(&column.kind);
            columns.push(format!("CAST(NULL AS {kind}) AS {name}"));
        }
    }
    let columns = columns.join(", ");
    let mut selects = Vec::with_capacity(load.file_urls.len());
    for url in &load.file_urls {
        let file = dialect.column(url);
        selects.push(format!("SELECT {columns} FROM parquet.{file}"));
    }
    selects.join("\nUNION ALL ")
}

pub(super) fn row_count_check(dialect: &dyn SqlDialect, load: &PartitionLoad<'_>) -> String {
    format!(
        "SELECT assert_true(COUNT(*) = {}, {}) AS loaded FROM {} WHERE {};\n",
        load.change.rows(),
        dialect.text(&load.expected()),
        load.name,
        load.condition
    )
}
