//! Reads again what was committed: files against the manifest, rows and schema against what the manifest says of them, then
//! the records of tables, and foreign files beside their data.

mod problem;
mod records;
mod remedy;
mod rows;
mod scratch;
mod verifier;

pub(crate) use verifier::verify;
