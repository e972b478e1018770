//! How a command ends: its exit status, or errors, which have their own.

use super::output;
use crate::error::Errors;

/// The exit status of a command that did its work. Errors carry their own.
pub(super) type ExitResult = Result<u8, Errors>;

/// Prints the errors of a command that works on many things and goes on after errors. Gives its exit status: 3 if some of
/// the work was done.
pub(super) fn report_errors(errors: &Errors, is_partly_done: bool) -> u8 {
    if errors.0.is_empty() {
        return 0;
    }
    output::eprint_text(&errors.render());
    if is_partly_done { 3 } else { 1 }
}
