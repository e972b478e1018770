//! The configuration: the TOML file, every check of it, and the resolved [`RunConfig`] that the program runs on.
//!
//! ```text
//! file ─▶ document (values with places) ─▶ sections (each checked against keys, catalog and filter) ─▶ RunConfig
//! ```
//!
//! `keys` is the one table of what the file may say: known names, JSON Schema and reference come from it.
//!
//! Knows the catalog, never the network: nothing is sent and no API key is read while a file is checked. All errors of a
//! file are reported at once, each with its place and what would be right. An API key in the file is refused and never
//! shown.

mod cadence;
mod column_presets;
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
pub use column_presets::PresetColumns;
pub use dates::{day_of, is_relative};
pub use environment::Environment;
pub use keys::{DefaultValue, TABLES, json_schema, reference_page};
pub use load::{DEFAULT_FILE, load, parse};
pub use location::{BucketLocation, DestinationLocation, Encryption};
pub use resolved::{Budget, OnMismatch, Report, ReservedUnits, RunConfig, Target};
pub use sections::{DEFAULT_HISTORY, MAX_KEYWORD_BYTES};
pub use starter::starter;
