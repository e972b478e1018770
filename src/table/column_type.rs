//! The types of a table's columns, in Arrow, in Parquet and as recorded text.
//!
//! Few on purpose: each has one equivalent in every warehouse, so that a table loads everywhere without a cast.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, TimeUnit};

use crate::catalog::ColumnKind;

/// Name of the field inside a list: `list/element` is the form that every warehouse reads as a list.
pub const LIST_ELEMENT: &str = "element";

/// Deepest nesting of a type that is read back from its recorded text.
const MAX_TYPE_DEPTH: usize = 16;

/// Type of a table's column.
///
/// `Display` gives the text that manifests record; [`ColumnType::parse`] reads it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnType {
    /// 64-bit integer.
    Integer,
    /// 64-bit float.
    Float,
    /// true or false.
    Boolean,
    /// Calendar date.
    Date,
    /// Microseconds since 1970, UTC.
    Timestamp,
    /// UTF-8 text.
    Text,
    /// JSON kept as text: the source publishes no inner schema.
    Json,
    /// A list.
    List(Box<ColumnType>),
    /// An object with known fields, in that order.
    Struct(Vec<(String, ColumnType)>),
}

impl From<&ColumnKind> for ColumnType {
    /// Lists of lists become JSON text, because `BigQuery` has no such type and a table must load everywhere.
    fn from(kind: &ColumnKind) -> Self {
        match kind {
            ColumnKind::Integer => Self::Integer,
            ColumnKind::Float => Self::Float,
            ColumnKind::Boolean => Self::Boolean,
            ColumnKind::Date => Self::Date,
            ColumnKind::DateTime => Self::Timestamp,
            ColumnKind::Text => Self::Text,
            ColumnKind::List(items) if matches!(**items, ColumnKind::List(_)) => Self::Json,
            ColumnKind::List(items) => Self::List(Box::new(Self::from(&**items))),
            ColumnKind::Struct(fields) if fields.is_empty() => Self::Json,
            ColumnKind::Struct(fields) => Self::Struct(
                fields
                    .iter()
                    .map(|(name, kind)| (name.clone(), Self::from(kind)))
                    .collect(),
            ),
            ColumnKind::Json => Self::Json,
        }
    }
}

impl ColumnType {
    /// The Arrow type.
    pub fn arrow(&self) -> DataType {
        match self {
            Self::Integer => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Boolean => DataType::Boolean,
            Self::Date => DataType::Date32,
            Self::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC"))),
            Self::Text | Self::Json => DataType::Utf8,
            Self::List(items) => DataType::List(Arc::new(items.field(LIST_ELEMENT))),
            Self::Struct(fields) => {
                let fields = fields.iter().map(|(name, kind)| kind.field(name));
                DataType::Struct(fields.collect::<Fields>())
            }
        }
    }

    /// A nullable Arrow field of this type.
    pub fn field(&self, name: &str) -> Field {
        Field::new(name, self.arrow(), true)
    }

    /// The Parquet type as Parquet's documentation spells it.
    pub fn parquet(&self) -> &'static str {
        match self {
            Self::Integer => "INT64",
            Self::Float => "DOUBLE",
            Self::Boolean => "BOOLEAN",
            Self::Date => "INT32 (DATE)",
            Self::Timestamp => "INT64 (TIMESTAMP(MICROS,true))",
            Self::Text | Self::Json => "BYTE_ARRAY (STRING)",
            Self::List(_) => "LIST",
            Self::Struct(_) => "group",
        }
    }

    /// Whether rows can be sorted by a column of this type and the order means something.
    pub fn is_sortable(&self) -> bool {
        matches!(
            self,
            Self::Integer | Self::Boolean | Self::Date | Self::Timestamp | Self::Text
        )
    }

    /// Parses the text that `Display` writes; `None` for a type that this version does not know.
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_nested(text, MAX_TYPE_DEPTH)
    }

    fn parse_nested(text: &str, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        Some(match text {
            "int64" => Self::Integer,
            "double" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "timestamp" => Self::Timestamp,
            "string" => Self::Text,
            "json" => Self::Json,
            _ => {
                if let Some(items) = bracketed(text, "list<") {
                    return Some(Self::List(Box::new(Self::parse_nested(items, depth)?)));
                }
                let mut fields = Vec::new();
                for field in split_fields(bracketed(text, "struct<")?) {
                    let (name, kind) = field.split_once(": ")?;
                    fields.push((name.to_owned(), Self::parse_nested(kind, depth)?));
                }
                Self::Struct(fields)
            }
        })
    }
}

/// The text between an opening and its closing bracket.
fn bracketed<'a>(text: &'a str, opening: &str) -> Option<&'a str> {
    text.strip_prefix(opening)?.strip_suffix('>')
}

/// Splits at the commas outside brackets.
fn split_fields(text: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    for (index, character) in text.char_indices() {
        match character {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                fields.push(text.get(start..index).unwrap_or_default().trim());
                start = index + 1;
            }
            _ => {}
        }
    }
    fields.push(text.get(start..).unwrap_or_default().trim());
    fields
}

impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("int64"),
            Self::Float => f.write_str("double"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Text => f.write_str("string"),
            Self::Json => f.write_str("json"),
            Self::List(items) => write!(f, "list<{items}>"),
            Self::Struct(fields) => {
                f.write_str("struct<")?;
                for (index, (name, kind)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    write!(f, "{comma}{name}: {kind}")?;
                }
                f.write_str(">")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[test]
    fn every_type_of_the_catalog_is_parsed_from_its_text() {
        let mut nested = 0;
        for column in Catalog::embedded()
            .endpoints()
            .flat_map(|endpoint| &endpoint.columns)
        {
            let kind = ColumnType::from(&column.kind);
            assert_eq!(
                ColumnType::parse(&kind.to_string()),
                Some(kind.clone()),
                "{}",
                column.name
            );
            nested += usize::from(matches!(kind, ColumnType::List(_) | ColumnType::Struct(_)));
        }
        assert!(nested > 50);
    }

    #[test]
    fn unknown_types_are_rejected() {
        for text in [
            "",
            "int32",
            "list<",
            "list<int32>",
            "struct<a>",
            &"list<".repeat(1000),
        ] {
            assert_eq!(ColumnType::parse(text), None, "{text}");
        }
    }
}
