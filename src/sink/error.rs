//! Errors of files that cannot be written or read.

use std::error::Error as StdError;

use arrow::error::ArrowError;

use crate::error::{Error, ErrorCode};

/// The error for a file that cannot be written or read.
pub(super) fn file_error(
    message: &str,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    Error::new(ErrorCode::Destination, message.to_owned()).with_source(source)
}

/// The error for a file that is not a whole Parquet file.
pub(super) fn corrupt_file(
    name: &str,
    source: impl Into<Box<dyn StdError + Send + Sync>>,
) -> Error {
    Error::new(
        ErrorCode::Corrupt,
        "a file of the table cannot be read as Parquet",
    )
    .with_context("path", name.to_owned())
    .with_source(source)
}

/// The error for columns that do not fit together: a defect.
pub(super) fn mismatched_columns(source: ArrowError) -> Error {
    Error::new(
        ErrorCode::Internal,
        "the columns of a batch do not fit together",
    )
    .with_source(source)
}

/// The error of this program that made a stream fail, if one did: it names the cause, which the errors that wrap it do
/// not.
pub(super) fn original_error(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // `source()` of an I/O error skips the error that it holds.
        let held = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .map(|held| held as &(dyn StdError + 'static));
        if let Some(own) = held.unwrap_or(error).downcast_ref::<Error>() {
            return Some(copy_of(own));
        }
        cause = held.or_else(|| error.source());
    }
    None
}

fn copy_of(error: &Error) -> Error {
    let mut copy = Error::new(error.code(), error.one_line()).with_hint(error.hint());
    for (key, value) in error.context() {
        copy = copy.with_context(key, value.as_str());
    }
    copy
}

#[cfg(test)]
mod tests {
    use parquet::errors::ParquetError;

    use super::*;

    #[test]
    fn the_error_that_stopped_a_stream_is_reported_without_its_wrappers() {
        let own = Error::new(ErrorCode::Destination, "the bucket is full")
            .with_hint("free space")
            .with_context("object", "a");
        let wrapped = ParquetError::from(std::io::Error::other(own));
        let original = original_error(&wrapped).expect("an error of this program");
        assert_eq!(
            (original.to_string().as_str(), original.hint()),
            ("the bucket is full", "free space")
        );
        assert_eq!(original.context_value("object"), Some("a"));
        let foreign = ParquetError::from(std::io::Error::other("a disk"));
        assert!(original_error(&foreign).is_none());
    }
}
