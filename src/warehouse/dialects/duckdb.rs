//! `DuckDB`.

use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::table::ColumnType;
use crate::warehouse::data_location::{Bucket, DataLocation, StorageService};
use crate::warehouse::ddl::{
    add_columns_one_by_one, column_lines, comment_on, create_table_if_missing, file_pattern,
    name_lines, struct_fields, text_list,
};
use crate::warehouse::dialect::{ClientCommand, SqlDialect};
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{double_quoted, json_path};
use crate::warehouse::table::{Table, raw_table_name};
use crate::warehouse::table_load::LoadMethod;

/// The database file where none is named.
const DEFAULT_FILE: &str = "backhaul.duckdb";

const GOOGLE_SETUP: &str = "\
-- DuckDB reads gs:// with an HMAC key of the bucket:
--   CREATE PERSISTENT SECRET backhaul (TYPE gcs, KEY_ID '…', SECRET '…');
INSTALL httpfs;
LOAD httpfs;
";

pub(in crate::warehouse) struct DuckDb;

impl SqlDialect for DuckDb {
    fn name(&self) -> &'static str {
        "duckdb"
    }

    fn title(&self) -> &'static str {
        "DuckDB"
    }

    fn column(&self, name: &str) -> String {
        double_quoted(name)
    }

    fn timestamp(&self, day: NaiveDate) -> String {
        format!("TIMESTAMPTZ '{day} 00:00:00+00'")
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        let path = self.text(&json_path(key));
        format!("json_extract_string({text}, {path})")
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        let name = match kind {
            ColumnType::Integer => "BIGINT",
            ColumnType::Float => "DOUBLE",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMPTZ",
            ColumnType::Text | ColumnType::Json => "VARCHAR",
            ColumnType::List(items) => return format!("{}[]", self.type_name(items)),
            ColumnType::Struct(fields) => {
                return format!("STRUCT({})", struct_fields(self, fields, " "));
            }
        };
        name.to_owned()
    }

    fn object_url(&self, bucket: &Bucket, name: &str) -> String {
        let scheme = match bucket.service {
            StorageService::S3 => "s3",
            StorageService::Google => "gs",
            StorageService::Azure => "az",
        };
        format!("{scheme}://{}/{}", bucket.name, bucket.object_name(name))
    }

    fn setup(&self, schema: &str, location: &DataLocation, _method: LoadMethod) -> String {
        let secret = match location {
            DataLocation::Folder(_) => String::new(),
            DataLocation::Bucket(bucket) => bucket_setup(bucket),
        };
        format!("{secret}CREATE SCHEMA IF NOT EXISTS {schema};\n")
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let definition = create_table_if_missing(self, schema, table, &column_lines(self, table));
        format!("{definition};\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        add_columns_one_by_one(self, schema, table)
    }

    fn comment_statements(&self, schema: &str, table: &Table) -> String {
        comment_on(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, location: &DataLocation) -> String {
        let name = self.object(schema, &raw_table_name(table.name()));
        let columns = name_lines(self, table);
        let folder = self.file_url(location, table.name());
        let files = self.text(&file_pattern(table, &folder));
        let is_partitioned = table.folder_key().is_some();
        format!(
            "CREATE OR REPLACE VIEW {name} AS SELECT\n{columns}\n\
             FROM read_parquet({files}, hive_partitioning = {is_partitioned}, union_by_name = true);\n"
        )
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let PartitionLoad {
            name, condition, ..
        } = load;
        let mut text = format!("BEGIN TRANSACTION;\nDELETE FROM {name} WHERE {condition};\n");
        if !load.change.files.is_empty() {
            let files = text_list(self, &load.file_urls);
            let _ = writeln!(
                text,
                "INSERT INTO {name} BY NAME SELECT * FROM read_parquet([{files}], hive_partitioning = false);"
            );
        }
        let _ = writeln!(
            text,
            "SELECT CASE WHEN count(*) = {} THEN count(*) ELSE error({} || count(*)) END AS loaded \
             FROM {name} WHERE {condition};\nCOMMIT;",
            load.change.rows(),
            self.text(&load.expected_found()),
        );
        text
    }

    fn client(&self, database: Option<&str>) -> Option<ClientCommand> {
        Some(ClientCommand {
            program: "duckdb",
            arguments: vec![
                "-bail".to_owned(),
                database.unwrap_or(DEFAULT_FILE).to_owned(),
            ],
            install_hint: "pip install duckdb-cli",
        })
    }
}

/// The extensions and the secret with which the bucket is read.
fn bucket_setup(bucket: &Bucket) -> String {
    match bucket.service {
        StorageService::S3 => {
            let options = s3_options(bucket);
            let scope = DuckDb.text(&format!("s3://{}", bucket.name));
            format!(
                "INSTALL httpfs;\nLOAD httpfs;\nINSTALL aws;\nLOAD aws;\n\
                 CREATE OR REPLACE SECRET backhaul (TYPE s3, PROVIDER credential_chain{options}, SCOPE {scope});\n"
            )
        }
        StorageService::Google => GOOGLE_SETUP.to_owned(),
        StorageService::Azure => {
            let account = DuckDb.text(bucket.account_name());
            format!(
                "INSTALL azure;\nLOAD azure;\n\
                 CREATE OR REPLACE SECRET backhaul (TYPE azure, PROVIDER credential_chain, ACCOUNT_NAME {account});\n"
            )
        }
    }
}

/// Region and endpoint of a secret, each after a comma.
fn s3_options(bucket: &Bucket) -> String {
    let mut options = String::new();
    if let Some(region) = &bucket.region {
        let _ = write!(options, ", REGION {}", DuckDb.text(region));
    }
    if let Some(endpoint) = &bucket.endpoint {
        let is_tls = endpoint.starts_with("https://");
        let host = match endpoint.split_once("://") {
            Some((_, host)) => host,
            None => endpoint,
        };
        let host = DuckDb.text(host);
        let _ = write!(
            options,
            ", ENDPOINT {host}, URL_STYLE 'path', USE_SSL {is_tls}"
        );
    }
    options
}
