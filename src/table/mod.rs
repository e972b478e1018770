//! Room `table`: what a table looks like and what is written down about it.
//!
//! Owns the resolved schema of a report (metadata columns first, then the report's own), its Arrow types, the rule that
//! columns only grow, the spelling of partition folders and the manifest types. It knows the catalog and nothing of
//! requests, files or configuration.
//!
//! Invariants: every column is nullable, none has the Null type, and no partition key equals a column's name.

mod column_type;
mod evolve;
pub mod layout;
pub mod manifest;
mod partition;
mod render;
mod schema;
mod span;
mod task_spec;

pub use column_type::{ColumnType, LIST_ELEMENT};
pub use evolve::{RecordedColumn, evolve};
pub use partition::{parse_segment, segment};
pub use render::{render_arrow, render_json};
pub use schema::{
    CHANGE, COVERAGE, EXPORTED_AT, ProgramColumn, RUN_ID, SCALAR_COLUMN, SNAPSHOT_DATE, TARGET,
    TARGETS, TableColumn, TableSchema, is_system_table, parameter_column, recorded_parameters,
    source_column,
};

pub use span::{Span, joined};
pub use task_spec::{FetchMode, TaskSpec};

pub use crate::catalog::{Column, Endpoint, Measure, Shape};
