//! Module `table`: what a table looks like and what is recorded about it.
//!
//! Owns the resolved schema of a report (metadata columns first, then the report's own), its Arrow types, the rule that
//! columns are only added, the spelling of partition folders and the manifest types. It knows the catalog and nothing of
//! requests, files or configuration.
//!
//! Invariants: every column is nullable, none has the Null type, and no partition key equals a column's name.

mod column_names;
mod column_type;
mod date_range;
pub mod layout;
pub mod manifest;
mod partition;
mod recorded_column;
mod render;
mod schema;
mod table_column;
mod task_spec;

pub use column_names::{
    CHANGE, COVERAGE, EXPORTED_AT, RUN_ID, SCALAR_COLUMN, SNAPSHOT_DATE, TARGET, TARGETS,
    is_system_table, parameter_column, recorded_parameters,
};
pub use column_type::{ColumnType, LIST_ELEMENT};
pub use date_range::{DateRange, merge_ranges};
pub use partition::{parse_segment, segment};
pub use recorded_column::{RecordedColumn, evolve};
pub use render::{render_arrow, render_json};
pub use schema::TableSchema;
pub use table_column::{SystemColumn, TableColumn, source_column};
pub use task_spec::{FetchMode, TaskSpec};

pub use crate::catalog::{Column, Endpoint, Measure, Shape};
