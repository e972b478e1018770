//! Columns of answers: their types and prices, what `where` can filter by, and named selections.

use std::fmt;

/// A column of an answer.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "facts of a column, each on its own"
)]
pub struct Column {
    /// Its name, unique within the operation.
    pub name: String,
    /// Type of its values.
    pub kind: ColumnKind,
    /// Its objects are sent as arrays, with the fields in their order: `["us", 123]`.
    pub is_tuple: bool,
    /// Whether the API documents that it may be null. The real API sends nulls elsewhere too.
    pub nullable: bool,
    /// Units that it adds to each row.
    pub units: u64,
    /// What the number of units depends on, where it is not fixed.
    pub units_note: Option<String>,
    /// Values seen so far; enums grow, so this is never a check on answers.
    pub values: Vec<String>,
    /// What a number measures.
    pub measure: Option<Measure>,
    /// A parameter value with which the column cannot be selected.
    pub not_with: Option<(String, String)>,
    /// The vendor calls it deprecated.
    pub deprecated: bool,
    /// Readers look rows up by its value, so that a bloom filter is worth its size.
    pub lookup: bool,
    /// Our one line on it; empty where none is written yet.
    pub description: String,
}

/// What a number measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// US cents.
    UsdCents,
    /// A score from 0 to 100.
    Score0To100,
    /// Bytes.
    Bytes,
}

impl Measure {
    /// The unit in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UsdCents => "US cents",
            Self::Score0To100 => "score 0-100",
            Self::Bytes => "bytes",
        }
    }
}

/// Type of a column's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ColumnKind {
    /// A whole number of up to 64 bits.
    Integer,
    /// A number.
    Float,
    /// true or false.
    Boolean,
    /// A calendar date.
    Date,
    /// A point in time, UTC.
    DateTime,
    /// Text: string, URL, domain or enum.
    Text,
    /// An array.
    List(Box<ColumnKind>),
    /// An object whose fields are published, in that order.
    Struct(Vec<(String, ColumnKind)>),
    /// Anything else, kept as JSON text.
    Json,
}

impl fmt::Display for ColumnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer => f.write_str("integer"),
            Self::Float => f.write_str("float"),
            Self::Boolean => f.write_str("boolean"),
            Self::Date => f.write_str("date"),
            Self::DateTime => f.write_str("date-time"),
            Self::Text => f.write_str("text"),
            Self::List(items) => write!(f, "list of {items}"),
            Self::Struct(_) => f.write_str("struct"),
            Self::Json => f.write_str("JSON"),
        }
    }
}

/// A column that `where` can filter by.
#[derive(Debug, Clone)]
pub struct Filterable {
    /// Its name.
    pub name: String,
    /// Type of its values.
    pub kind: ColumnKind,
    /// Whether it may be null.
    pub nullable: bool,
    /// Units that naming it in `where` adds to each row.
    pub units: u64,
    /// Known values.
    pub values: Vec<String>,
}

/// Named selections of columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presets {
    /// The fewest columns that make the table useful.
    pub minimal: Vec<String>,
    /// What an analyst usually needs, without expensive columns.
    pub standard: Vec<String>,
    /// Everything that is useful without a comparison date.
    pub full: Vec<String>,
}

impl Presets {
    /// Names of the presets, smallest first.
    pub const NAMES: [&'static str; 3] = ["minimal", "standard", "full"];

    /// One preset by name.
    pub fn get(&self, name: &str) -> Option<&[String]> {
        match name {
            "minimal" => Some(&self.minimal),
            "standard" => Some(&self.standard),
            "full" => Some(&self.full),
            _ => None,
        }
    }
}
