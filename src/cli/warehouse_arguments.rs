//! What may be typed behind the commands that speak of warehouses.

use clap::{Args, ValueEnum};

use super::arguments::Selection;
use crate::warehouse::Engine;

/// `schema`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "flags of a command line, by their names"
)]
pub struct Schema {
    /// A report of the configuration, or an endpoint
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The form
    #[arg(long, value_enum, default_value_t = SchemaFormat::Arrow)]
    pub format: SchemaFormat,
    /// A table over the files where they lie, instead of one that copies are loaded into
    #[arg(long)]
    pub external: bool,
    /// Schema, dataset or database of the warehouse
    #[arg(long = "schema", value_name = "NAME", default_value = "backhaul")]
    pub schema: String,
}

/// Forms of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// A table of columns and types
    Arrow,
    /// JSON
    Json,
    /// CREATE TABLE of `DuckDB`
    Duckdb,
    /// CREATE TABLE of Snowflake
    Snowflake,
    /// CREATE TABLE of `BigQuery`
    Bigquery,
    /// A schema for `bq load --schema`
    BigqueryJson,
    /// CREATE TABLE of Redshift
    Redshift,
    /// CREATE TABLE of Databricks, a Delta table
    Databricks,
    /// CREATE TABLE of Spark, a Parquet table
    Spark,
    /// CREATE TABLE of `ClickHouse`
    Clickhouse,
    /// CREATE EXTERNAL TABLE of Athena
    Athena,
}

impl SchemaFormat {
    /// The engine whose DDL it is.
    pub fn engine(self) -> Option<Engine> {
        Some(match self {
            Self::Arrow | Self::Json | Self::BigqueryJson => return None,
            Self::Duckdb => Engine::Duckdb,
            Self::Snowflake => Engine::Snowflake,
            Self::Bigquery => Engine::Bigquery,
            Self::Redshift => Engine::Redshift,
            Self::Databricks => Engine::Databricks,
            Self::Spark => Engine::Spark,
            Self::Clickhouse => Engine::Clickhouse,
            Self::Athena => Engine::Athena,
        })
    }
}

/// `load`
#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of a command line, by their names"
)]
pub struct Load {
    /// The engine
    #[arg(value_enum, value_name = "WAREHOUSE")]
    pub warehouse: Warehouse,
    #[command(flatten)]
    pub selection: Selection,
    /// Only partitions that changed since the number that was last acknowledged: new, late, rewritten and forgotten ones
    #[arg(long, conflicts_with = "done")]
    pub pending: bool,
    /// Take note that the warehouse has what `--pending` printed with this number
    #[arg(long, value_name = "N", conflicts_with_all = ["apply", "external", "direct"])]
    pub done: Option<u64>,
    /// Run it with the engine's own client (duckdb, snow, bq) and take note of it
    #[arg(long)]
    pub apply: bool,
    /// Tables over the files where they lie, instead of copies
    #[arg(long)]
    pub external: bool,
    /// Of Snowflake: read-only Iceberg tables over the folders (Parquet Direct)
    #[arg(long, conflicts_with = "external")]
    pub direct: bool,
    /// Schema, dataset or database that the tables belong to
    #[arg(long, value_name = "NAME", default_value = "backhaul")]
    pub schema: String,
    /// For --apply: the file of `DuckDB` (default: backhaul.duckdb), the database of Snowflake, the project of `BigQuery`
    #[arg(long, value_name = "NAME", requires = "apply")]
    pub database: Option<String>,
}

/// Engines that `load` speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Warehouse {
    /// `DuckDB`
    Duckdb,
    /// Snowflake
    Snowflake,
    /// `BigQuery`, from gs:// only
    Bigquery,
    /// Redshift, from s3:// only
    Redshift,
    /// Databricks, from buckets only
    Databricks,
    /// Apache Spark
    Spark,
    /// `ClickHouse`
    Clickhouse,
    /// Athena, over s3:// only
    Athena,
}

impl Warehouse {
    /// The engine.
    pub fn engine(self) -> Engine {
        match self {
            Self::Duckdb => Engine::Duckdb,
            Self::Snowflake => Engine::Snowflake,
            Self::Bigquery => Engine::Bigquery,
            Self::Redshift => Engine::Redshift,
            Self::Databricks => Engine::Databricks,
            Self::Spark => Engine::Spark,
            Self::Clickhouse => Engine::Clickhouse,
            Self::Athena => Engine::Athena,
        }
    }
}
