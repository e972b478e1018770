//! Defects of the embedded files.

use crate::error::{Error, ErrorCode};

/// The data is wrong at this place.
pub(super) fn invalid(what: &str) -> Error {
    Error::new(
        ErrorCode::Internal,
        format!("the embedded catalog does not parse at {what}"),
    )
}

/// The JSON of this part does not parse.
pub(super) fn invalid_json(what: &str, error: serde_json::Error) -> Error {
    invalid(what).with_source(error)
}
