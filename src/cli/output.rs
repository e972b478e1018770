//! Results are printed to stdout, messages to stderr. A reader that closes the pipe early ends the output, not the program.

use std::io::Write as _;

use crate::error::{Error, ErrorCode, Result};

/// Prints a result. A closed pipe is not an error: the reader has what it needs.
pub(super) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a message to stderr.
pub(super) fn eprint_text(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A result as one line of JSON.
///
/// # Errors
/// [`ErrorCode::Internal`]: a defect.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String> {
    match serde_json::to_string(value) {
        Ok(text) => Ok(text + "\n"),
        Err(error) => {
            let message = "cannot write the result as JSON";
            Err(Error::new(ErrorCode::Internal, message).with_source(error))
        }
    }
}
