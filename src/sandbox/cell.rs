//! One value of a row: its order and its JSON. Columns are not known here.

use std::cmp::Ordering;
use std::fmt;
use std::io::Write as _;

/// A value. The order of the variants is the order of mixed kinds, nulls first; a column has one kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    /// Written with a fraction, or bare where `bare`.
    Float {
        value: f64,
        bare: bool,
    },
    /// Days since 1970-01-01, written as midnight UTC where `midnight`.
    Date {
        days: i64,
        midnight: bool,
    },
    /// Seconds since 1970-01-01T00:00:00Z.
    Time(i64),
    Text(Box<str>),
    List(Box<[Cell]>),
    /// JSON as it will be written.
    Json(Box<str>),
}

impl Cell {
    pub(crate) fn text(text: impl Into<Box<str>>) -> Self {
        Self::Text(text.into())
    }

    /// A float that is written with a fraction.
    pub(crate) fn float(value: f64) -> Self {
        Self::Float { value, bare: false }
    }

    /// A float with one decimal place, from its number of tenths.
    pub(crate) fn tenths(count: f64) -> Self {
        Self::float(count / 10.0)
    }

    /// A date without a time of day.
    pub(crate) fn date(days: i64) -> Self {
        Self::Date {
            days,
            midnight: false,
        }
    }

    /// A date that is written as midnight UTC.
    pub(crate) fn midnight(days: i64) -> Self {
        Self::Date {
            days,
            midnight: true,
        }
    }

    /// One of some texts; null where there is none.
    pub(crate) fn choice(text: Option<&str>) -> Self {
        match text {
            Some(text) => Self::text(text),
            None => Self::Null,
        }
    }

    /// A list of texts.
    pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// JSON that is written as it is.
    pub(crate) fn json(json: impl Into<Box<str>>) -> Self {
        Self::Json(json.into())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The position of the value's kind among all kinds.
    pub(crate) fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Int(_) => 2,
            Self::Float { .. } => 3,
            Self::Date { .. } => 4,
            Self::Time(_) => 5,
            Self::Text(_) => 6,
            Self::List(_) => 7,
            Self::Json(_) => 8,
        }
    }

    /// Ascending order: nulls first, false before true, text by its bytes.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Int(left), Self::Int(right))
            | (Self::Time(left), Self::Time(right))
            | (Self::Date { days: left, .. }, Self::Date { days: right, .. }) => left.cmp(right),
            (Self::Float { value: left, .. }, Self::Float { value: right, .. }) => {
                left.total_cmp(right)
            }
            (Self::Text(left), Self::Text(right)) | (Self::Json(left), Self::Json(right)) => {
                left.cmp(right)
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// The value as JSON.
    pub(crate) fn to_json(&self) -> String {
        let mut out = Vec::new();
        self.write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    /// Appends the value as JSON.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Null => out.extend_from_slice(b"null"),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Int(value) => write_all(out, format_args!("{value}")),
            Self::Float { value, bare: true } => write_all(out, format_args!("{value}")),
            Self::Float { value, bare: false } => write_all(out, format_args!("{value:?}")),
            Self::Date { days, midnight } => {
                let (year, month, day) = civil_from_days(*days);
                let end = if *midnight { "T00:00:00Z" } else { "" };
                write_all(out, format_args!("\"{year:04}-{month:02}-{day:02}{end}\""));
            }
            Self::Time(seconds) => write_all(out, format_args!("\"{}\"", UtcTime(*seconds))),
            Self::Text(text) => write_text(text, out),
            Self::List(items) => write_list(items, out),
            Self::Json(json) => out.extend_from_slice(json.as_bytes()),
        }
    }
}

/// Seconds since 1970-01-01T00:00:00Z, shown as `2024-01-29T00:00:00Z`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UtcTime(pub(crate) i64);

impl fmt::Display for UtcTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.0.div_euclid(86_400));
        let rest = self.0.rem_euclid(86_400);
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

fn write_list(items: &[Cell], out: &mut Vec<u8>) {
    out.push(b'[');
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

/// Writing to memory cannot fail.
fn write_all(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(arguments);
}

/// Appends a JSON string.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=31 => write_all(out, format_args!("\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}

/// A text as a JSON string.
pub(crate) fn json_text(text: &str) -> String {
    let mut out = Vec::new();
    write_text(text, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Year, month and day of a day number (Howard Hinnant's `civil_from_days`).
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(cell: &Cell) -> String {
        let mut out = Vec::new();
        cell.write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_are_written_as_the_api_writes_them() {
        assert_eq!(
            json(&Cell::Time(1_706_486_400)),
            r#""2024-01-29T00:00:00Z""#
        );
        assert_eq!(
            json(&Cell::Date {
                days: 19_751,
                midnight: true
            }),
            r#""2024-01-29T00:00:00Z""#
        );
        assert_eq!(
            json(&Cell::Date {
                days: 19_782,
                midnight: false
            }),
            r#""2024-02-29""#
        );
        assert_eq!(
            json(&Cell::Float {
                value: 91.0,
                bare: false
            }),
            "91.0"
        );
        assert_eq!(
            json(&Cell::Float {
                value: 26.0,
                bare: true
            }),
            "26"
        );
        assert_eq!(
            json(&Cell::text("a\"\\\n\u{1}é")),
            "\"a\\\"\\\\\\n\\u0001é\""
        );
        assert_eq!(
            json(&Cell::List([Cell::Int(1), Cell::Null].into())),
            "[1,null]"
        );
    }

    #[test]
    fn nulls_come_first_and_text_is_ordered_by_bytes() {
        assert_eq!(Cell::Null.order(&Cell::Int(-5)), Ordering::Less);
        assert_eq!(Cell::text("Z").order(&Cell::text("a")), Ordering::Less);
        assert_eq!(Cell::text("é").order(&Cell::text("z")), Ordering::Greater);
    }
}
