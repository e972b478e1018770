//! SQL boolean expressions → filters.
//!
//! A row matches where SQL evaluates the expression to true, so a comparison with null matches neither plain nor under
//! `NOT`. The API's own logic has no third value, as far as is known: `neq` may match null, and `not` may match what is
//! unknown. So `NOT` is pushed down to the conditions, and where one could then match null, the filter adds `not is_null`.
//!
//! Equivalent expressions mostly give the same filter: parentheses, chains, sides, double negations and repetitions leave
//! no trace.

mod comparisons;
mod compose;
mod conditions;
mod functions;
mod like;
mod operands;
mod operators;
mod parse;
mod reader;
mod refusals;
mod source;

pub use operators::FORMS;
pub use parse::from_sql;
