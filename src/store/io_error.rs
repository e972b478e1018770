//! The error of an operation on a local file, with advice by what went wrong.

use std::io::ErrorKind;
use std::path::Path;

use crate::error::{Error, ErrorCode};

/// The error of a file operation, for example `io_error("read", path, error)`.
pub(super) fn io_error(operation: &str, path: &Path, error: std::io::Error) -> Error {
    let hint = match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free space in the destination, then run the same command again"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            "give this user the right to write there, then: backhaul check"
        }
        _ => "look at the folder, then: backhaul check",
    };
    let message = format!("cannot {operation} {}", path.display());
    Error::new(ErrorCode::Destination, message)
        .with_source(error)
        .with_hint(hint)
}
