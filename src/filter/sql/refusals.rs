//! What a filter cannot express: why, and what to write instead.

use std::ops::Range;

use sqlparser::ast::{BinaryOperator, Expr, InTarget};

use super::operators::{FORMS, FUNCTIONS, comparison_of};
use super::reader::Reader;
use crate::catalog::nearest;
use crate::filter::column::FilterColumn;
use crate::filter::error::FilterError;

impl Reader<'_> {
    pub(super) fn unknown_function(&self, name: &str, expression: &Expr) -> FilterError {
        let (message, help) = match (name, nearest(name, FUNCTIONS)) {
            ("phrase" | "iphrase" | "empty", _) => {
                let form = if name == "empty" {
                    "(column)"
                } else {
                    "(column, 'text')"
                };
                (
                    format!("`{name}` is not called like this"),
                    format!("write {name}{form}, as a condition"),
                )
            }
            ("lower" | "upper", _) => {
                let help = "for any case: ILIKE '%…%', iphrase(column, '…'), or ~ '(?i)…'";
                (
                    format!("a filter has no function `{name}`"),
                    help.to_owned(),
                )
            }
            (_, Some(near)) => (
                format!("a filter has no function `{name}`"),
                format!("did you mean `{near}`?"),
            ),
            (_, None) => (
                format!("a filter has no function `{name}`"),
                "only phrase, iphrase and empty".to_owned(),
            ),
        };
        FilterError::new(message, help).at_bytes(self.source.begin(expression))
    }

    /// Why a filter does not have the operator before an operand.
    pub(super) fn refused_operator(&self, op: &BinaryOperator, right: &Expr) -> FilterError {
        let bytes = self.source.operator_before(right);
        let written = op.to_string();
        let help = match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat => return calculation(&written, bytes),
            BinaryOperator::PGRegexIMatch => "for any case write ~ '(?i)…'",
            BinaryOperator::PGRegexNotMatch | BinaryOperator::PGRegexNotIMatch => {
                "write NOT column ~ '…'"
            }
            _ if comparison_of(op).is_some() => {
                "a comparison is not a value: join conditions with AND and OR"
            }
            _ => FORMS,
        };
        FilterError::new(format!("unexpected `{written}`"), help).at_bytes(bytes)
    }

    /// Why a filter cannot have an expression.
    pub(super) fn refusal(&self, expression: &Expr) -> FilterError {
        let (message, help) = match expression {
            Expr::Function(function) => {
                return self
                    .unknown_function(&function.name.to_string().to_ascii_lowercase(), expression);
            }
            Expr::Cast { .. }
            | Expr::TypedString(_)
            | Expr::Interval(_)
            | Expr::AtTimeZone { .. } => (
                "a filter cannot convert types",
                "a value has its column's: write 30, 'text' or '2024-01-31'",
            ),
            Expr::Subquery(_)
            | Expr::In {
                target: InTarget::Subquery(_),
                ..
            }
            | Expr::Exists { .. } => (
                "the API does not support queries inside a filter",
                "list the values: column IN ('a', 'b')",
            ),
            Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => (
                "a filter has neither IS TRUE nor IS FALSE",
                "write the column alone, or NOT column",
            ),
            Expr::IsDistinctFrom(..) | Expr::IsNotDistinctFrom(..) => (
                "a filter has no IS DISTINCT FROM",
                "write: column <> … OR column IS NULL",
            ),
            Expr::SimilarTo { .. } | Expr::RLike { .. } => {
                ("regular expressions are written with ~", "column ~ '…'")
            }
            Expr::Like { .. } | Expr::ILike { .. } => (
                "LIKE takes one pattern and no ESCAPE",
                "column LIKE 'a%' OR column LIKE 'b%', or column ~ '…'",
            ),
            Expr::Value(_) => (
                "a value alone is not a condition",
                "compare a column with it",
            ),
            Expr::Tuple(_) => (
                "a filter compares one column at a time",
                "join conditions with AND and OR",
            ),
            Expr::Between { .. }
            | Expr::In {
                target: InTarget::List(_),
                ..
            }
            | Expr::IsNull(_)
            | Expr::IsNotNull(_) => (
                "a condition is not a value",
                "join conditions with AND and OR",
            ),
            _ => ("the API has no such condition", FORMS),
        };
        FilterError::new(message, help).at_bytes(self.source.begin(expression))
    }

    /// The API compares columns with values only.
    pub(super) fn two_columns(&self, column: &FilterColumn<'_>, expression: &Expr) -> FilterError {
        let message = format!(
            "the API cannot compare a column with another one: `{}`",
            column.name
        );
        FilterError::new(
            message,
            "compare it with a value; write text in single quotes",
        )
        .at_bytes(self.source.begin(expression))
    }
}

/// The API does not calculate.
pub(super) fn calculation(operator: &str, bytes: Range<usize>) -> FilterError {
    let message = format!("the API does not calculate: `{operator}`");
    FilterError::new(message, "compare the column itself with a value").at_bytes(bytes)
}
