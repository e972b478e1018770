//! Tables over the files where they lie.

use super::ddl::{about, columns};
use super::engine::Engine;
use super::place::{Place, key_type};
use super::table::{Table, comment, raw_name};
use crate::table::ColumnType;

/// Nights that a projection of Athena reaches back to: before the API's first data.
const FIRST_NIGHT: &str = "2013-01-01";

/// The statements that make a table over the files where they lie.
pub fn external(engine: Engine, schema: &str, table: &Table, place: &Place) -> String {
    let report = table.schema().name();
    let name = engine.object(schema, &raw_name(report));
    let folder = place.folder(engine, report);
    match engine {
        Engine::Duckdb => duckdb_view(&name, table, &folder),
        Engine::Clickhouse => clickhouse_view(&name, table, place, report),
        Engine::Snowflake => snowflake_external(&name, table, report),
        Engine::Bigquery => bigquery_external(&name, table, &folder),
        Engine::Redshift => redshift_external(&name, table, &folder),
        Engine::Databricks | Engine::Spark => {
            let recover = if table.folder_key().is_some() {
                format!("MSCK REPAIR TABLE {name};\n")
            } else {
                format!("REFRESH TABLE {name};\n")
            };
            let (key, partitioned) = hive_key(engine, table);
            format!(
                "DROP TABLE IF EXISTS {name};\nCREATE TABLE {name} (\n{}{key}\n)\nUSING PARQUET{partitioned}\nLOCATION {};\n{recover}",
                columns(engine, table, false),
                engine.text(&folder)
            )
        }
        Engine::Athena => athena_external(schema, table, &folder),
    }
}

fn hive_key(engine: Engine, table: &Table) -> (String, String) {
    match table.folder_key() {
        Some((key, kind)) => (
            format!(",\n    `{key}` {}", key_type(engine, &kind)),
            format!("\nPARTITIONED BY (`{key}`)"),
        ),
        None => (String::new(), String::new()),
    }
}

/// `*.parquet` below a table's folder: below the folders of its partitions, and of further keys where there are any.
fn pattern(table: &Table, folder: &str) -> String {
    let folder = folder.trim_end_matches('/');
    if table.folder_key().is_some() {
        format!("{folder}/**/*.parquet")
    } else {
        format!("{folder}/*.parquet")
    }
}

fn duckdb_view(name: &str, table: &Table, folder: &str) -> String {
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("    {}", Engine::Duckdb.column(&column.name)))
        .collect();
    let files = Engine::Duckdb.text(&pattern(table, folder));
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT\n{}\nFROM read_parquet({files}, hive_partitioning = {}, union_by_name = true);\n",
        columns.join(",\n"),
        table.folder_key().is_some()
    )
}

fn clickhouse_view(name: &str, table: &Table, place: &Place, report: &str) -> String {
    let columns: Vec<String> = table
        .columns()
        .iter()
        .map(|column| format!("    {}", Engine::Clickhouse.column(&column.name)))
        .collect();
    let pattern = pattern(table, &place.folder(Engine::Clickhouse, report));
    format!(
        "CREATE OR REPLACE VIEW {name} AS SELECT\n{}\nFROM {};\n",
        columns.join(",\n"),
        place.clickhouse_source(&pattern, table)
    )
}

fn snowflake_external(name: &str, table: &Table, report: &str) -> String {
    let engine = Engine::Snowflake;
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
        let kind = match engine.type_name(&column.kind).as_str() {
            "TIMESTAMP_LTZ(6)" => "TIMESTAMP_LTZ".to_owned(),
            other => other.to_owned(),
        };
        // The path inside VALUE has the case of the file.
        lines.push(format!(
            "    {} {kind} AS (VALUE:\"{}\"::{kind})",
            engine.column(&column.name),
            column.name
        ));
    }
    let partitioned = table
        .folder_key()
        .map(|(key, _)| format!("\nPARTITION BY ({key})"))
        .unwrap_or_default();
    format!(
        "CREATE OR REPLACE EXTERNAL TABLE {name} (\n{}\n){partitioned}\nLOCATION = @backhaul_stage/{report}/\n\
         PATTERN = '.*[.]parquet'\nFILE_FORMAT = (FORMAT_NAME = 'backhaul_parquet')\nAUTO_REFRESH = FALSE;\n\
         ALTER EXTERNAL TABLE {name} REFRESH;\n",
        lines.join(",\n")
    )
}

/// A read-only Iceberg table of Snowflake over the folders as they are.
pub fn snowflake_direct(schema: &str, table: &Table) -> String {
    let report = table.schema().name();
    let name = Engine::Snowflake.object(schema, &raw_name(report));
    format!(
        "CREATE OR REPLACE ICEBERG TABLE {name}\n  EXTERNAL_VOLUME = 'backhaul_volume'\n  CATALOG = 'backhaul_parquet_direct'\n  \
         BASE_LOCATION = '{report}/';\nALTER ICEBERG TABLE {name} REFRESH;\n"
    )
}

fn bigquery_external(name: &str, table: &Table, folder: &str) -> String {
    let engine = Engine::Bigquery;
    let folder = folder.trim_end_matches('/');
    let files = engine.text(&format!("{folder}/*.parquet"));
    let (partitions, prefix) = match table.folder_key() {
        Some((key, kind)) => (
            format!(
                "\nWITH PARTITION COLUMNS (`{key}` {})",
                key_type(engine, &kind)
            ),
            format!(",\n    hive_partition_uri_prefix = {}", engine.text(folder)),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "CREATE OR REPLACE EXTERNAL TABLE {name} (\n{}\n){partitions}\nOPTIONS (\n    format = 'PARQUET',\n    uris = [{files}],\n    \
         enable_list_inference = true{prefix},\n    description = {}\n);\n",
        columns(engine, table, false),
        engine.text(&about(table))
    )
}

/// Redshift reads files where they lie through an external schema only.
fn redshift_external(name: &str, table: &Table, folder: &str) -> String {
    let engine = Engine::Redshift;
    let lines: Vec<String> = table
        .columns()
        .iter()
        .map(|column| {
            format!(
                "    {} {}",
                engine.column(&column.name),
                spectrum_type(&column.kind)
            )
        })
        .collect();
    let partitioned = match table.folder_key() {
        Some((key, kind)) => format!("\nPARTITIONED BY ({key} {})", spectrum_type(&kind)),
        None => String::new(),
    };
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE EXTERNAL TABLE {name} (\n{}\n){partitioned}\nSTORED AS PARQUET\nLOCATION {};\n",
        lines.join(",\n"),
        engine.text(&format!("{}/", folder.trim_end_matches('/')))
    )
}

fn spectrum_type(kind: &ColumnType) -> String {
    match kind {
        ColumnType::List(items) => format!("ARRAY<{}>", spectrum_type(items)),
        ColumnType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, kind)| format!("{name}:{}", spectrum_type(kind)))
                .collect();
            format!("STRUCT<{}>", fields.join(", "))
        }
        other => Engine::Redshift.type_name(other),
    }
}

fn athena_external(schema: &str, table: &Table, folder: &str) -> String {
    let engine = Engine::Athena;
    let report = table.schema().name();
    let lines: Vec<String> = table
        .columns()
        .iter()
        .map(|column| {
            let about = comment(column);
            // Athena's DDL is Hive's, where a doubled quote ends one text and begins the next.
            let about = if about.is_empty() {
                String::new()
            } else {
                format!(" COMMENT {}", Engine::Spark.text(&about))
            };
            format!(
                "    `{}` {}{about}",
                column.name,
                engine.type_name(&column.kind).to_lowercase()
            )
        })
        .collect();
    let folder = folder.trim_end_matches('/');
    let (partitioned, properties) = match table.folder_key() {
        Some((key, ColumnType::Date)) => (
            format!("\nPARTITIONED BY (`{key}` date)"),
            format!(
                "\nTBLPROPERTIES (\n    'projection.enabled' = 'true',\n    'projection.{key}.type' = 'date',\n    \
                 'projection.{key}.format' = 'yyyy-MM-dd',\n    'projection.{key}.range' = '{FIRST_NIGHT},NOW+1DAYS',\n    \
                 'storage.location.template' = {}\n)",
                engine.text(&format!("{folder}/{key}=${{{key}}}/"))
            ),
        ),
        Some((key, _)) => (
            format!("\nPARTITIONED BY (`{key}` int)"),
            format!(
                "\nTBLPROPERTIES (\n    'projection.enabled' = 'true',\n    'projection.{key}.type' = 'integer',\n    \
                 'projection.{key}.digits' = '4',\n    'projection.{key}.range' = '2000,2099',\n    \
                 'storage.location.template' = {}\n)",
                engine.text(&format!("{folder}/{key}=${{{key}}}/"))
            ),
        ),
        None => (String::new(), String::new()),
    };
    // Made anew, so that it has the columns that were added; the files stay.
    let name = format!("`{schema}`.`{}`", raw_name(report));
    format!(
        "DROP TABLE IF EXISTS {name};\nCREATE EXTERNAL TABLE {name} (\n{}\n){partitioned}\nSTORED AS PARQUET\nLOCATION {}{properties};\n",
        lines.join(",\n"),
        engine.text(&format!("{folder}/"))
    )
}
