//! `ClickHouse`.

use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::table::ColumnType;
use crate::warehouse::data_location::{Bucket, DataLocation, StorageService};
use crate::warehouse::ddl::{
    add_columns_at_once, create_table_if_missing, define, file_pattern, name_lines, quoted_list,
    struct_fields,
};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backslash_text, backtick_escaped};
use crate::warehouse::table::{
    PartitionRange, PartitionScheme, Table, column_comment, raw_table_name,
};
use crate::warehouse::table_load::LoadMethod;

pub(in crate::warehouse) struct ClickHouse;

impl SqlDialect for ClickHouse {
    fn name(&self) -> &'static str {
        "clickhouse"
    }

    fn title(&self) -> &'static str {
        "ClickHouse"
    }

    fn column(&self, name: &str) -> String {
        backtick_escaped(name)
    }

    fn text(&self, value: &str) -> String {
        backslash_text(value)
    }

    fn date(&self, day: NaiveDate) -> String {
        format!("toDate32('{day}')")
    }

    fn timestamp(&self, day: NaiveDate) -> String {
        format!("toDateTime64('{day} 00:00:00', 6, 'UTC')")
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        let key = self.text(key);
        format!("nullIf(JSONExtractString(ifNull({text}, ''), {key}), '')")
    }

    /// Every column may be null, but lists and structs cannot be.
    fn type_name(&self, kind: &ColumnType) -> String {
        match kind {
            ColumnType::List(items) => format!("Array({})", self.type_name(items)),
            ColumnType::Struct(fields) => format!("Tuple({})", struct_fields(self, fields, " ")),
            _ => format!("Nullable({})", scalar_type(kind)),
        }
    }

    fn dollars(&self, cents: &str) -> String {
        format!("{cents} / 100")
    }

    fn object_url(&self, bucket: &Bucket, name: &str) -> String {
        let container = &bucket.name;
        let object = bucket.object_name(name);
        match (bucket.service, &bucket.endpoint) {
            (StorageService::S3, Some(endpoint)) => format!("{endpoint}/{container}/{object}"),
            (StorageService::S3, None) => format!("s3://{container}/{object}"),
            (StorageService::Google, _) => {
                format!("https://storage.googleapis.com/{container}/{object}")
            }
            (StorageService::Azure, _) => format!(
                "azure://{}.blob.core.windows.net/{container}/{object}",
                bucket.account_name()
            ),
        }
    }

    fn setup(&self, schema: &str, _location: &DataLocation, _method: LoadMethod) -> String {
        format!("CREATE DATABASE IF NOT EXISTS {schema};\n")
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let lines = definition_lines(table);
        let definition = create_table_if_missing(self, schema, table, &lines);
        let partitions = partition_clause(table);
        let order = quoted_list(self, &table.clustering_columns());
        let comment = self.text(&table.comment());
        format!(
            "{definition}\nENGINE = MergeTree{partitions}\nORDER BY ({order})\n\
             SETTINGS allow_nullable_key = 1\nCOMMENT {comment};\n"
        )
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        add_columns_at_once(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        let name = self.object(schema, &raw_table_name(table.name()));
        let columns = name_lines(self, table);
        let pattern = file_pattern(table, &self.file_url(location, table.name()));
        let source = table_function(location, &pattern, table);
        format!("CREATE OR REPLACE VIEW {name} AS SELECT\n{columns}\nFROM {source};\n")
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let name = &load.name;
        let partition = match &load.range {
            PartitionRange::Date(date) => format!("'{date}'"),
            PartitionRange::Year(days) => days.first.format("%Y").to_string(),
            PartitionRange::All => "tuple()".to_owned(),
        };
        // Also if there are files without rows: a partition cannot be replaced by an empty one.
        if load.change.rows() == 0 {
            return format!("ALTER TABLE {name} DROP PARTITION {partition};\n");
        }
        // Rows are collected in another table, then replace the partition's at once.
        let loading = &load.loading_table;
        let mut text =
            format!("DROP TABLE IF EXISTS {loading};\nCREATE TABLE {loading} AS {name};\n");
        let columns = &load.columns;
        for url in &load.file_urls {
            let source = table_function(load.location, url, load.table);
            let _ = writeln!(
                text,
                "INSERT INTO {loading} ({columns}) SELECT {columns} FROM {source};"
            );
        }
        let (rows, expected) = (load.change.rows(), self.text(&load.expected()));
        let _ = writeln!(
            text,
            "SELECT throwIf(count() != {rows}, {expected}) AS loaded FROM {loading};\n\
             ALTER TABLE {name} REPLACE PARTITION {partition} FROM {loading};\nDROP TABLE {loading};"
        );
        text
    }
}

/// The type of a value that is not null.
fn scalar_type(kind: &ColumnType) -> String {
    let name = match kind {
        ColumnType::Integer => "Int64",
        ColumnType::Float => "Float64",
        ColumnType::Boolean => "Bool",
        ColumnType::Date => "Date32",
        ColumnType::Timestamp => "DateTime64(6, 'UTC')",
        ColumnType::Text | ColumnType::Json => "String",
        ColumnType::List(_) | ColumnType::Struct(_) => return ClickHouse.type_name(kind),
    };
    name.to_owned()
}

/// The columns of a definition. The partition column cannot be null.
fn definition_lines(table: &Table) -> Vec<String> {
    let mut lines = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        let kind = if table.partition_column() == Some(column) {
            scalar_type(&column.kind)
        } else {
            ClickHouse.type_name(&column.kind)
        };
        let about = column_comment(column);
        let comment = if about.is_empty() {
            String::new()
        } else {
            ClickHouse.column_comment(&about)
        };
        let name = ClickHouse.column(&column.name);
        lines.push(format!("    {name} {kind}{comment}"));
    }
    lines
}

fn partition_clause(table: &Table) -> String {
    let Some(column) = table.partition_column() else {
        return String::new();
    };
    let name = ClickHouse.column(&column.name);
    match table.scheme() {
        PartitionScheme::Years { .. } => format!("\nPARTITION BY toYear({name})"),
        _ => format!("\nPARTITION BY {name}"),
    }
}

/// The table function that reads files. It is given the structure, so that a column that older files lack is null instead
/// of unknown.
fn table_function(location: &DataLocation, files: &str, table: &Table) -> String {
    let mut structure = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        structure.push(define(&ClickHouse, column));
    }
    let files = ClickHouse.text(files);
    let structure = ClickHouse.text(&structure.join(", "));
    let bucket = match location {
        DataLocation::Folder(_) => return format!("file({files}, 'Parquet', {structure})"),
        DataLocation::Bucket(bucket) => bucket,
    };
    match bucket.service {
        StorageService::S3 => format!("s3({files}, 'Parquet', {structure})"),
        StorageService::Google => format!("gcs({files}, 'Parquet', {structure})"),
        StorageService::Azure => {
            let container = ClickHouse.text(&bucket.name);
            format!(
                "azureBlobStorage(backhaul_azure, container = {container}, blob_path = {files}, \
                 format = 'Parquet', structure = {structure})"
            )
        }
    }
}
