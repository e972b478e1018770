//! The rules of the source tree, held by tests: which modules may use which, how long files and functions may be, what
//! production code does not call, which words texts avoid, and what must never be committed.
//!
//! Every rule is a function from text to faults. It is proved on a small wrong text first and asked about the tree then,
//! so that no rule can pass because it looks at nothing. Faults that exist are listed beside their rule; a list may only
//! become shorter, and a test fails where an entry is no longer needed.

mod code;
mod cycles;
mod dependencies;
mod dialect;
mod exceptions;
mod layering;
mod layout;
mod libraries;
mod promises;
mod secrets;
mod sizes;
mod source;
mod test_clock;
