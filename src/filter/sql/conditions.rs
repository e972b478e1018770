//! Parsed expressions → filters, under SQL's logic of three values.

use sqlparser::ast::{BinaryOperator, Expr, InTarget, UnaryOperator};

use super::compose::{all_of, any_of, compare};
use super::like::{LikePattern, UnsupportedLike, read_like};
use super::operands::Literal;
use super::operators::Operator;
use super::reader::Reader;
use crate::catalog::ColumnKind;
use crate::filter::column::FilterColumn;
use crate::filter::comparison::Comparison;
use crate::filter::error::FilterError;
use crate::filter::expression::{Filter, Quantifier};
use crate::filter::types::{operator_fits, type_words};
use crate::model::Value;

impl Reader<'_> {
    /// What matches where the expression is true, or where it is false if `negated`; never where it is unknown.
    pub fn condition(&self, expression: &Expr, negated: bool) -> Result<Filter, FilterError> {
        match expression {
            Expr::Nested(inner) => self.condition(inner, negated),
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => self.condition(expr, !negated),
            Expr::BinaryOp {
                op: op @ (BinaryOperator::And | BinaryOperator::Or),
                ..
            } => self.chain(expression, op, negated),
            Expr::BinaryOp { left, op, right } => self.comparison(left, op, right, negated),
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.any_or_all(Quantifier::Any, left, compare_op, right, negated),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => self.any_or_all(Quantifier::All, left, compare_op, right, negated),
            Expr::In {
                expr,
                target: InTarget::List(list),
                negated: not,
                global: false,
            } => self.is_one_of(expr, list, negated != *not),
            Expr::Between {
                expr,
                negated: not,
                low,
                high,
            } => self.between(expr, low, high, negated != *not),
            Expr::Like {
                negated: not,
                any: false,
                expr,
                pattern,
                escape_char: None,
            } => self.like(expr, pattern, "LIKE", negated != *not),
            Expr::ILike {
                negated: not,
                any: false,
                expr,
                pattern,
                escape_char: None,
            } => self.like(expr, pattern, "ILIKE", negated != *not),
            Expr::IsNull(inner) => self.is_null(inner, negated),
            Expr::IsNotNull(inner) => self.is_null(inner, !negated),
            Expr::Function(function) => self.function(function, expression, negated),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.bare(expression, negated),
            other => Err(self.refusal(other)),
        }
    }

    /// A chain of one connective, whose left side grows with its length.
    fn chain(
        &self,
        expression: &Expr,
        connective: &BinaryOperator,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let mut links = Vec::new();
        let mut rest = expression;
        while let Expr::BinaryOp { left, op, right } = rest
            && op == connective
        {
            links.push(right.as_ref());
            rest = left;
        }
        links.push(rest);
        let mut parts = Vec::new();
        for link in links.into_iter().rev() {
            parts.push(self.condition(link, negated)?);
        }
        let is_and = *connective == BinaryOperator::And;
        Ok(if is_and == negated {
            any_of(parts)
        } else {
            all_of(parts)
        })
    }

    fn like(
        &self,
        expression: &Expr,
        pattern: &Expr,
        written: &str,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "LIKE needs")?;
        let literal = self.expect_literal(pattern)?;
        let operator = Operator {
            comparison: Comparison::Prefix,
            written,
        };
        let Value::Text(text) = &literal.value else {
            return self.test(&column, operator, &literal, negated);
        };
        if !operator_fits(Comparison::Prefix, &column.kind) {
            return self.test(&column, operator, &literal, negated);
        }
        match read_like(text, written == "ILIKE") {
            LikePattern::Operator(comparison, text) => {
                let operator = Operator {
                    comparison,
                    written,
                };
                let literal = Literal {
                    value: Value::Text(text.into()),
                    bytes: literal.bytes.clone(),
                };
                self.test(&column, operator, &literal, negated)
            }
            LikePattern::Unsupported(why) => {
                Err(like_error(&column, written, why).at_bytes(literal.bytes))
            }
        }
    }

    fn is_null(&self, expression: &Expr, negated: bool) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "IS NULL needs")?;
        let is_null = Filter::IsNull(column.name);
        Ok(if negated {
            Filter::Not(Box::new(is_null))
        } else {
            is_null
        })
    }

    /// A column that is a condition by itself.
    fn bare(&self, expression: &Expr, negated: bool) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "a condition needs")?;
        if matches!(column.kind, ColumnKind::Boolean | ColumnKind::Json) {
            return Ok(compare(&column, Comparison::Eq, Value::Bool(true), negated));
        }
        let kind = type_words(&column.kind);
        let message = format!("`{}` is {kind}, not a condition", column.name);
        let error = FilterError::new(message, "compare it with a value");
        Err(error.at_bytes(self.source.begin(expression)))
    }
}

/// Why a pattern of `LIKE` has no operator of the API, and what to write instead.
fn like_error(column: &FilterColumn<'_>, written: &str, why: UnsupportedLike) -> FilterError {
    let name = &column.name;
    let regex = match why {
        UnsupportedLike::Everything => {
            return FilterError::new(
                format!("the pattern matches every `{name}`"),
                format!("write {name} IS NOT NULL"),
            );
        }
        UnsupportedLike::Escaped => {
            return FilterError::new(
                r"the API does not support `\` in a pattern of LIKE",
                format!(r"write {name} ~ '…', with \ before characters that match themselves"),
            );
        }
        UnsupportedLike::Regex(regex) => regex,
    };
    let help = if column.has_wildcards_only() {
        format!("write {name} ~ '…', where * matches any text")
    } else {
        format!("write {name} ~ '{}'", regex.replace('\'', "''"))
    };
    let message = format!("the API has no operator for this pattern of {written}");
    FilterError::new(message, help)
}
