//! The keys of the configuration, in one table: the names that the file may use, `schemas/config.schema.json` and
//! `docs/reference/configuration.md` come from it. Both files are written by `make docs-reference`.
//!
//! To add a key: add it here, read it in `sections`, run `make docs-reference`.

mod destination;
mod file;
mod key;
mod lookups;
mod reference;
mod report;
mod schema;
mod tables;

pub use key::DefaultValue;
pub use reference::reference_page;
pub use schema::json_schema;
pub use tables::TABLES;

pub(super) use destination::{
    DESTINATION, ENCRYPTION, ENCRYPTIONS, LAYOUTS, REPLACEMENTS, WRITERS,
};
pub(super) use file::{BUDGET, FILE, KEY_SOURCE, LIMITS, MAX_REQUESTS_PER_MINUTE, RUN, SOURCE};
pub(super) use lookups::{KEYWORD_LIST, MODES, PROTOCOLS, TARGET};
pub(super) use report::{ON_MISMATCH, REPORT, RESERVED_NAMES, TOP};
