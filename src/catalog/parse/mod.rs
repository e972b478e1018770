//! `schemas/*.json` → operations.

mod endpoints;
mod enums;
mod fields;
mod files;
mod invalid;
mod kinds;
mod raw;

pub(super) use endpoints::embedded_endpoints;
