//! Which operator and which value fits which type, in whatever language a filter is written.

use chrono::{DateTime, NaiveDate};
use serde_json::Value as Json;

use super::comparison::Comparison;
use crate::catalog::ColumnKind;

/// Whether an operator applies to values of this type.
pub(super) fn operator_fits(comparison: Comparison, kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Text | ColumnKind::Json => true,
        ColumnKind::Boolean | ColumnKind::List(_) | ColumnKind::Struct(_) => {
            comparison.is_equality()
        }
        ColumnKind::Integer | ColumnKind::Float | ColumnKind::Date | ColumnKind::DateTime => {
            !comparison.is_textual()
        }
    }
}

/// Whether a value can be compared with values of this type.
pub(super) fn value_fits(value: &Json, kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Integer => value.is_i64(),
        ColumnKind::Float => value.is_number(),
        ColumnKind::Boolean => value.is_boolean(),
        ColumnKind::Text => value.is_string(),
        ColumnKind::Date => parse_date(value.as_str().unwrap_or_default()).is_some(),
        ColumnKind::DateTime => parse_micros(value.as_str().unwrap_or_default()).is_some(),
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => true,
    }
}

/// A calendar date, `YYYY-MM-DD`.
fn parse_date(text: &str) -> Option<NaiveDate> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    (text.len() == "2024-01-31".len()).then_some(date)
}

/// A point in time in microseconds: RFC 3339, or a date, which is its midnight in UTC.
pub(super) fn parse_micros(text: &str) -> Option<i64> {
    if let Some(date) = parse_date(text) {
        let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
        return Some(midnight.timestamp_micros());
    }
    let time = DateTime::parse_from_rfc3339(text).ok()?;
    Some(time.timestamp_micros())
}

/// A type in words.
pub(super) fn type_words(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "a whole number",
        ColumnKind::Float => "a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Date => "a date",
        ColumnKind::DateTime => "a point in time",
        ColumnKind::Text => "text",
        ColumnKind::List(_) => "a list",
        ColumnKind::Struct(_) | ColumnKind::Json => "an object",
    }
}

/// An example of a value of a type, in a language that encloses text in these quotes.
pub(super) fn example_value(kind: &ColumnKind, quote: char) -> String {
    match kind {
        ColumnKind::Integer => "for example 30, without quotes and fraction".to_owned(),
        ColumnKind::Float => "for example 30 or 0.5, without quotes".to_owned(),
        ColumnKind::Boolean => "true or false, without quotes".to_owned(),
        ColumnKind::Date => format!("for example {quote}2024-01-31{quote}"),
        ColumnKind::DateTime => {
            format!("for example {quote}2024-01-31{quote} or {quote}2024-01-31T12:00:00Z{quote}")
        }
        ColumnKind::Text => format!("write it in quotes: {quote}…{quote}"),
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => {
            "see: backhaul catalog".to_owned()
        }
    }
}
