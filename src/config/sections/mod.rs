//! The sections of the file, each read into its part of the resolved configuration.

mod bucket;
pub(super) mod budget;
pub(super) mod destination;
pub(super) mod keyword_lists;
pub(super) mod report;
pub(super) mod source;
pub(super) mod targets;

pub use report::{DEFAULT_HISTORY, MAX_KEYWORD_BYTES, PresetColumns};
