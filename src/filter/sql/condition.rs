//! Parsed expressions → filters, under SQL's logic of three values.

use std::ops::Range;

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, InTarget,
    UnaryOperator,
};

use super::like::{Like, like};
use super::source::Source;
use super::values::{Literal, Operand};
use crate::catalog::{ColumnKind, Endpoint, nearest};
use crate::filter::rules::{self, Column, Fault};
use crate::filter::{Comparison, FORMS, Filter, Quantifier};
use crate::model::Value;

/// The functions.
const FUNCTIONS: [&str; 3] = ["phrase", "iphrase", "empty"];

/// Reads the parsed expressions of one text.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    pub endpoint: &'a Endpoint,
    pub source: &'a Source<'a>,
}

impl Reader<'_> {
    /// What passes where the expression is true, or where it is false if `negated`; never where it is unknown.
    pub fn condition(&self, expression: &Expr, negated: bool) -> Result<Filter, Fault> {
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
            } => self.items(Quantifier::Any, left, compare_op, right, negated),
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => self.items(Quantifier::All, left, compare_op, right, negated),
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
    ) -> Result<Filter, Fault> {
        let mut links = Vec::new();
        let mut rest = expression;
        while let Expr::BinaryOp { left, op, right } = rest
            && op == connective
        {
            links.push(right.as_ref());
            rest = left;
        }
        links.push(rest);
        let parts = links
            .into_iter()
            .rev()
            .map(|link| self.condition(link, negated))
            .collect::<Result<_, _>>()?;
        let is_and = *connective == BinaryOperator::And;
        Ok(if is_and == negated {
            any_of(parts)
        } else {
            all_of(parts)
        })
    }

    fn comparison(
        &self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        negated: bool,
    ) -> Result<Filter, Fault> {
        let comparison = match op {
            BinaryOperator::PGRegexMatch => Comparison::Regex,
            other => compared(other).ok_or_else(|| self.refused_operator(other, right))?,
        };
        let written = op.to_string();
        match (self.operand(left)?, self.operand(right)?) {
            (Operand::Column(column), Operand::Literal(literal)) => {
                self.test(&column, (comparison, &written), &literal, negated)
            }
            (Operand::Literal(literal), Operand::Column(column))
                if comparison != Comparison::Regex =>
            {
                self.test(&column, (comparison.turned(), &written), &literal, negated)
            }
            (Operand::Column(_), Operand::Column(column)) => Err(self.two_columns(&column, right)),
            (Operand::Literal(literal), _) => {
                Err(Fault::new("a comparison begins with a column", FORMS).at(literal.place))
            }
        }
    }

    /// A column compared with a value.
    fn test(
        &self,
        column: &Column<'_>,
        operator: (Comparison, &str),
        literal: &Literal,
        negated: bool,
    ) -> Result<Filter, Fault> {
        if let ColumnKind::List(item) = &column.kind {
            let example = if **item == ColumnKind::Text {
                "'…'"
            } else {
                "…"
            };
            let help = format!(
                "write {example} = ANY({0}), or {example} = ALL({0})",
                column.name
            );
            return Err(
                Fault::new(format!("`{}` is a list", column.name), help).at(literal.place.clone())
            );
        }
        let value = self.typed(column, &column.kind, operator, literal)?;
        Ok(compare(column, operator.0, value, negated))
    }

    fn items(
        &self,
        quantifier: Quantifier,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        negated: bool,
    ) -> Result<Filter, Fault> {
        let comparison = compared(op).ok_or_else(|| self.refused_operator(op, right))?;
        if matches!(right, Expr::Subquery(_)) {
            return Err(self.refusal(right).at(self.source.begin(left)));
        }
        let column = self.expect_column(right, "ANY and ALL need")?;
        let literal = match self.operand(left)? {
            Operand::Literal(literal) => literal,
            Operand::Column(_) => {
                let help = format!("write 'us' = ANY({})", column.name);
                let fault = Fault::new("before ANY and ALL stands a value, not a column", help);
                return Err(fault.at(self.source.begin(left)));
            }
        };
        let Some(item) = column.items() else {
            let message = format!(
                "`{}` is {}, not a list",
                column.name,
                rules::words(&column.kind)
            );
            return Err(
                Fault::new(message, "compare it without ANY and ALL").at(self.source.begin(right))
            );
        };
        let comparison = comparison.turned();
        let value = self.typed(&column, item, (comparison, &op.to_string()), &literal)?;
        let items = Filter::Items(column.name.clone(), quantifier, comparison, value);
        Ok(if negated {
            known(&column, Filter::Not(Box::new(items)))
        } else {
            items
        })
    }

    fn is_one_of(&self, expression: &Expr, list: &[Expr], negated: bool) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "IN needs")?;
        let part = |value: &Expr| {
            self.test(
                &column,
                (Comparison::Eq, "IN"),
                &self.expect_literal(value)?,
                negated,
            )
        };
        let parts = list.iter().map(part).collect::<Result<_, _>>()?;
        Ok(if negated {
            all_of(parts)
        } else {
            any_of(parts)
        })
    }

    fn between(
        &self,
        expression: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
    ) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "BETWEEN needs")?;
        let end = |comparison, value| {
            self.test(
                &column,
                (comparison, "BETWEEN"),
                &self.expect_literal(value)?,
                negated,
            )
        };
        let parts = vec![end(Comparison::Gte, low)?, end(Comparison::Lte, high)?];
        Ok(if negated {
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
    ) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "LIKE needs")?;
        let literal = self.expect_literal(pattern)?;
        let text = match &literal.value {
            Value::Text(text) if rules::operator_fits(Comparison::Prefix, &column.kind) => {
                text.clone()
            }
            // Not for this column, or not with this value.
            _ => return self.test(&column, (Comparison::Prefix, written), &literal, negated),
        };
        let name = &column.name;
        let fault = match like(&text, written == "ILIKE") {
            Like::Is(comparison, text) => {
                let literal = Literal {
                    value: Value::Text(text.into()),
                    place: literal.place,
                };
                return self.test(&column, (comparison, written), &literal, negated);
            }
            Like::Everything => Fault::new(
                format!("the pattern fits every `{name}`"),
                format!("write {name} IS NOT NULL"),
            ),
            Like::Escaped => {
                let help =
                    format!(r"write {name} ~ '…', with \ before signs that stand for themselves");
                Fault::new(r"the API knows no `\` in a pattern of LIKE", help)
            }
            Like::Regex(_) if column.has_wildcards_only() => {
                let help = format!("write {name} ~ '…', where * stands for any text");
                Fault::new(
                    format!("the API has no operator for this pattern of {written}"),
                    help,
                )
            }
            Like::Regex(regex) => {
                let help = format!("write {name} ~ '{}'", regex.replace('\'', "''"));
                Fault::new(
                    format!("the API has no operator for this pattern of {written}"),
                    help,
                )
            }
        };
        Err(fault.at(literal.place))
    }

    fn is_null(&self, expression: &Expr, negated: bool) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "IS NULL needs")?;
        let is_null = Filter::IsNull(column.name);
        Ok(if negated {
            Filter::Not(Box::new(is_null))
        } else {
            is_null
        })
    }

    /// A column that is a condition by itself.
    fn bare(&self, expression: &Expr, negated: bool) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "a condition needs")?;
        if matches!(column.kind, ColumnKind::Boolean | ColumnKind::Json) {
            return Ok(compare(&column, Comparison::Eq, Value::Bool(true), negated));
        }
        let message = format!(
            "`{}` is {} and no condition by itself",
            column.name,
            rules::words(&column.kind)
        );
        Err(Fault::new(message, "compare it with a value").at(self.source.begin(expression)))
    }

    fn function(
        &self,
        function: &Function,
        expression: &Expr,
        negated: bool,
    ) -> Result<Filter, Fault> {
        let name = function.name.to_string().to_ascii_lowercase();
        let arguments = arguments(function).unwrap_or_default();
        let comparison = match (name.as_str(), arguments.as_slice()) {
            ("empty", [column]) => return self.is_empty(column, negated),
            ("phrase", [_, _]) => Comparison::PhraseMatch,
            ("iphrase", [_, _]) => Comparison::IphraseMatch,
            _ => return Err(self.unknown_function(&name, expression)),
        };
        let [column, text] = arguments.as_slice() else {
            return Err(self.unknown_function(&name, expression));
        };
        let column = self.expect_column(column, &format!("{name} needs"))?;
        self.test(
            &column,
            (comparison, &name),
            &self.expect_literal(text)?,
            negated,
        )
    }

    fn is_empty(&self, expression: &Expr, negated: bool) -> Result<Filter, Fault> {
        let column = self.expect_column(expression, "empty needs")?;
        if !matches!(
            column.kind,
            ColumnKind::Text | ColumnKind::List(_) | ColumnKind::Json
        ) {
            let message = format!(
                "empty does not fit `{}`, {}",
                column.name,
                rules::words(&column.kind)
            );
            return Err(
                Fault::new(message, "it is for text and lists").at(self.source.begin(expression))
            );
        }
        let empty = Filter::Empty(column.name.clone());
        Ok(if negated {
            known(&column, Filter::Not(Box::new(empty)))
        } else {
            empty
        })
    }

    fn unknown_function(&self, name: &str, expression: &Expr) -> Fault {
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
        Fault::new(message, help).at(self.source.begin(expression))
    }

    /// Why the operator before an operand is none of a filter's.
    pub fn refused_operator(&self, op: &BinaryOperator, right: &Expr) -> Fault {
        let place = self.source.operator_before(right);
        let written = op.to_string();
        let help = match op {
            BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat => return calculation(&written, place),
            BinaryOperator::PGRegexIMatch => "for any case write ~ '(?i)…'",
            BinaryOperator::PGRegexNotMatch | BinaryOperator::PGRegexNotIMatch => {
                "write NOT column ~ '…'"
            }
            _ if compared(op).is_some() => {
                "a comparison is no value: join conditions with AND and OR"
            }
            _ => FORMS,
        };
        Fault::new(format!("`{written}` has no place here"), help).at(place)
    }

    /// Why an expression is no part of a filter.
    pub fn refusal(&self, expression: &Expr) -> Fault {
        let (message, help) = match expression {
            Expr::Function(function) => {
                return self
                    .unknown_function(&function.name.to_string().to_ascii_lowercase(), expression);
            }
            Expr::Cast { .. }
            | Expr::TypedString(_)
            | Expr::Interval(_)
            | Expr::AtTimeZone { .. } => (
                "a filter converts no types",
                "a value has its column's: write 30, 'text' or '2024-01-31'",
            ),
            Expr::Subquery(_)
            | Expr::In {
                target: InTarget::Subquery(_),
                ..
            }
            | Expr::Exists { .. } => (
                "the API answers no query inside a filter",
                "list the values: column IN ('a', 'b')",
            ),
            Expr::IsTrue(_) | Expr::IsNotTrue(_) | Expr::IsFalse(_) | Expr::IsNotFalse(_) => (
                "a filter has no IS TRUE and IS FALSE",
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
            Expr::Value(_) => ("a value alone is no condition", "compare a column with it"),
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
            | Expr::IsNotNull(_) => ("a condition is no value", "join conditions with AND and OR"),
            _ => ("the API has no such condition", FORMS),
        };
        Fault::new(message, help).at(self.source.begin(expression))
    }
}

/// The API does not calculate.
pub(super) fn calculation(operator: &str, place: Range<usize>) -> Fault {
    Fault::new(
        format!("the API does not calculate: `{operator}`"),
        "compare the column itself with a value",
    )
    .at(place)
}

/// The comparison that an operator of SQL is.
fn compared(op: &BinaryOperator) -> Option<Comparison> {
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

/// The arguments of a plain call; nothing if the call has any clause.
fn arguments(function: &Function) -> Option<Vec<&Expr>> {
    let Function {
        args: FunctionArguments::List(list),
        over: None,
        filter: None,
        null_treatment: None,
        ..
    } = function
    else {
        return None;
    };
    if list.duplicate_treatment.is_some()
        || !list.clauses.is_empty()
        || !function.within_group.is_empty()
    {
        return None;
    }
    let plain = |argument: &'_ FunctionArg| {
        matches!(argument, FunctionArg::Unnamed(FunctionArgExpr::Expr(_)))
    };
    if !list.args.iter().all(plain) {
        return None;
    }
    let expression = |argument| match argument {
        &FunctionArg::Unnamed(FunctionArgExpr::Expr(ref expression)) => Some(expression),
        _ => None,
    };
    Some(list.args.iter().filter_map(expression).collect())
}

/// A column compared with a value, or the opposite of it; null passes neither.
fn compare(column: &Column<'_>, comparison: Comparison, value: Value, negated: bool) -> Filter {
    let is = |comparison, value| Filter::Is(column.name.clone(), comparison, value);
    let asked = if negated {
        comparison.opposite()
    } else {
        Some(comparison)
    };
    match (asked, value) {
        (Some(Comparison::Neq), Value::Bool(value)) => is(Comparison::Eq, Value::Bool(!value)),
        (Some(Comparison::Neq), value) => known(column, is(Comparison::Neq, value)),
        (Some(asked), value) => is(asked, value),
        (None, value) => known(column, Filter::Not(Box::new(is(comparison, value)))),
    }
}

/// A filter that null must not pass, though the API might let it.
fn known(column: &Column<'_>, filter: Filter) -> Filter {
    if !column.nullable {
        return filter;
    }
    Filter::And(vec![
        filter,
        Filter::Not(Box::new(Filter::IsNull(column.name.clone()))),
    ])
}

fn all_of(parts: Vec<Filter>) -> Filter {
    join(parts, Filter::And, |filter| match filter {
        Filter::And(parts) => Ok(parts),
        other => Err(other),
    })
}

fn any_of(parts: Vec<Filter>) -> Filter {
    join(parts, Filter::Or, |filter| match filter {
        Filter::Or(parts) => Ok(parts),
        other => Err(other),
    })
}

/// One filter of several: those of the same kind are taken apart, repetitions left out.
fn join(
    parts: Vec<Filter>,
    whole: fn(Vec<Filter>) -> Filter,
    apart: fn(Filter) -> Result<Vec<Filter>, Filter>,
) -> Filter {
    let mut flat: Vec<Filter> = Vec::new();
    for part in parts
        .into_iter()
        .flat_map(|part| apart(part).unwrap_or_else(|single| vec![single]))
    {
        if !flat.contains(&part) {
            flat.push(part);
        }
    }
    match flat.len() {
        1 => flat.remove(0),
        _ => whole(flat),
    }
}
