//! The API as data: endpoints, parameters, columns, units, filterable columns, order keys, presets.
//!
//! `schemas/*.json` is the source of truth; it is embedded, parsed once, and checked by tests. This module knows nothing of
//! configuration, requests or Arrow; other modules ask it instead of naming a column or an endpoint themselves.

mod column;
mod endpoint;
mod parameter;
mod parse;
mod pricing;
mod registry;
mod related;
mod spelling;

pub use column::{Column, ColumnKind, Filterable, Measure, Presets};
pub use endpoint::{Changes, Endpoint, Shape};
pub use parameter::{Parameter, ParameterKind};
pub use pricing::{FREE_KEYWORDS, FREE_ROWS, FREE_TARGETS, MIN_UNITS_PER_REQUEST, Pricing};
pub use registry::Catalog;
pub use related::{Batch, RowCount};
pub use spelling::nearest;
