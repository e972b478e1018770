//! Filters of the API: a typed tree, its JSON, the SQL and the JSON that users write, and the ranges that paging requests.
//!
//! Knows the API's filter grammar and the catalog's filterable columns; knows nothing of requests or answers.

mod column;
mod comparison;
mod error;
mod expression;
mod json;
mod ranges;
mod sql;
mod types;

pub use comparison::Comparison;
pub use error::{ErrorLocation, FilterError};
pub use expression::{Filter, Quantifier};
pub use json::from_json;
pub use ranges::{at_least, ranked_from};
pub use sql::{FORMS, from_sql};
