//! Why a body cannot be decoded.

use arrow::error::ArrowError;

use crate::error::{Code, Error};

/// Characters of a foreign text that an error shows.
pub(super) const SHOWN_CHARACTERS: usize = 120;

/// Why a body cannot be decoded. Rows count from 1, offsets from 0.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body cannot be decompressed.
    #[error("the body cannot be decompressed")]
    Compression(#[source] std::io::Error),
    /// The body is larger than [`super::MAX_BODY_BYTES`].
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body is no UTF-8.
    #[error("the body is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The first byte that is wrong.
        offset: usize,
    },
    /// The body ends early.
    #[error("the body ends early, after {offset} bytes")]
    Truncated {
        /// Bytes that were there.
        offset: usize,
    },
    /// The body is JSON up to a point.
    #[error("the body is not JSON at byte {offset}: {expected} expected")]
    Syntax {
        /// Where it stops being JSON.
        offset: usize,
        /// What should have stood there.
        expected: &'static str,
    },
    /// Arrays and objects in one another, beyond [`super::MAX_DEPTH`].
    #[error("the body nests deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// Where.
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// The body is something else, for example a page for people.
    #[error("the body is not JSON but begins with {start:?}")]
    NotJson {
        /// Its first characters.
        start: String,
    },
    /// The body is an error, though the status said that all is well.
    #[error("the body of a successful answer is an error: {text}")]
    ErrorAnswer {
        /// What it says.
        text: String,
    },
    /// The object lacks the key that the catalog names.
    #[error("the body has no key `{wanted}`, only {found}")]
    NoResponseKey {
        /// The key.
        wanted: String,
        /// The keys that it has.
        found: String,
    },
    /// The key stands twice, so that one half of the rows would be lost.
    #[error("the body has the key `{key}` twice")]
    RepeatedResponseKey {
        /// The key.
        key: String,
    },
    /// Something else than the catalog's shape stands under the key.
    #[error("`{key}` is not {wanted} but begins with {start:?}")]
    WrongShape {
        /// The key.
        key: String,
        /// What the catalog says.
        wanted: &'static str,
        /// What stands there.
        start: String,
    },
    /// A value that does not fit its column.
    #[error("row {row}, column `{column}`: {text} is no {wanted}")]
    Value {
        /// Row, from 1.
        row: u64,
        /// Column.
        column: String,
        /// The value as received, shortened.
        text: String,
        /// The column's type.
        wanted: &'static str,
    },
    /// The columns do not make a batch: a defect.
    #[error("the decoded columns do not fit together")]
    Batch(#[from] ArrowError),
}

impl DecodeError {
    /// Whether the body was damaged on its way, so that the same request may bring a good one. Anything else is what the
    /// API means to say.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Compression(_)
            | Self::NotUtf8 { .. }
            | Self::Truncated { .. }
            | Self::Syntax { .. }
            | Self::NotJson { .. } => true,
            Self::TooLarge { .. }
            | Self::TooDeep { .. }
            | Self::ErrorAnswer { .. }
            | Self::NoResponseKey { .. }
            | Self::RepeatedResponseKey { .. }
            | Self::WrongShape { .. }
            | Self::Value { .. }
            | Self::Batch(_) => false,
        }
    }
}

impl From<DecodeError> for Error {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Value { row, ref column, .. } => Self::new(Code::Value, error.to_string())
                .with_context("row", row.to_string())
                .with_context("column", column.clone())
                .with_next(
                    "set on_bad_value = \"null\" in the report to keep such rows with a null, and be told of each",
                ),
            DecodeError::Compression(source) => {
                Self::new(Code::Body, "the body cannot be decompressed").with_source(source)
            }
            DecodeError::Batch(source) => {
                Self::new(Code::Internal, "the decoded columns do not fit together").with_source(source)
            }
            DecodeError::TooLarge { .. }
            | DecodeError::NotUtf8 { .. }
            | DecodeError::Truncated { .. }
            | DecodeError::Syntax { .. }
            | DecodeError::TooDeep { .. }
            | DecodeError::NotJson { .. }
            | DecodeError::ErrorAnswer { .. }
            | DecodeError::NoResponseKey { .. }
            | DecodeError::RepeatedResponseKey { .. }
            | DecodeError::WrongShape { .. } => Self::new(Code::Body, error.to_string()),
        }
    }
}

/// The first characters of a text, with `…` where it goes on.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}
