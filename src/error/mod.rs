//! The one error of the program: a stable code, what happened, where, why, what to do next and what it cost.
//!
//! Near the wire a module keeps a precise error of its own and converts it once, at its edge. Nobody matches on text:
//! [`ErrorCode`] decides the exit status, and the printer walks [`std::error::Error::source`], which `Display` never
//! repeats.

mod code;
mod error_list;
mod program_error;
mod render;
mod snippet;

pub use code::ErrorCode;
pub use error_list::Errors;
pub use program_error::Error;
pub use snippet::Snippet;

/// Result of every fallible function of the program.
pub type Result<T, E = Error> = std::result::Result<T, E>;
