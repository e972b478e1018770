//! `BigQuery`, in `GoogleSQL`.

use serde_json::json;

use chrono::NaiveDate;

use crate::table::{ColumnType, SNAPSHOT_DATE};
use crate::warehouse::data_location::{DataLocation, LocationKind, StorageService};
use crate::warehouse::ddl::{
    add_columns_at_once, column_lines, commented_lines, create_table_if_missing, define,
    quoted_list, struct_fields, text_list,
};
use crate::warehouse::dialect::{ClientCommand, SqlDialect};
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backtick_escaped, escaped_text, json_path};
use crate::warehouse::table::{
    PartitionRange, PartitionScheme, Table, column_comment, raw_table_name,
};

pub(in crate::warehouse) struct BigQuery;

impl SqlDialect for BigQuery {
    fn name(&self) -> &'static str {
        "bigquery"
    }

    fn title(&self) -> &'static str {
        "BigQuery"
    }

    fn column(&self, name: &str) -> String {
        backtick_escaped(name)
    }

    fn object(&self, schema: &str, name: &str) -> String {
        format!("`{schema}.{name}`")
    }

    fn allows_project_names(&self) -> bool {
        true
    }

    fn text(&self, value: &str) -> String {
        escaped_text(value)
    }

    fn timestamp(&self, day: NaiveDate) -> String {
        format!("TIMESTAMP '{day} 00:00:00+00'")
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        format!("JSON_VALUE({text}, {})", self.text(&json_path(key)))
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        let name = match kind {
            ColumnType::Integer => "INT64",
            ColumnType::Float => "FLOAT64",
            ColumnType::Boolean => "BOOL",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMP",
            ColumnType::Text | ColumnType::Json => "STRING",
            ColumnType::List(items) => return format!("ARRAY<{}>", self.type_name(items)),
            ColumnType::Struct(fields) => {
                return format!("STRUCT<{}>", struct_fields(self, fields, " "));
            }
        };
        name.to_owned()
    }

    fn readable_from(&self) -> &'static [LocationKind] {
        &[LocationKind::Bucket(StorageService::Google)]
    }

    fn unreadable_hint(&self) -> &'static str {
        "copy the tables' folders to a gs:// bucket (without _backhaul/) and export there, or load another engine"
    }

    fn example_service(&self) -> StorageService {
        StorageService::Google
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let lines = commented_lines(self, table);
        let definition = create_table_if_missing(self, schema, table, &lines);
        let partitions = partition_clause(table);
        let keys = quoted_list(self, &table.clustering_columns());
        let cluster = if keys.is_empty() {
            String::new()
        } else {
            format!("\nCLUSTER BY {keys}")
        };
        let comment = self.text(&table.comment());
        format!("{definition}{partitions}{cluster}\nOPTIONS (description = {comment});\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        add_columns_at_once(self, schema, table)
    }

    fn column_comment(&self, about: &str) -> String {
        format!(" OPTIONS (description = {})", self.text(about))
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        let name = self.object(schema, &raw_table_name(table.name()));
        let columns = column_lines(self, table).join(",\n");
        let folder = self.file_url(location, table.name());
        let folder = folder.trim_end_matches('/');
        let files = self.text(&format!("{folder}/*.parquet"));
        let (partitions, prefix) = match table.folder_key() {
            Some((key, kind)) => (
                format!(
                    "\nWITH PARTITION COLUMNS (`{key}` {})",
                    self.type_name(&kind)
                ),
                format!(",\n    hive_partition_uri_prefix = {}", self.text(folder)),
            ),
            None => (String::new(), String::new()),
        };
        let comment = self.text(&table.comment());
        format!(
            "CREATE OR REPLACE EXTERNAL TABLE {name} (\n{columns}\n){partitions}\nOPTIONS (\n    format = 'PARQUET',\n    \
             uris = [{files}],\n    enable_list_inference = true{prefix},\n    description = {comment}\n);\n"
        )
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let PartitionLoad {
            name, condition, ..
        } = load;
        if load.change.files.is_empty() {
            return format!("DELETE FROM {name} WHERE {condition};\n");
        }
        match load.range {
            PartitionRange::Date(date) => overwrite_partition(load, date),
            PartitionRange::Year(_) | PartitionRange::All => replace_rows(load),
        }
    }

    fn client(&self, database: Option<&str>) -> Option<ClientCommand> {
        let mut arguments = vec![
            "query".to_owned(),
            "--use_legacy_sql=false".to_owned(),
            "--quiet".to_owned(),
        ];
        if let Some(project) = database {
            arguments.push(format!("--project_id={project}"));
        }
        Some(ClientCommand {
            program: "bq",
            arguments,
            install_hint: "install the Google Cloud CLI",
        })
    }
}

fn partition_clause(table: &Table) -> String {
    let Some(column) = table.partition_column() else {
        return String::new();
    };
    let name = BigQuery.column(&column.name);
    match table.scheme() {
        PartitionScheme::Years { .. } => {
            let truncate = if column.kind == ColumnType::Timestamp {
                "TIMESTAMP_TRUNC"
            } else {
                "DATE_TRUNC"
            };
            format!("\nPARTITION BY {truncate}({name}, YEAR)")
        }
        _ => format!("\nPARTITION BY {name}"),
    }
}

fn overwrite_partition(load: &PartitionLoad<'_>, date: NaiveDate) -> String {
    let name = &load.name;
    let column = BigQuery.column(SNAPSHOT_DATE);
    let date = BigQuery.date(date);
    format!(
        "LOAD DATA INTO {name}\n    OVERWRITE PARTITIONS ({column} = {date})\n    {};\n{}",
        files_clause(load),
        row_count_check(load, name)
    )
}

/// Loads files into another table first: only rows can be replaced in a transaction.
fn replace_rows(load: &PartitionLoad<'_>) -> String {
    let PartitionLoad {
        name, condition, ..
    } = load;
    let loading = &load.loading_table;
    let mut definitions = Vec::new();
    for column in load.table.columns() {
        if load.change.columns.contains(&column.name) {
            definitions.push(define(&BigQuery, column));
        }
    }
    let columns = &load.columns;
    format!(
        "LOAD DATA OVERWRITE {loading} ({})\n    {};\n{}BEGIN TRANSACTION;\nDELETE FROM {name} WHERE {condition};\n\
         INSERT INTO {name} ({columns}) SELECT {columns} FROM {loading};\nCOMMIT TRANSACTION;\nDROP TABLE {loading};\n",
        definitions.join(", "),
        files_clause(load),
        row_count_check(load, loading)
    )
}

fn files_clause(load: &PartitionLoad<'_>) -> String {
    format!(
        "FROM FILES (format = 'PARQUET', enable_list_inference = true, uris = [{}])",
        text_list(&BigQuery, &load.file_urls)
    )
}

fn row_count_check(load: &PartitionLoad<'_>, name: &str) -> String {
    format!(
        "ASSERT (SELECT COUNT(*) FROM {name} WHERE {}) = {} AS {};\n",
        load.condition,
        load.change.rows(),
        BigQuery.text(&load.expected())
    )
}

/// The schema of a table for `bq load --schema`.
pub fn bigquery_json(table: &Table) -> String {
    let mut fields = Vec::with_capacity(table.columns().len());
    for column in table.columns() {
        let about = column_comment(column);
        fields.push(json_field(&column.name, &column.kind, &about));
    }
    format!("{:#}\n", serde_json::Value::Array(fields))
}

fn json_field(name: &str, kind: &ColumnType, about: &str) -> serde_json::Value {
    let (mode, kind) = match kind {
        ColumnType::List(items) => ("REPEATED", items.as_ref()),
        other => ("NULLABLE", other),
    };
    let mut field = match kind {
        ColumnType::Struct(fields) => {
            let fields: Vec<_> = fields
                .iter()
                .map(|(name, kind)| json_field(name, kind, ""))
                .collect();
            json!({ "name": name, "type": "RECORD", "mode": mode, "fields": fields })
        }
        other => json!({ "name": name, "type": BigQuery.type_name(other), "mode": mode }),
    };
    if let (false, Some(field)) = (about.is_empty(), field.as_object_mut()) {
        field.insert("description".to_owned(), about.into());
    }
    field
}
