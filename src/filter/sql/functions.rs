//! The functions of a filter: `phrase`, `iphrase` and `empty`.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::compose::negated_if;
use super::operators::Operator;
use super::reader::Reader;
use crate::catalog::ColumnKind;
use crate::filter::comparison::Comparison;
use crate::filter::error::FilterError;
use crate::filter::expression::Filter;
use crate::filter::types::type_words;

impl Reader<'_> {
    pub(super) fn function(
        &self,
        function: &Function,
        expression: &Expr,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let name = function.name.to_string().to_ascii_lowercase();
        let arguments = plain_arguments(function).unwrap_or_default();
        match (name.as_str(), arguments.as_slice()) {
            ("empty", [column]) => self.is_empty(column, negated),
            ("phrase", [column, text]) => {
                let operator = Operator {
                    comparison: Comparison::PhraseMatch,
                    written: &name,
                };
                self.phrase(column, text, operator, negated)
            }
            ("iphrase", [column, text]) => {
                let operator = Operator {
                    comparison: Comparison::IphraseMatch,
                    written: &name,
                };
                self.phrase(column, text, operator, negated)
            }
            _ => Err(self.unknown_function(&name, expression)),
        }
    }

    fn phrase(
        &self,
        column: &Expr,
        text: &Expr,
        operator: Operator<'_>,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let needs = format!("{} needs", operator.written);
        let column = self.expect_column(column, &needs)?;
        let literal = self.expect_literal(text)?;
        self.test(&column, operator, &literal, negated)
    }

    fn is_empty(&self, expression: &Expr, negated: bool) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "empty needs")?;
        match column.kind {
            ColumnKind::Text | ColumnKind::List(_) | ColumnKind::Json => {
                let empty = Filter::Empty(column.name.clone());
                Ok(negated_if(negated, &column, empty))
            }
            _ => {
                let kind = type_words(&column.kind);
                let message = format!("empty does not fit `{}`, {kind}", column.name);
                let error = FilterError::new(message, "it is for text and lists");
                Err(error.at_bytes(self.source.begin(expression)))
            }
        }
    }
}

/// The arguments of a plain call; `None` if the call has any clause.
fn plain_arguments(function: &Function) -> Option<Vec<&Expr>> {
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
    let mut arguments = Vec::new();
    for argument in &list.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) = argument else {
            return None;
        };
        arguments.push(expression);
    }
    Some(arguments)
}
