//! Amazon Redshift.

use std::fmt::Write as _;

use crate::table::ColumnType;
use crate::warehouse::data_location::{DataLocation, LocationKind, StorageService};
use crate::warehouse::ddl::{
    cluster_keys, column_lines, comment_on, create_table_if_missing, define, report_columns,
    suggest_adding_columns,
};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backslash_text, double_quoted};
use crate::warehouse::table::{Table, raw_table_name};
use crate::warehouse::table_load::LoadMethod;

pub(in crate::warehouse) struct Redshift;

impl SqlDialect for Redshift {
    fn name(&self) -> &'static str {
        "redshift"
    }

    fn title(&self) -> &'static str {
        "Redshift"
    }

    fn column(&self, name: &str) -> String {
        double_quoted(name)
    }

    /// A backslash escapes, as in `PostgreSQL` 8.
    fn text(&self, value: &str) -> String {
        backslash_text(value)
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        format!("JSON_EXTRACT_PATH_TEXT({text}, {}, TRUE)", self.text(key))
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        let name = match kind {
            ColumnType::Integer => "BIGINT",
            ColumnType::Float => "DOUBLE PRECISION",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMP",
            // The longest that it has: a URL may be long, and a longer value would stop the load.
            ColumnType::Text | ColumnType::Json => "VARCHAR(65535)",
            ColumnType::List(_) | ColumnType::Struct(_) => "SUPER",
        };
        name.to_owned()
    }

    fn readable_from(&self) -> &'static [LocationKind] {
        &[LocationKind::Bucket(StorageService::S3)]
    }

    fn unreadable_hint(&self) -> &'static str {
        "export into an s3:// bucket, or load another engine"
    }

    /// Tables over files need an external schema, which has to be created by hand.
    fn load_methods(&self) -> &'static [LoadMethod] {
        &[LoadMethod::Copy]
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let definition = create_table_if_missing(self, schema, table, &column_lines(self, table));
        let keys = cluster_keys(self, table);
        let sort = if keys.is_empty() {
            String::new()
        } else {
            format!("\nDISTSTYLE AUTO\nCOMPOUND SORTKEY ({keys})")
        };
        format!("{definition}{sort};\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        let mut additions = Vec::new();
        for column in report_columns(table) {
            additions.push(format!("ADD COLUMN {}", define(self, column)));
        }
        suggest_adding_columns(self, schema, table, &additions)
    }

    fn comment_statements(&self, schema: &str, table: &Table) -> String {
        comment_on(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        let name = self.object(schema, &raw_table_name(table.name()));
        let mut lines = Vec::with_capacity(table.columns().len());
        for column in table.columns() {
            let kind = spectrum_type(&column.kind);
            lines.push(format!("    {} {kind}", self.column(&column.name)));
        }
        let columns = lines.join(",\n");
        let partitioned = match table.folder_key() {
            Some((key, kind)) => format!("\nPARTITIONED BY ({key} {})", spectrum_type(&kind)),
            None => String::new(),
        };
        let folder = self.file_url(location, table.name());
        let folder = self.text(&format!("{}/", folder.trim_end_matches('/')));
        format!(
            "DROP TABLE IF EXISTS {name};\nCREATE EXTERNAL TABLE {name} (\n{columns}\n){partitioned}\n\
             STORED AS PARQUET\nLOCATION {folder};\n"
        )
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let PartitionLoad {
            name, condition, ..
        } = load;
        let mut text = format!("BEGIN;\nDELETE FROM {name} WHERE {condition};\n");
        for url in &load.file_urls {
            let _ = writeln!(
                text,
                "COPY {name} ({}) FROM {} IAM_ROLE default FORMAT AS PARQUET SERIALIZETOJSON;",
                load.columns,
                self.text(url)
            );
        }
        let (expected, rows) = (self.text(&load.expected_found()), load.change.rows());
        let _ = writeln!(
            text,
            "SELECT CAST(CASE WHEN COUNT(*) = {rows} THEN COUNT(*)::VARCHAR ELSE {expected} || COUNT(*) END AS BIGINT) \
             AS loaded FROM {name} WHERE {condition};\nCOMMIT;"
        );
        text
    }

    /// Redshift checks the tables of a view when it is created, and refuses those of an external schema.
    fn view_suffix(&self) -> &'static str {
        "\nWITH NO SCHEMA BINDING"
    }
}

/// The type of a column of an external table: lists and structs have types there.
fn spectrum_type(kind: &ColumnType) -> String {
    match kind {
        ColumnType::List(items) => format!("ARRAY<{}>", spectrum_type(items)),
        ColumnType::Struct(fields) => {
            let mut definitions = Vec::with_capacity(fields.len());
            for (name, kind) in fields {
                definitions.push(format!("{name}:{}", spectrum_type(kind)));
            }
            format!("STRUCT<{}>", definitions.join(", "))
        }
        other => Redshift.type_name(other),
    }
}
