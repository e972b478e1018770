//! Tables: which rows an operation has for a query, and any cell of any row, computed from the seed alone.
//!
//! ```text
//! family, daily_churn ─▶ source ─▶ values ─▶ comparison ─▶ columns ─▶ link ─▶ cells
//!                                                                               │
//! row_order, groups, verdicts ─▶ table ─▶ target_metrics ─▶ table_factory ◀─────┘
//! ```

mod cells;
mod columns;
mod comparison;
mod daily_churn;
mod family;
mod groups;
mod link;
mod row_order;
mod source;
mod table;
mod table_factory;
mod target_metrics;
mod values;
mod verdicts;

pub(crate) use groups::Groups;
pub(crate) use table::Table;
pub(crate) use table_factory::{TableFactory, table_name};
pub(crate) use target_metrics::{MakeTable, TargetMetrics};
pub(crate) use verdicts::Verdicts;
