//! What stands on either side of an operator: a column or a value, and the value in its column's type.

use std::ops::Range;

use sqlparser::ast::{Expr, Ident, UnaryOperator, Value as SqlValue, ValueWithSpan};

use super::condition::{Reader, calculation};
use crate::catalog::ColumnKind;
use crate::filter::Comparison;
use crate::filter::rules::{self, Column, Fault};
use crate::model::Value;

/// One side of an operator.
#[derive(Debug)]
pub(super) enum Operand<'a> {
    Column(Column<'a>),
    Literal(Literal),
}

/// A value as it is written.
#[derive(Debug, Clone)]
pub(super) struct Literal {
    pub value: Value,
    pub place: Range<usize>,
}

impl<'a> Reader<'a> {
    /// A column or a value; nothing else can be compared.
    pub fn operand(&self, expression: &Expr) -> Result<Operand<'a>, Fault> {
        match expression {
            Expr::Nested(inner) => self.operand(inner),
            Expr::Identifier(name) => self.column(std::slice::from_ref(name)).map(Operand::Column),
            Expr::CompoundIdentifier(names) => self.column(names).map(Operand::Column),
            Expr::Value(value) => self.literal(value, false).map(Operand::Literal),
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match expr.as_ref() {
                Expr::Value(value) => self.literal(value, true).map(Operand::Literal),
                other => Err(calculation("-", self.source.operator_before(other))),
            },
            Expr::BinaryOp { op, right, .. } => Err(self.refused_operator(op, right)),
            other => Err(self.refusal(other)),
        }
    }

    /// The column that an expression must be.
    pub fn expect_column(&self, expression: &Expr, needs: &str) -> Result<Column<'a>, Fault> {
        match self.operand(expression)? {
            Operand::Column(column) => Ok(column),
            Operand::Literal(literal) => {
                let message = format!(
                    "{needs} a column, not {}",
                    self.source.written(&literal.place)
                );
                Err(Fault::new(message, "name a column").at(literal.place))
            }
        }
    }

    /// The value that an expression must be.
    pub fn expect_literal(&self, expression: &Expr) -> Result<Literal, Fault> {
        match self.operand(expression)? {
            Operand::Literal(literal) => Ok(literal),
            Operand::Column(column) => Err(self.two_columns(&column, expression)),
        }
    }

    /// The API compares columns with values only.
    pub fn two_columns(&self, column: &Column<'_>, expression: &Expr) -> Fault {
        let message = format!(
            "the API cannot compare a column with another one: `{}`",
            column.name
        );
        Fault::new(message, "a value; text stands in single quotes")
            .at(self.source.begin(expression))
    }

    /// The column of that name, in its own spelling or, without quotes, whatever its case.
    fn column(&self, names: &[Ident]) -> Result<Column<'a>, Fault> {
        let name = names
            .iter()
            .map(|name| name.value.as_str())
            .collect::<Vec<_>>()
            .join(".");
        let is_quoted = names.iter().any(|name| name.quote_style.is_some());
        let found = Column::find(&name, self.endpoint);
        let found =
            found.or_else(
                |fault| match Column::find(&name.to_ascii_lowercase(), self.endpoint) {
                    Ok(column) if !is_quoted => Ok(column),
                    _ => Err(fault),
                },
            );
        found.map_err(|fault| {
            let expression = match names {
                [name] => Expr::Identifier(name.clone()),
                names => Expr::CompoundIdentifier(names.to_vec()),
            };
            let place = self.source.begin(&expression);
            if fault.help.starts_with("did you mean") || self.endpoint.column(&name).is_some() {
                return fault.at(place);
            }
            let help = if is_quoted {
                format!("double quotes are for columns; for text write '{name}'")
            } else {
                "no column is near it in spelling; text stands in single quotes".to_owned()
            };
            Fault { help, ..fault }.at(place)
        })
    }

    fn literal(&self, literal: &ValueWithSpan, negative: bool) -> Result<Literal, Fault> {
        let mut place = self.source.bytes(literal.span);
        let value = match &literal.value {
            SqlValue::Number(digits, _) => {
                if negative {
                    place.start = self
                        .source
                        .operator_before(&Expr::Value(literal.clone()))
                        .start;
                }
                number(digits, negative)
            }
            _ if negative => return Err(calculation("-", place)),
            SqlValue::SingleQuotedString(text) => Some(Value::Text(text.as_str().into())),
            SqlValue::Boolean(value) => Some(Value::Bool(*value)),
            SqlValue::Null => {
                let message = "nothing is equal to NULL, nor different from it";
                return Err(Fault::new(message, "write IS NULL or IS NOT NULL").at(place));
            }
            _ => None,
        };
        let fault = || {
            let message = format!("a filter has no value `{}`", self.source.written(&place));
            Fault::new(message, "numbers, 'text', TRUE and FALSE").at(place.clone())
        };
        let value = value.ok_or_else(fault)?;
        Ok(Literal { value, place })
    }

    /// A value in the type of its column, for this operator as it is `written`.
    pub fn typed(
        &self,
        column: &Column<'_>,
        kind: &ColumnKind,
        (comparison, written): (Comparison, &str),
        literal: &Literal,
    ) -> Result<Value, Fault> {
        let name = &column.name;
        let words = rules::words(kind);
        if !rules::operator_fits(comparison, kind) {
            let message = format!("{written} does not fit `{name}`, {words}");
            let help = if comparison.is_textual() {
                "it is for text"
            } else {
                "= and <> do"
            };
            return Err(Fault::new(message, help).at(literal.place.clone()));
        }
        let wanted = if comparison.is_textual() {
            &ColumnKind::Text
        } else {
            kind
        };
        if !rules::value_fits(&literal.value.to_json(), wanted) {
            let found = self.source.written(&literal.place);
            let message = if comparison.is_textual() {
                format!("{written} needs text, not {found}")
            } else {
                format!("`{name}` is {words} and cannot be compared with {found}")
            };
            return Err(Fault::new(message, rules::example(wanted, '\'')).at(literal.place.clone()));
        }
        let Value::Text(text) = &literal.value else {
            return Ok(literal.value.clone());
        };
        let checked = match comparison {
            Comparison::Regex => column.check_pattern(text),
            Comparison::Eq | Comparison::Neq => column.check_known(text),
            _ => Ok(()),
        };
        checked.map_err(|fault| fault.at(literal.place.clone()))?;
        if comparison.is_textual() && text.is_empty() {
            let message = format!("{written} needs text of at least one letter");
            return Err(
                Fault::new(message, format!("for any text: `{name}` IS NOT NULL"))
                    .at(literal.place.clone()),
            );
        }
        match (kind, rules::micros(text)) {
            (ColumnKind::DateTime, Some(micros)) => Ok(Value::Time(micros)),
            _ => Ok(literal.value.clone()),
        }
    }
}

/// A number; one without a fraction is whole however it is written.
fn number(digits: &str, negative: bool) -> Option<Value> {
    let digits = format!(
        "{}{}",
        if negative { "-" } else { "" },
        digits.replace('_', "")
    );
    if let Ok(whole) = digits.parse() {
        return Some(Value::Int(whole));
    }
    let number: f64 = digits
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())?;
    let whole = (number.fract() == 0.0)
        .then(|| format!("{number:.0}").parse().ok())
        .flatten();
    Some(whole.map_or_else(|| Value::float(number), Value::Int))
}
