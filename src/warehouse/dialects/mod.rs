//! The engines, one file each.

mod athena;
mod bigquery;
mod clickhouse;
mod databricks;
mod duckdb;
mod hive;
mod redshift;
mod snowflake;
mod spark;

pub(super) use athena::Athena;
pub(super) use bigquery::BigQuery;
pub use bigquery::bigquery_json;
pub(super) use clickhouse::ClickHouse;
pub(super) use databricks::Databricks;
pub(super) use duckdb::DuckDb;
pub(super) use redshift::Redshift;
pub(super) use snowflake::Snowflake;
pub(super) use spark::Spark;
