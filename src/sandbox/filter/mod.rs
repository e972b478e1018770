//! The `where` grammar: JSON text to a tree, and the tree against a row.
//!
//! The sandbox's own reading of the grammar, on purpose: sharing the client's would hide the client's mistakes.

mod condition;
mod parser;
mod tree;

pub(crate) use condition::{Comparison, Condition, FilterDialect};
pub(crate) use parser::parse;
pub(crate) use tree::{Filter, Modifier, Node, Test};
