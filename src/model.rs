//! The few types that every room shares: key values, tasks, requests and answers. Data only, no behaviour of a room.

use std::fmt;

use bytes::Bytes;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// One value of a key column. The order is the one that paging rests on: null first, then by value, strings bytewise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// No value. The catalog's key columns have none; the real API may differ.
    Null,
    /// A boolean; false before true.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A date-time, in microseconds since 1970-01-01T00:00:00Z.
    Time(i64),
    /// A number that need not be whole: only the column of a ranking may be one.
    Float(Float),
    /// A string, compared by its UTF-8 bytes.
    Text(Box<str>),
}

impl Value {
    /// The value as it stands in the API's filter JSON.
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

/// A floating-point number that can be ordered and hashed: the two zeros are one.
#[derive(Debug, Clone, Copy)]
pub struct Float(f64);

impl Float {
    /// The number.
    pub fn new(value: f64) -> Self {
        Self(if value == 0.0 { 0.0 } else { value })
    }
}

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Float {}

impl PartialOrd for Float {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Float {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl std::hash::Hash for Float {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.to_bits().hash(state);
    }
}

/// A date-time as the API writes it: `2024-01-29T00:00:00Z`, with a fraction only where there is one.
pub fn format_time(micros: i64) -> String {
    match DateTime::<Utc>::from_timestamp_micros(micros) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{micros}us"),
    }
}

/// The key of a row: one value per column of K that stands in the request, in K's order.
pub type Key = Box<[Value]>;

/// Identifies a task over all nights: a hash of report, endpoint, target and what else varies, as 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub String);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The snapshot date: a label that a task keeps even when it is finished after midnight.
pub type Night = NaiveDate;

/// A day, written as `2026-11-23`: for `#[serde(with = …)]`.
pub mod day {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes it.
    ///
    /// # Errors
    /// What the serializer says.
    pub fn serialize<S: Serializer>(day: &NaiveDate, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(day)
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is no day.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveDate, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A day that may be missing, written as `2026-11-23`: for `#[serde(with = …)]`.
pub mod maybe_day {
    use chrono::NaiveDate;
    use serde::{Deserialize, Deserializer, Serializer, de};

    /// Writes it.
    ///
    /// # Errors
    /// What the serializer says.
    pub fn serialize<S: Serializer>(
        day: &Option<NaiveDate>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match day {
            Some(day) => serializer.collect_str(day),
            None => serializer.serialize_none(),
        }
    }

    /// Reads it.
    ///
    /// # Errors
    /// If it is no day.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<NaiveDate>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse().map_err(de::Error::custom))
            .transpose()
    }
}

/// HTTP method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Parameters in the query.
    Get,
    /// Parameters in a JSON body.
    Post,
}

/// One request to the source, complete but for the key and the origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Catalog name, for example `site-explorer/all-backlinks`.
    pub endpoint: String,
    /// HTTP method.
    pub method: Method,
    /// Query parameters in the order sent, not yet percent-encoded.
    pub query: Vec<(String, String)>,
    /// JSON body of a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What the answer's headers said of its price. Absent headers stay `None`: nothing is guessed here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// `x-api-rows`.
    pub rows: Option<u64>,
    /// `x-api-units-cost-row`.
    pub units_per_row: Option<u64>,
    /// `x-api-units-cost-total`: what the request would cost without a cache.
    pub units_total: Option<u64>,
    /// `x-api-units-cost-total-actual`: what was charged.
    pub units_actual: Option<u64>,
    /// `x-api-cache` was `hit`.
    pub cache_hit: bool,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, as received.
    Gzip,
    /// zstd, as saved by us.
    Zstd,
}

/// A 200 as received: the body is untouched.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body as received.
    pub body: Bytes,
    /// Its content encoding.
    pub encoding: Encoding,
    /// What the headers said of the price.
    pub price: Price,
    /// When the last byte arrived.
    pub received_at: DateTime<Utc>,
    /// How many attempts it took, this one included.
    pub attempts: u32,
}

/// Adds text percent-encoded as RFC 3986 has it: all but unreserved characters, a space as `%20`, never `+`.
pub fn percent_encode_into(out: &mut String, text: &str) {
    use std::fmt::Write as _;
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}

/// What paging needs of an answer: the key of each row, in the order received, and a digest of the row's report columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageKeys {
    /// How many columns a key has.
    pub width: usize,
    /// The keys, one after the other: `width` values a row. Empty where `width` is 0.
    pub values: Vec<Value>,
    /// One digest a row, over the values of the report's own columns (never of columns that only paging added), so that
    /// equal rows have equal digests whatever key columns stood in their request.
    pub digests: Vec<u128>,
}

impl PageKeys {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether the answer had no row.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    /// Key of one row; empty beyond the last row.
    pub fn key(&self, row: usize) -> &[Value] {
        let start = row * self.width;
        self.values
            .get(start..start + self.width)
            .unwrap_or_default()
    }
}
