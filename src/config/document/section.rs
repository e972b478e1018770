//! A table of the file with the name that errors use for it.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value with its place in the file.
pub(crate) type Node<'a> = Spanned<DeValue<'a>>;

/// A range of bytes of the file.
pub(crate) type Span = Range<usize>;

/// A table of the file.
#[derive(Debug, Clone)]
pub(crate) struct Section<'a> {
    /// As errors name it: `[source]`, "the report `backlinks`".
    pub name: String,
    /// Its entries.
    pub table: &'a DeTable<'a>,
    /// Its heading, or the whole of an inline table.
    pub span: Span,
}

impl<'a> Section<'a> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a Node<'a>> {
        self.table.get(key)
    }

    /// Where a key's value is; the section itself without one.
    pub fn span_of(&self, key: &str) -> Span {
        self.get(key).map_or(self.span.clone(), Spanned::span)
    }
}

/// The type of a TOML value, with its article.
pub(crate) fn type_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
