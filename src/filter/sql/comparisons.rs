//! Columns compared with values: by operators, `IN`, `BETWEEN`, `ANY` and `ALL`.

use sqlparser::ast::{BinaryOperator, Expr};

use super::compose::{all_of, any_of, compare, negated_if};
use super::operands::{Literal, Operand};
use super::operators::{FORMS, Operator, comparison_of};
use super::reader::Reader;
use crate::catalog::ColumnKind;
use crate::filter::column::FilterColumn;
use crate::filter::comparison::Comparison;
use crate::filter::error::FilterError;
use crate::filter::expression::{Filter, Quantifier};
use crate::filter::types::type_words;

impl Reader<'_> {
    pub(super) fn comparison(
        &self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let comparison = match (op, comparison_of(op)) {
            (BinaryOperator::PGRegexMatch, _) => Comparison::Regex,
            (_, Some(comparison)) => comparison,
            (_, None) => return Err(self.refused_operator(op, right)),
        };
        let written = op.to_string();
        let operator = Operator {
            comparison,
            written: &written,
        };
        let swapped = Operator {
            comparison: comparison.swapped(),
            ..operator
        };
        match (self.operand(left)?, self.operand(right)?) {
            (Operand::Column(column), Operand::Literal(literal)) => {
                self.test(&column, operator, &literal, negated)
            }
            (Operand::Literal(literal), Operand::Column(column))
                if comparison != Comparison::Regex =>
            {
                self.test(&column, swapped, &literal, negated)
            }
            (Operand::Column(_), Operand::Column(column)) => Err(self.two_columns(&column, right)),
            (Operand::Literal(literal), _) => {
                let error = FilterError::new("a comparison begins with a column", FORMS);
                Err(error.at_bytes(literal.bytes))
            }
        }
    }

    /// A column compared with a value.
    pub(super) fn test(
        &self,
        column: &FilterColumn<'_>,
        operator: Operator<'_>,
        literal: &Literal,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        if let ColumnKind::List(item) = &column.kind {
            let example = if **item == ColumnKind::Text {
                "'…'"
            } else {
                "…"
            };
            let name = &column.name;
            let error = FilterError::new(
                format!("`{name}` is a list"),
                format!("write {example} = ANY({name}), or {example} = ALL({name})"),
            );
            return Err(error.at_bytes(literal.bytes.clone()));
        }
        let value = self.typed(column, &column.kind, operator, literal)?;
        Ok(compare(column, operator.comparison, value, negated))
    }

    /// A value compared with the items of a list.
    pub(super) fn any_or_all(
        &self,
        quantifier: Quantifier,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let Some(comparison) = comparison_of(op) else {
            return Err(self.refused_operator(op, right));
        };
        if matches!(right, Expr::Subquery(_)) {
            return Err(self.refusal(right).at_bytes(self.source.begin(left)));
        }
        let column = self.expect_column(right, "ANY and ALL need")?;
        let Operand::Literal(literal) = self.operand(left)? else {
            let error = FilterError::new(
                "ANY and ALL need a value on their left, not a column",
                format!("write 'us' = ANY({})", column.name),
            );
            return Err(error.at_bytes(self.source.begin(left)));
        };
        let Some(item) = column.items() else {
            let kind = type_words(&column.kind);
            let error = FilterError::new(
                format!("`{}` is {kind}, not a list", column.name),
                "compare it without ANY and ALL",
            );
            return Err(error.at_bytes(self.source.begin(right)));
        };
        let operator = Operator {
            comparison: comparison.swapped(),
            written: &op.to_string(),
        };
        let value = self.typed(&column, item, operator, &literal)?;
        let name = column.name.clone();
        let items = Filter::Items(name, quantifier, operator.comparison, value);
        Ok(negated_if(negated, &column, items))
    }

    pub(super) fn is_one_of(
        &self,
        expression: &Expr,
        list: &[Expr],
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "IN needs")?;
        let operator = Operator {
            comparison: Comparison::Eq,
            written: "IN",
        };
        let mut parts = Vec::new();
        for value in list {
            let literal = self.expect_literal(value)?;
            parts.push(self.test(&column, operator, &literal, negated)?);
        }
        Ok(if negated {
            all_of(parts)
        } else {
            any_of(parts)
        })
    }

    pub(super) fn between(
        &self,
        expression: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
    ) -> Result<Filter, FilterError> {
        let column = self.expect_column(expression, "BETWEEN needs")?;
        let mut parts = Vec::new();
        for (comparison, bound) in [(Comparison::Gte, low), (Comparison::Lte, high)] {
            let operator = Operator {
                comparison,
                written: "BETWEEN",
            };
            let literal = self.expect_literal(bound)?;
            parts.push(self.test(&column, operator, &literal, negated)?);
        }
        Ok(if negated {
            any_of(parts)
        } else {
            all_of(parts)
        })
    }
}
