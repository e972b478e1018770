//! Small files of JSON.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::io_error::io_error;
use crate::error::{Error, ErrorCode, Result};

/// The content of a small file of JSON.
///
/// # Errors
/// [`ErrorCode::Internal`] for a value that JSON cannot hold: a defect.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        Error::new(
            ErrorCode::Internal,
            "a state object cannot be written as JSON",
        )
        .with_source(error)
    })
}

/// Parses the content of a small file; `location` is where it is stored, for people.
///
/// # Errors
/// [`ErrorCode::Destination`] if it is damaged.
pub(super) fn from_json<T: DeserializeOwned>(bytes: &[u8], location: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorCode::Destination, format!("{location} is damaged"))
            .with_source(error)
            .with_hint("restore the file from a backup of the destination; backhaul verify shows what else is affected")
    })
}

/// Reads a small file of JSON; `None` if there is none.
///
/// # Errors
/// [`ErrorCode::Destination`] if it cannot be read or is damaged.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(bytes) => from_json(&bytes, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}
