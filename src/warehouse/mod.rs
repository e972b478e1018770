//! Module `warehouse`: DDL, load statements, views and layout checks for the engines that read the tables.
//!
//! A warehouse has a table `raw_<report>` with the files' columns as they are, and views for people: `<report>` with plain
//! names and labels, `<report>_latest` with the newest complete night of each task, `<report>_money` in dollars. All
//! statements may be run again. Everything here makes text from a table's schema and manifest; nothing is run here.
//!
//! Another warehouse is one file in `dialects/`, one variant of [`Engine`] and its golden tests.

mod acknowledged;
mod data_location;
mod ddl;
mod dialect;
mod dialects;
mod engine;
mod latest;
mod lint;
mod partition_load;
mod quoting;
mod replace_partition;
mod schema_name;
mod script;
mod table;
mod table_load;
mod views;

pub use acknowledged::{Acknowledged, CommitSnapshot};
pub use data_location::{Bucket, DataLocation, StorageService};
pub(crate) use dialect::ClientCommand;
pub use dialects::bigquery_json;
pub use engine::Engine;
pub use lint::{LintFinding, LocatedFile, Severity, lint_table};
pub use schema_name::check_schema_name;
pub use script::check_location;
pub use script::{create_table, external_table, load_script};
pub use table::Table;
pub use table_load::{DataFile, LoadMethod, PartitionChange, TableLoad};
