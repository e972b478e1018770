//! The configuration: the TOML file, every check of it, and the resolved [`RunConfig`] that the program runs on.
//!
//! ```text
//! file ─▶ document (values with places) ─▶ sections, each checked against catalog and filter ─▶ RunConfig
//! ```
//!
//! Knows the catalog, never the network: nothing is sent and no key is read while a file is checked. All faults of a
//! file are reported at once, each with its place and what would be right. A key that stands in the file is refused
//! and its text appears in no message.

mod cadence;
mod dates;
mod document;
mod environment;
mod key_sources;
mod keys;
mod load;
mod location;
mod resolved;
mod sample;
mod sections;
mod starter;
mod values;

pub use cadence::Cadence;
pub use dates::{day_of, is_relative};
pub use environment::{AHREFS_API_KEY, Environment};
pub use key_sources::{KeySource, KeySources, ResolvedKey};
pub use keys::TABLES;
pub use load::{DEFAULT_FILE, load, parse};
pub use location::{BucketLocation, DestinationLocation, Encryption};
pub use resolved::{
    Budget, Destination, KeywordList, OnMismatch, Report, ReservedUnits, RunConfig, RunSettings,
    Source, Target, Top,
};
pub use sample::SAMPLE_FOLDER;
pub use sections::{DEFAULT_HISTORY, MAX_KEYWORD_BYTES, PresetColumns};
pub use starter::starter;
