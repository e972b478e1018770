//! Values of key columns.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use ordered_float::OrderedFloat;

/// One value of a key column. The order is the one that paging relies on: null first, then by value, strings bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value. The catalog's key columns are never null; the real API may differ.
    Null,
    /// A boolean; false before true.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A date-time, in microseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// A number with a fraction: only the column of a ranking may be one. All `NaN`s are equal and greater than any number.
    Float(OrderedFloat<f64>),
    /// A string, compared by its UTF-8 bytes.
    Text(Box<str>),
}

impl Value {
    /// A number. The two zeros are one value, so that they print and hash alike.
    pub fn float(value: f64) -> Self {
        Self::Float(OrderedFloat(value + 0.0))
    }

    /// The value as it is written in the API's filter JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Time(micros) => format_time(*micros).into(),
            Self::Float(value) => value.0.into(),
            Self::Text(text) => text.as_ref().into(),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Time(micros) => f.write_str(&format_time(*micros)),
            Self::Float(value) => write!(f, "{}", value.0),
            Self::Text(text) => write!(f, "{text:?}"),
        }
    }
}

/// A date-time as the API writes it: `2024-01-29T00:00:00Z`, with a fraction only where there is one.
pub fn format_time(micros: i64) -> String {
    match DateTime::<Utc>::from_timestamp_micros(micros) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{micros}us"),
    }
}

/// The key of a row: one value for each key column that the request selects, in the order of the key.
pub type Key = Box<[Value]>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_zeros_are_one_value() {
        assert_eq!(Value::float(-0.0), Value::float(0.0));
        assert_eq!(Value::float(-0.0).to_string(), "0");
        assert!(Value::float(-1.5) < Value::float(0.25));
        assert!(Value::float(f64::MAX) < Value::float(f64::NAN));
    }
}
