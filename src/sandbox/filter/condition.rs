//! One condition of a `where`: an operator with its value, tested against a cell.
//!
//! Logic has two values: a comparison with null is false, and `neq` is the opposite of `eq`. `empty` holds for empty
//! text and empty lists, not for null.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate};
use regex::Regex;
use serde_json::Value as Json;

use crate::catalog::ColumnKind;
use crate::sandbox::calendar::{DAY_SECONDS, start_of};
use crate::sandbox::cell::Cell;
use crate::sandbox::refusal::Refusal;

/// How an operation reads conditions, and how a quirk changes that.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FilterDialect {
    /// Text is compared without regard to case.
    pub(crate) ignores_case: bool,
    /// `gt` and `gte` on text and date-times match nothing.
    pub(crate) rejects_greater: bool,
    /// `regex` knows only `*`, and must match the whole text: so do some operations, without a quirk.
    pub(crate) wildcards: bool,
}

/// A condition on one value.
#[derive(Debug)]
pub(crate) enum Condition {
    Compare {
        test: Comparison,
        value: Cell,
        ignores_case: bool,
    },
    Substring(String),
    /// In the text's lower-case form.
    LowercaseSubstring(String),
    Prefix(String),
    Suffix(String),
    Pattern(Regex),
    Empty,
    IsNull,
    /// Never holds.
    Never,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Eq,
    Neq,
    Gt,
    Gte,
    Lt,
    Lte,
}

impl Condition {
    /// Reads `["eq", 1]`, `"empty"` or `"is_null"` for values of this kind.
    pub(crate) fn parse(
        json: &Json,
        kind: &ColumnKind,
        dialect: FilterDialect,
    ) -> Result<Self, Refusal> {
        match json {
            Json::String(word) if word == "empty" => Ok(Self::Empty),
            Json::String(word) if word == "is_null" => Ok(Self::IsNull),
            Json::String(_) => Err(Refusal::FilterSyntax),
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(operator), value] => Self::operation(operator, value, kind, dialect),
                _ => Err(Refusal::FilterExpression),
            },
            _ => Err(Refusal::FilterExpression),
        }
    }

    fn operation(
        operator: &str,
        value: &Json,
        kind: &ColumnKind,
        dialect: FilterDialect,
    ) -> Result<Self, Refusal> {
        let compare = match operator {
            "eq" => Comparison::Eq,
            "neq" => Comparison::Neq,
            "gt" => Comparison::Gt,
            "gte" => Comparison::Gte,
            "lt" => Comparison::Lt,
            "lte" => Comparison::Lte,
            _ => return Self::on_text(operator, value, kind, dialect),
        };
        let value = literal(value, kind)?;
        let is_greater = matches!(compare, Comparison::Gt | Comparison::Gte);
        if dialect.rejects_greater && is_greater && matches!(value, Cell::Text(_) | Cell::Time(_)) {
            return Ok(Self::Never);
        }
        Ok(Self::Compare {
            test: compare,
            value,
            ignores_case: dialect.ignores_case,
        })
    }

    fn on_text(
        operator: &str,
        value: &Json,
        kind: &ColumnKind,
        dialect: FilterDialect,
    ) -> Result<Self, Refusal> {
        let known = matches!(
            operator,
            "substring"
                | "isubstring"
                | "phrase_match"
                | "iphrase_match"
                | "prefix"
                | "suffix"
                | "regex"
        );
        if !known {
            return Err(Refusal::FilterSyntax);
        }
        let (Json::String(text), ColumnKind::Text) = (value, kind) else {
            return Err(Refusal::FilterExpression);
        };
        match operator {
            "substring" => Ok(Self::Substring(text.clone())),
            "isubstring" => Ok(Self::LowercaseSubstring(text.to_lowercase())),
            "prefix" => Ok(Self::Prefix(text.clone())),
            "suffix" => Ok(Self::Suffix(text.clone())),
            "phrase_match" => phrase("", text),
            "iphrase_match" => phrase("(?i)", text),
            _ if dialect.wildcards => pattern(&format!(
                "(?s)^{}$",
                regex::escape(text).replace(r"\*", ".*")
            )),
            _ => pattern(text),
        }
    }

    /// Whether the condition holds for this value.
    pub(crate) fn holds(&self, cell: &Cell) -> bool {
        match (self, cell) {
            (Self::IsNull, cell) => cell.is_null(),
            (Self::Empty, Cell::Text(text)) => text.is_empty(),
            (Self::Empty, Cell::List(items)) => items.is_empty(),
            (Self::Compare { test, .. }, Cell::Null) => *test == Comparison::Neq,
            (
                Self::Compare {
                    test,
                    value,
                    ignores_case,
                },
                cell,
            ) => test.accepts(order(cell, value, *ignores_case)),
            (Self::Substring(needle), Cell::Text(text)) => text.contains(needle.as_str()),
            (Self::LowercaseSubstring(needle), Cell::Text(text)) => {
                text.to_lowercase().contains(needle)
            }
            (Self::Prefix(prefix), Cell::Text(text)) => text.starts_with(prefix.as_str()),
            (Self::Suffix(suffix), Cell::Text(text)) => text.ends_with(suffix.as_str()),
            (Self::Pattern(pattern), Cell::Text(text)) => pattern.is_match(text),
            _ => false,
        }
    }
}

impl Comparison {
    fn accepts(self, order: Ordering) -> bool {
        match self {
            Self::Eq => order.is_eq(),
            Self::Neq => order.is_ne(),
            Self::Gt => order.is_gt(),
            Self::Gte => order.is_ge(),
            Self::Lt => order.is_lt(),
            Self::Lte => order.is_le(),
        }
    }
}

fn order(cell: &Cell, value: &Cell, ignores_case: bool) -> Ordering {
    match (cell, value) {
        (Cell::Text(left), Cell::Text(right)) if ignores_case => {
            left.to_lowercase().cmp(&right.to_lowercase())
        }
        _ => cell.order(value),
    }
}

/// The text between word boundaries.
fn phrase(flags: &str, text: &str) -> Result<Condition, Refusal> {
    pattern(&format!(r"{flags}(?:^|\W){}(?:\W|$)", regex::escape(text)))
}

fn pattern(text: &str) -> Result<Condition, Refusal> {
    // The API says no more than this: the filter is not a valid expression.
    Regex::new(text)
        .map(Condition::Pattern)
        .or(Err(Refusal::FilterExpression))
}

/// The value of a comparison, which must fit the column.
fn literal(json: &Json, kind: &ColumnKind) -> Result<Cell, Refusal> {
    let cell = match (kind, json) {
        (ColumnKind::Integer, Json::Number(number)) => number.as_i64().map(Cell::Int),
        (ColumnKind::Float, Json::Number(number)) => number.as_f64().map(Cell::float),
        (ColumnKind::Boolean, Json::Bool(value)) => Some(Cell::Bool(*value)),
        (ColumnKind::Text, Json::String(text)) => Some(Cell::text(text.as_str())),
        (ColumnKind::DateTime, Json::String(text)) => seconds(text).map(Cell::Time),
        (ColumnKind::Date, Json::String(text)) => {
            seconds(text).map(|seconds| Cell::date(seconds.div_euclid(DAY_SECONDS)))
        }
        _ => None,
    };
    cell.ok_or(Refusal::FilterExpression)
}

fn seconds(text: &str) -> Option<i64> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.timestamp());
    }
    let date: NaiveDate = text.parse().ok()?;
    Some(start_of(date))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &Json, kind: &ColumnKind, cell: &Cell) -> bool {
        Condition::parse(condition, kind, FilterDialect::default())
            .unwrap()
            .holds(cell)
    }

    #[test]
    fn comparisons_follow_their_truth_table() {
        // For 4, 5, 6 and null against 5.
        for (operator, expected) in [
            ("eq", [false, true, false, false]),
            ("neq", [true, false, true, true]),
            ("gt", [false, false, true, false]),
            ("gte", [false, true, true, false]),
            ("lt", [true, false, false, false]),
            ("lte", [true, true, false, false]),
        ] {
            let cells = [Cell::Int(4), Cell::Int(5), Cell::Int(6), Cell::Null];
            let found = cells.map(|cell| holds(&json!([operator, 5]), &ColumnKind::Integer, &cell));
            assert_eq!(found, expected, "{operator}");
        }
    }

    #[test]
    fn text_operators_follow_their_truth_table() {
        for (condition, text, expected) in [
            (json!(["substring", "Shoe"]), "red Shoes", true),
            (json!(["substring", "shoe"]), "red Shoes", false),
            (json!(["isubstring", "sHOE"]), "red Shoes", true),
            (json!(["phrase_match", "red"]), "red shoes", true),
            (json!(["phrase_match", "red"]), "scared shoes", false),
            (json!(["phrase_match", "a+b"]), "x a+b", true),
            (json!(["iphrase_match", "RED"]), "a red", true),
            (json!(["prefix", "red"]), "red shoes", true),
            (json!(["prefix", "shoes"]), "red shoes", false),
            (json!(["suffix", "shoes"]), "red shoes", true),
            (json!(["regex", "^r.d"]), "red shoes", true),
            (json!(["regex", "^s"]), "red shoes", false),
            (json!("empty"), "", true),
            (json!("empty"), "x", false),
            (json!("is_null"), "", false),
            (json!(["gte", "Z"]), "a", true),
        ] {
            assert_eq!(
                holds(&condition, &ColumnKind::Text, &Cell::text(text)),
                expected,
                "{condition} {text}"
            );
        }
    }

    #[test]
    fn with_wildcards_every_other_character_is_literal() {
        let dialect = FilterDialect {
            wildcards: true,
            ..FilterDialect::default()
        };
        for (pattern, text, expected) in [
            ("red*", "red shoes", true),
            ("*shoes", "red shoes", true),
            ("red", "red shoes", false),
            ("r.d*", "red", false),
        ] {
            let condition =
                Condition::parse(&json!(["regex", pattern]), &ColumnKind::Text, dialect).unwrap();
            assert_eq!(
                condition.holds(&Cell::text(text)),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn date_times_compare_with_dates_and_date_times() {
        let cell = Cell::Time(1_706_486_400);
        assert!(holds(
            &json!(["eq", "2024-01-29"]),
            &ColumnKind::DateTime,
            &cell
        ));
        assert!(holds(
            &json!(["lt", "2024-01-29T00:00:01Z"]),
            &ColumnKind::DateTime,
            &cell
        ));
    }

    #[test]
    fn conditions_that_do_not_fit_their_column_are_refused() {
        for (condition, kind, refusal) in [
            (
                json!(["like", "x"]),
                ColumnKind::Text,
                Refusal::FilterSyntax,
            ),
            (json!("nothing"), ColumnKind::Text, Refusal::FilterSyntax),
            (
                json!(["eq", "5"]),
                ColumnKind::Integer,
                Refusal::FilterExpression,
            ),
            (
                json!(["prefix", "5"]),
                ColumnKind::Integer,
                Refusal::FilterExpression,
            ),
            (
                json!(["regex", "("]),
                ColumnKind::Text,
                Refusal::FilterExpression,
            ),
            (json!(["eq"]), ColumnKind::Text, Refusal::FilterExpression),
            (
                json!(["eq", null]),
                ColumnKind::Text,
                Refusal::FilterExpression,
            ),
        ] {
            assert_eq!(
                Condition::parse(&condition, &kind, FilterDialect::default()).unwrap_err(),
                refusal,
                "{condition}"
            );
        }
    }
}
