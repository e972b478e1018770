//! Snowflake.

use std::fmt::Write as _;

use chrono::NaiveDate;

use crate::table::ColumnType;
use crate::warehouse::data_location::{Bucket, DataLocation, LocationKind, StorageService};
use crate::warehouse::ddl::{
    add_columns_one_by_one, cluster_keys, commented_lines, create_table_if_missing,
};
use crate::warehouse::dialect::{ClientCommand, SqlDialect};
use crate::warehouse::partition_load::PartitionLoad;
use crate::warehouse::quoting::{backslash_text, double_quoted, is_plain};
use crate::warehouse::table::{Table, raw_table_name};
use crate::warehouse::table_load::LoadMethod;

/// Files that one COPY names at most.
const COPY_FILES_MAX: usize = 1_000;

const FILE_FORMAT: &str = "\
CREATE FILE FORMAT IF NOT EXISTS backhaul_parquet
    TYPE = PARQUET
    USE_LOGICAL_TYPE = TRUE
    USE_VECTORIZED_SCANNER = TRUE
    BINARY_AS_TEXT = FALSE
    REPLACE_INVALID_CHARACTERS = TRUE;
";

const DIRECT_SETUP: &str = "\
-- An account administrator creates the external volume backhaul_volume over the bucket once, and this catalog:
CREATE CATALOG INTEGRATION IF NOT EXISTS backhaul_parquet_direct
    CATALOG_SOURCE = OBJECT_STORE
    TABLE_FORMAT = HIVE
    ENABLED = TRUE;
";

/// A column with a reserved name is quoted, and only such a column, since a quoted name has to be quoted in every query.
const RESERVED_WORDS: &[&str] = &[
    "account",
    "all",
    "alter",
    "and",
    "any",
    "as",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "column",
    "connect",
    "connection",
    "constraint",
    "create",
    "cross",
    "current",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "database",
    "delete",
    "distinct",
    "drop",
    "else",
    "exists",
    "false",
    "following",
    "for",
    "from",
    "full",
    "grant",
    "group",
    "gscluster",
    "having",
    "ilike",
    "in",
    "increment",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "issue",
    "join",
    "lateral",
    "left",
    "like",
    "localtime",
    "localtimestamp",
    "minus",
    "natural",
    "not",
    "null",
    "of",
    "on",
    "or",
    "order",
    "organization",
    "qualify",
    "regexp",
    "revoke",
    "right",
    "rlike",
    "row",
    "rows",
    "sample",
    "schema",
    "select",
    "set",
    "some",
    "start",
    "table",
    "tablesample",
    "then",
    "to",
    "trigger",
    "true",
    "try_cast",
    "union",
    "unique",
    "update",
    "using",
    "values",
    "view",
    "when",
    "whenever",
    "where",
    "with",
];

pub(in crate::warehouse) struct Snowflake;

impl SqlDialect for Snowflake {
    fn name(&self) -> &'static str {
        "snowflake"
    }

    fn title(&self) -> &'static str {
        "Snowflake"
    }

    fn column(&self, name: &str) -> String {
        if RESERVED_WORDS.contains(&name) {
            format!("\"{}\"", name.to_uppercase())
        } else if is_plain(name) {
            name.to_owned()
        } else {
            double_quoted(name)
        }
    }

    fn text(&self, value: &str) -> String {
        backslash_text(value)
    }

    fn timestamp(&self, day: NaiveDate) -> String {
        format!("'{day} 00:00:00 +0000'::TIMESTAMP_LTZ")
    }

    fn json_value(&self, text: &str, key: &str) -> String {
        let path = if is_plain(key) {
            key.to_owned()
        } else {
            format!("[\"{}\"]", key.replace('"', "\\\""))
        };
        format!(
            "GET_PATH(PARSE_JSON({text}), {})::VARCHAR",
            self.text(&path)
        )
    }

    fn type_name(&self, kind: &ColumnType) -> String {
        let name = match kind {
            ColumnType::Integer => "BIGINT",
            ColumnType::Float => "DOUBLE",
            ColumnType::Boolean => "BOOLEAN",
            ColumnType::Date => "DATE",
            ColumnType::Timestamp => "TIMESTAMP_LTZ(6)",
            ColumnType::Text | ColumnType::Json => "VARCHAR",
            ColumnType::List(_) => "ARRAY",
            ColumnType::Struct(_) => "OBJECT",
        };
        name.to_owned()
    }

    fn external_from(&self) -> &'static [LocationKind] {
        &LocationKind::BUCKETS
    }

    fn object_url(&self, bucket: &Bucket, name: &str) -> String {
        let container = &bucket.name;
        let object = bucket.object_name(name);
        match bucket.service {
            StorageService::S3 => format!("s3://{container}/{object}"),
            StorageService::Google => format!("gcs://{container}/{object}"),
            StorageService::Azure => format!(
                "azure://{}.blob.core.windows.net/{container}/{object}",
                bucket.account_name()
            ),
        }
    }

    fn load_methods(&self) -> &'static [LoadMethod] {
        &[LoadMethod::Copy, LoadMethod::External, LoadMethod::Direct]
    }

    fn setup(&self, schema: &str, location: &DataLocation, method: LoadMethod) -> String {
        let stage = match location {
            DataLocation::Folder(_) => "CREATE STAGE IF NOT EXISTS backhaul_stage;\n".to_owned(),
            DataLocation::Bucket(_) => bucket_stage(&self.file_url(location, "")),
        };
        let direct = if method == LoadMethod::Direct {
            DIRECT_SETUP
        } else {
            ""
        };
        format!(
            "CREATE SCHEMA IF NOT EXISTS {schema};\nUSE SCHEMA {schema};\n\
             ALTER SESSION SET TIMEZONE = 'UTC';\n{FILE_FORMAT}{stage}{direct}"
        )
    }

    fn create_table(&self, schema: &str, table: &Table) -> String {
        let lines = commented_lines(self, table);
        let definition = create_table_if_missing(self, schema, table, &lines);
        let keys = cluster_keys(self, table);
        let cluster = if keys.is_empty() {
            String::new()
        } else {
            format!("\nCLUSTER BY ({keys})")
        };
        let comment = self.text(&table.comment());
        format!("{definition}{cluster}\nCOMMENT = {comment};\n")
    }

    fn add_columns(&self, schema: &str, table: &Table) -> String {
        add_columns_one_by_one(self, schema, table)
    }

    fn external_table(&self, schema: &str, table: &Table, _location: &DataLocation) -> String {
        let report = table.name();
        let name = self.object(schema, &raw_table_name(report));
        let columns = external_columns(table).join(",\n");
        let partitioned = match table.folder_key() {
            Some((key, _)) => format!("\nPARTITION BY ({key})"),
            None => String::new(),
        };
        format!(
            "CREATE OR REPLACE EXTERNAL TABLE {name} (\n{columns}\n){partitioned}\n\
             LOCATION = @backhaul_stage/{report}/\nPATTERN = '.*[.]parquet'\n\
             FILE_FORMAT = (FORMAT_NAME = 'backhaul_parquet')\nAUTO_REFRESH = FALSE;\n\
             ALTER EXTERNAL TABLE {name} REFRESH;\n"
        )
    }

    fn direct_table(&self, schema: &str, table: &Table) -> String {
        let report = table.name();
        let name = self.object(schema, &raw_table_name(report));
        format!(
            "CREATE OR REPLACE ICEBERG TABLE {name}\n  EXTERNAL_VOLUME = 'backhaul_volume'\n  \
             CATALOG = 'backhaul_parquet_direct'\n  BASE_LOCATION = '{report}/';\n\
             ALTER ICEBERG TABLE {name} REFRESH;\n"
        )
    }

    fn replace_partition(&self, load: &PartitionLoad<'_>) -> String {
        let PartitionLoad {
            name, condition, ..
        } = load;
        let folder = format!("@backhaul_stage/{}", load.folder());
        let mut text = match load.location {
            DataLocation::Folder(_) => put_files(load, &folder),
            DataLocation::Bucket(_) => String::new(),
        };
        let _ = write!(text, "BEGIN;\nDELETE FROM {name} WHERE {condition};\n");
        for files in load.change.files.chunks(COPY_FILES_MAX) {
            let files: Vec<String> = files.iter().map(|file| self.text(&file.name)).collect();
            let files = files.join(", ");
            // Without FORCE a file with the name of one that was loaded before is skipped.
            let _ = writeln!(
                text,
                "COPY INTO {name} FROM {folder}\n    FILES = ({files})\n    \
                 FILE_FORMAT = (FORMAT_NAME = 'backhaul_parquet')\n    \
                 MATCH_BY_COLUMN_NAME = CASE_INSENSITIVE\n    FORCE = TRUE\n    ON_ERROR = ABORT_STATEMENT;"
            );
        }
        let (expected, rows) = (self.text(&load.expected_found()), load.change.rows());
        // A cast that fails is the only way to stop a plain script with a message.
        let _ = writeln!(
            text,
            "SELECT CAST(IFF(COUNT(*) = {rows}, COUNT(*)::VARCHAR, {expected} || COUNT(*)) AS INTEGER) AS loaded \
             FROM {name} WHERE {condition};\nCOMMIT;"
        );
        text
    }

    fn client(&self, database: Option<&str>) -> Option<ClientCommand> {
        let mut arguments = vec!["sql".to_owned(), "--stdin".to_owned()];
        if let Some(name) = database {
            arguments.extend(["--database".to_owned(), name.to_owned()]);
        }
        Some(ClientCommand {
            program: "snow",
            arguments,
            install_hint: "pip install snowflake-cli",
        })
    }
}

/// A stage over a bucket.
fn bucket_stage(url: &str) -> String {
    format!(
        "-- An account administrator creates the integration backhaul_integration once, with read access to the bucket.\n\
         CREATE STAGE IF NOT EXISTS backhaul_stage\n    URL = {}\n    STORAGE_INTEGRATION = backhaul_integration;\n",
        Snowflake.text(url)
    )
}

/// Uploads local files into the stage.
fn put_files(load: &PartitionLoad<'_>, folder: &str) -> String {
    let mut text = String::new();
    for (file, url) in load.change.files.iter().zip(&load.file_urls) {
        // A file keeps the folders of further partition keys: COPY names them too.
        let below = match file.name.rsplit_once('/') {
            Some((below, _)) => format!("{below}/"),
            None => String::new(),
        };
        let file = Snowflake.text(&format!("file://{url}"));
        let _ = writeln!(
            text,
            "PUT {file} {folder}{below} AUTO_COMPRESS = FALSE OVERWRITE = TRUE;"
        );
    }
    text
}

/// The columns of an external table: the folders' key from the path, the others from the row.
fn external_columns(table: &Table) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some((key, kind)) = table.folder_key() {
        let kind = if kind == ColumnType::Integer {
            "INTEGER"
        } else {
            "DATE"
        };
        lines.push(format!(
            "    {key} {kind} AS (REGEXP_SUBSTR(METADATA$FILENAME, '{key}=([^/]+)', 1, 1, 'e', 1)::{kind})"
        ));
    }
    for column in table.columns() {
        let kind = match column.kind {
            ColumnType::Timestamp => "TIMESTAMP_LTZ".to_owned(),
            _ => Snowflake.type_name(&column.kind),
        };
        // The path inside VALUE is case-sensitive.
        lines.push(format!(
            "    {} {kind} AS (VALUE:\"{}\"::{kind})",
            Snowflake.column(&column.name),
            column.name
        ));
    }
    lines
}
