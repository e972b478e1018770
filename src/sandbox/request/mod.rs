//! A request as the API understands it: its parameters by name, and the checked query that they make.

mod body;
mod columns;
mod parameters;
mod periods;
mod query;

pub(crate) use body::read_body;
pub(crate) use columns::{filterable_twin, tampered_column};
pub(crate) use parameters::{Parameters, Values};
pub(crate) use query::{Aggregation, History, Query};
