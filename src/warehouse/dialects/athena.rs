//! Amazon Athena: it has no tables of its own, only tables over the files in place.

use crate::table::ColumnType;
use crate::warehouse::data_location::{DataLocation, LocationKind, StorageService};
use crate::warehouse::dialect::SqlDialect;
use crate::warehouse::quoting::{double_quoted, escaped_text, is_plain};
use crate::warehouse::table::{Table, column_comment, raw_table_name};
use crate::warehouse::table_load::LoadMethod;

/// First date of partition projections: before the API's first data.
const FIRST_DATE: &str = "2013-01-01";

pub(in crate::warehouse) struct Athena;

impl SqlDialect for Athena {
    fn name(&self) -> &'static str {
        "athena"
    }

    fn title(&self) -> &'static str {
        "Athena"
    }

    /// Queries quote as Trino does; only CREATE TABLE quotes as Hive does.
    fn column(&self, name: &str) -> String {
        double_quoted(name)
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        // Trino accepts quotes only inside brackets.
        let path = if is_plain(key) {
            format!("$.{key}")
        } else {
            format!("$[\"{}\"]", key.replace('\\', "\\\\").replace('"', "\\\""))
        };
        format!("JSON_EXTRACT_SCALAR({text}, {})", self.text(&path))
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        let name = match kind {
            ColumnType::Integer => "BIGINT",
            ColumnType::Float => "DOUBLE",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMP",
            ColumnType::Text | ColumnType::Json => "STRING",
            ColumnType::List(items) => return format!("ARRAY<{}>", self.type_name(items)),
            ColumnType::Struct(fields) => {
                let mut definitions = Vec::with_capacity(fields.len());
                for (name, kind) in fields {
                    definitions.push(format!("{name}:{}", self.type_name(kind)));
                }
                return format!("STRUCT<{}>", definitions.join(", "));
            }
        };
        name.to_owned()
    }

    /// As a decimal, `100.0` would leave one digit behind the point.
    fn dollars(&self, cents: &str) -> String {
        format!("{cents} / 1e2")
    }

    fn readable_from(&self) -> &'static [LocationKind] {
        &[LocationKind::Bucket(StorageService::S3)]
    }

    fn unreadable_hint(&self) -> &'static str {
        "export into an s3:// bucket, or load another engine"
    }

    fn load_methods(&self) -> &'static [LoadMethod] {
        &[LoadMethod::External]
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let example = DataLocation::example(self.example_service());
        self.external_table(schema, table, &example)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        let folder = self.file_url(location, table.name());
        let folder = folder.trim_end_matches('/');
        let columns = hive_columns(table).join(",\n");
        let (partitioned, properties) = match table.folder_key() {
            Some((key, kind)) => partition_projection(key, &kind, folder),
            None => (String::new(), String::new()),
        };
        let folder = self.text(&format!("{folder}/"));
        // Created again, so that it has the columns that were added; the files stay.
        let name = format!("`{schema}`.`{}`", raw_table_name(table.name()));
        format!(
            "DROP TABLE IF EXISTS {name};\nCREATE EXTERNAL TABLE {name} (\n{columns}\n){partitioned}\n\
             STORED AS PARQUET\nLOCATION {folder}{properties};\n"
        )
    }
}

/// The columns as Hive has them: comments are quoted with backslashes, since there a doubled quote ends one text and begins
/// the next.
fn hive_columns(table: &Table) -> Vec<String> {
    let mut lines = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        let about = column_comment(column);
        let comment = if about.is_empty() {
            String::new()
        } else {
            format!(" COMMENT {}", escaped_text(&about))
        };
        let kind = Athena.type_name(&column.kind).to_lowercase();
        lines.push(format!("    `{}` {kind}{comment}", column.name));
    }
    lines
}

/// The clauses with which Athena computes the partitions, so that they need not be added one by one.
fn partition_projection(key: &str, kind: &ColumnType, folder: &str) -> (String, String) {
    let template = Athena.text(&format!("{folder}/{key}=${{{key}}}/"));
    let (kind, projection) = if *kind == ColumnType::Date {
        (
            "date",
            format!(
                "'projection.{key}.type' = 'date',\n    'projection.{key}.format' = 'yyyy-MM-dd',\n    \
                 'projection.{key}.range' = '{FIRST_DATE},NOW+1DAYS'"
            ),
        )
    } else {
        (
            "int",
            format!(
                "'projection.{key}.type' = 'integer',\n    'projection.{key}.digits' = '4',\n    \
                 'projection.{key}.range' = '2000,2099'"
            ),
        )
    };
    (
        format!("\nPARTITIONED BY (`{key}` {kind})"),
        format!(
            "\nTBLPROPERTIES (\n    'projection.enabled' = 'true',\n    {projection},\n    \
             'storage.location.template' = {template}\n)"
        ),
    )
}
