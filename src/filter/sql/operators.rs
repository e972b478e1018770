//! The operators and functions of SQL that a filter knows.

use sqlparser::ast::BinaryOperator;

use crate::filter::comparison::Comparison;

/// Everything that a condition of `where` can be.
pub const FORMS: &str = "= <> < <= > >=, IN, BETWEEN, LIKE, ILIKE, ~, IS NULL, phrase(), iphrase(), empty(), ANY(), ALL()";

/// The functions.
pub(super) const FUNCTIONS: [&str; 3] = ["phrase", "iphrase", "empty"];

/// A comparison and the operator as it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator<'a> {
    pub comparison: Comparison,
    pub written: &'a str,
}

/// The comparison of an operator that compares by order or equality.
pub(super) fn comparison_of(op: &BinaryOperator) -> Option<Comparison> {
    Some(match op {
        BinaryOperator::Eq => Comparison::Eq,
        BinaryOperator::NotEq => Comparison::Neq,
        BinaryOperator::Gt => Comparison::Gt,
        BinaryOperator::GtEq => Comparison::Gte,
        BinaryOperator::Lt => Comparison::Lt,
        BinaryOperator::LtEq => Comparison::Lte,
        _ => return None,
    })
}
