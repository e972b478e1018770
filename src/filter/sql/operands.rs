//! The operands of an operator: a column or a value, and the value in its column's type.

use std::ops::Range;

use sqlparser::ast::{Expr, Ident, UnaryOperator, Value as SqlValue, ValueWithSpan};

use super::operators::Operator;
use super::reader::Reader;
use super::refusals::calculation;
use crate::catalog::ColumnKind;
use crate::filter::column::FilterColumn;
use crate::filter::comparison::Comparison;
use crate::filter::error::FilterError;
use crate::filter::types::{example_value, operator_fits, parse_micros, type_words, value_fits};
use crate::model::Value;

/// One side of an operator.
#[derive(Debug)]
pub(super) enum Operand<'a> {
    Column(FilterColumn<'a>),
    Literal(Literal),
}

/// A value as it is written.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub value: Value,
    /// Where it is in the text.
    pub bytes: Range<usize>,
}

impl<'a> Reader<'a> {
    /// A column or a value; nothing else can be compared.
    pub(super) fn operand(&self, expression: &Expr) -> Result<Operand<'a>, FilterError> {
        match expression {
            Expr::Nested(inner) => self.operand(inner),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name)).map(Operand::Column),
            Expr::CompoundIdentifier(names) => self.column(names).map(Operand::Column),
            Expr::Value(value) => self.literal(value).map(Operand::Literal),
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match expr.as_ref() {
                Expr::Value(value) => self.negative_number(value).map(Operand::Literal),
                other => Err(calculation("-", self.source.operator_before(other))),
            },
            Expr::BinaryOp { op, right, .. } => Err(self.refused_operator(op, right)),
            other => Err(self.refusal(other)),
        }
    }

    /// The column that an expression must be.
    pub(super) fn expect_column(
        &self,
        expression: &Expr,
        needs: &str,
    ) -> Result<FilterColumn<'a>, FilterError> {
        match self.operand(expression)? {
            Operand::Column(column) => Ok(column),
            Operand::Literal(literal) => {
                let found = self.source.written(&literal.bytes);
                let message = format!("{needs} a column, not {found}");
                Err(FilterError::new(message, "name a column").at_bytes(literal.bytes))
            }
        }
    }

    /// The value that an expression must be.
    pub(super) fn expect_literal(&self, expression: &Expr) -> Result<Literal, FilterError> {
        match self.operand(expression)? {
            Operand::Literal(literal) => Ok(literal),
            Operand::Column(column) => Err(self.two_columns(&column, expression)),
        }
    }

    /// The column of that name, in its own spelling or, without quotes, in any case.
    fn column(&self, names: &[Ident]) -> Result<FilterColumn<'a>, FilterError> {
        let parts: Vec<&str> = names.iter().map(|name| name.value.as_str()).collect();
        let name = parts.join(".");
        let is_quoted = names.iter().any(|name| name.quote_style.is_some());
        let error = match FilterColumn::find(&name, self.endpoint) {
            Ok(column) => return Ok(column),
            Err(error) => error,
        };
        if !is_quoted
            && let Ok(column) = FilterColumn::find(&name.to_ascii_lowercase(), self.endpoint)
        {
            return Ok(column);
        }
        Err(self.unknown_column(names, &name, is_quoted, error))
    }

    fn unknown_column(
        &self,
        names: &[Ident],
        name: &str,
        is_quoted: bool,
        mut error: FilterError,
    ) -> FilterError {
        let expression = match names {
            [name] => Expr::Identifier(name.clone()),
            names => Expr::CompoundIdentifier(names.to_vec()),
        };
        let has_near_name = error.help.starts_with("did you mean");
        if !has_near_name && self.endpoint.column(name).is_none() {
            error.help = if is_quoted {
                format!("double quotes are for columns; for text write '{name}'")
            } else {
                "no column has a similar name; write text in single quotes".to_owned()
            };
        }
        error.at_bytes(self.source.begin(&expression))
    }

    fn literal(&self, literal: &ValueWithSpan) -> Result<Literal, FilterError> {
        let bytes = self.source.bytes(literal.span);
        let value = match &literal.value {
            SqlValue::Number(digits, _) => number(digits, false),
            SqlValue::SingleQuotedString(text) => Some(Value::Text(text.as_str().into())),
            SqlValue::Boolean(value) => Some(Value::Bool(*value)),
            SqlValue::Null => {
                let message = "nothing is equal to NULL, nor different from it";
                let error = FilterError::new(message, "write IS NULL or IS NOT NULL");
                return Err(error.at_bytes(bytes));
            }
            _ => None,
        };
        self.known_literal(value, bytes)
    }

    /// The number after a minus sign.
    fn negative_number(&self, literal: &ValueWithSpan) -> Result<Literal, FilterError> {
        let mut bytes = self.source.bytes(literal.span);
        let SqlValue::Number(digits, _) = &literal.value else {
            return Err(calculation("-", bytes));
        };
        let expression = Expr::Value(literal.clone());
        bytes.start = self.source.operator_before(&expression).start;
        self.known_literal(number(digits, true), bytes)
    }

    fn known_literal(
        &self,
        value: Option<Value>,
        bytes: Range<usize>,
    ) -> Result<Literal, FilterError> {
        let Some(value) = value else {
            let message = format!("a filter has no value `{}`", self.source.written(&bytes));
            let error = FilterError::new(message, "numbers, 'text', TRUE and FALSE");
            return Err(error.at_bytes(bytes));
        };
        Ok(Literal { value, bytes })
    }

    /// A value in the type of its column, for this operator.
    pub(super) fn typed(
        &self,
        column: &FilterColumn<'_>,
        kind: &ColumnKind,
        operator: Operator<'_>,
        literal: &Literal,
    ) -> Result<Value, FilterError> {
        let checked = self
            .check_types(column, kind, operator, literal)
            .and_then(|()| check_text(column, operator, literal));
        checked.map_err(|error| error.at_bytes(literal.bytes.clone()))?;
        let Value::Text(text) = &literal.value else {
            return Ok(literal.value.clone());
        };
        match (kind, parse_micros(text)) {
            (ColumnKind::DateTime, Some(micros)) => Ok(Value::Time(micros)),
            _ => Ok(literal.value.clone()),
        }
    }

    /// Operator and value fit the type.
    fn check_types(
        &self,
        column: &FilterColumn<'_>,
        kind: &ColumnKind,
        operator: Operator<'_>,
        literal: &Literal,
    ) -> Result<(), FilterError> {
        let name = &column.name;
        let written = operator.written;
        let is_textual = operator.comparison.is_textual();
        let kind_words = type_words(kind);
        if !operator_fits(operator.comparison, kind) {
            let message = format!("{written} does not fit `{name}`, {kind_words}");
            let help = if is_textual {
                "it is for text"
            } else {
                "= and <> do"
            };
            return Err(FilterError::new(message, help));
        }
        let expected = if is_textual { &ColumnKind::Text } else { kind };
        if value_fits(&literal.value.to_json(), expected) {
            return Ok(());
        }
        let found = self.source.written(&literal.bytes);
        let message = if is_textual {
            format!("{written} needs text, not {found}")
        } else {
            format!("`{name}` is {kind_words} and cannot be compared with {found}")
        };
        Err(FilterError::new(message, example_value(expected, '\'')))
    }
}

/// A text that is searched for is not empty, a pattern parses, and a value has no typing error.
fn check_text(
    column: &FilterColumn<'_>,
    operator: Operator<'_>,
    literal: &Literal,
) -> Result<(), FilterError> {
    let Value::Text(text) = &literal.value else {
        return Ok(());
    };
    match operator.comparison {
        Comparison::Regex => column.check_pattern(text)?,
        Comparison::Eq | Comparison::Neq => column.check_known(text)?,
        _ => {}
    }
    if operator.comparison.is_textual() && text.is_empty() {
        return Err(FilterError::new(
            format!("{} needs text of at least one letter", operator.written),
            format!("for any text: `{}` IS NOT NULL", column.name),
        ));
    }
    Ok(())
}

/// A number; one without a fraction is whole however it is written.
fn number(digits: &str, is_negative: bool) -> Option<Value> {
    let sign = if is_negative { "-" } else { "" };
    let digits = format!("{sign}{}", digits.replace('_', ""));
    if let Ok(whole) = digits.parse() {
        return Some(Value::Int(whole));
    }
    let number: f64 = digits.parse().ok()?;
    if !number.is_finite() {
        return None;
    }
    if number.fract() == 0.0
        && let Ok(whole) = format!("{number:.0}").parse()
    {
        return Some(Value::Int(whole));
    }
    Some(Value::float(number))
}
