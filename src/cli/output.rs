//! stdout is data, stderr is talk. A reader that closes the pipe early ends the output, not the program.

use std::io::Write as _;

use crate::error::{Code, Error, Result};

/// Prints a result. A closed pipe is no error: the reader has seen enough.
pub fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Talks to the person on stderr.
pub fn eprint_text(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A result as one line of JSON.
///
/// # Errors
/// [`Code::Internal`]: a defect.
pub fn json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map(|text| text + "\n")
        .map_err(|error| {
            Error::new(Code::Internal, "the result cannot be written as JSON").with_source(error)
        })
}
