//! Why a body cannot be decoded: one precise error, converted to the program's error at the end of this file.

use arrow::error::ArrowError;

use crate::error::{Error, ErrorCode};

/// Characters of a received text that an error shows.
const SHOWN_CHARACTERS: usize = 120;

/// Why a body cannot be decoded. Rows count from 1, offsets from 0.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The body cannot be decompressed.
    #[error("the body cannot be decompressed")]
    Compression(#[source] std::io::Error),
    /// The body, decompressed, is larger than the limit.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// The first byte that is wrong.
        offset: usize,
    },
    /// The body ends early.
    #[error("the body ends early, after {offset} bytes")]
    Truncated {
        /// Bytes that were received.
        offset: usize,
    },
    /// The body is JSON up to an offset.
    #[error("the body is not JSON at byte {offset}: {expected} expected")]
    Syntax {
        /// The first byte that is not JSON.
        offset: usize,
        /// What JSON requires there.
        expected: &'static str,
    },
    /// Arrays and objects nest too deep.
    #[error("the body nests deeper than {limit} levels at byte {offset}")]
    TooDeep {
        /// Where the first level too many begins.
        offset: usize,
        /// The limit.
        limit: usize,
    },
    /// The body is something else, for example an HTML page.
    #[error("the body is not JSON but begins with {start:?}")]
    NotJson {
        /// Its first characters.
        start: String,
    },
    /// The body is an error although the status was a success.
    #[error("the body of a successful answer is an error: {text}")]
    ErrorAnswer {
        /// The error as received, shortened.
        text: String,
    },
    /// The object lacks the key that the catalog names.
    #[error("the body has no key `{expected}`, only {found}")]
    NoResponseKey {
        /// The key.
        expected: String,
        /// The keys that it has, quoted.
        found: String,
    },
    /// The key is repeated: one of its two lists of rows would be lost.
    #[error("the body has the key `{key}` twice")]
    RepeatedResponseKey {
        /// The key.
        key: String,
    },
    /// The value under the key does not have the shape that the catalog names.
    #[error("`{key}` is not {expected} but begins with {start:?}")]
    WrongShape {
        /// The key.
        key: String,
        /// The shape that the catalog names.
        expected: &'static str,
        /// Its first characters.
        start: String,
    },
    /// A value that does not fit its column.
    #[error("row {row}, column `{column}`: {text} is not {expected}")]
    Value {
        /// Row, from 1.
        row: u64,
        /// Column.
        column: String,
        /// The value as received, shortened.
        text: String,
        /// The column's type.
        expected: &'static str,
    },
    /// The columns do not make a batch: a defect.
    #[error("the decoded columns do not fit together")]
    Batch(#[from] ArrowError),
}

impl DecodeError {
    /// Whether the body may have been damaged in transit, so that the same request may succeed when it is retried. All other
    /// errors repeat with the same answer.
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
            DecodeError::Value { row, ref column, .. } => Self::new(ErrorCode::Value, error.to_string())
                .with_context("row", row.to_string())
                .with_context("column", column.clone())
                .with_hint(
                    "set on_bad_value = \"null\" in the report to keep such rows with a null and a warning",
                ),
            DecodeError::Compression(source) => {
                Self::new(ErrorCode::Body, "the body cannot be decompressed").with_source(source)
            }
            DecodeError::Batch(source) => {
                Self::new(ErrorCode::Internal, "the decoded columns do not fit together").with_source(source)
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
            | DecodeError::WrongShape { .. } => Self::new(ErrorCode::Body, error.to_string()),
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
