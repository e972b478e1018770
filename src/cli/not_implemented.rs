//! Commands and flags that are designed but not implemented: refused by name, never ignored.

use super::arguments::RunArgs;
use crate::error::{Error, Result};

/// The error of a command.
pub(super) fn command(name: &str) -> Error {
    Error::later(format!("the command `{name}`"))
}

/// Refuses flags of `run`.
///
/// # Errors
/// [`crate::error::ErrorCode::Later`].
pub(super) fn check_run_flags(run: &RunArgs) -> Result<()> {
    match run.shard {
        Some(_) => Err(Error::later("`run --shard`")),
        None => Ok(()),
    }
}
