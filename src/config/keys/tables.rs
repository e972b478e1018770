//! All tables of the configuration.

use super::destination::{DESTINATION, ENCRYPTION};
use super::file::{BUDGET, FILE, KEY_SOURCE, LIMITS, RUN, SOURCE};
use super::key::Table;
use super::lookups::{KEYWORD_LIST, TARGET};
use super::report::{REPORT, TOP};

/// Every table of the file with its keys, the file itself first.
pub const TABLES: [&Table; 12] = [
    &FILE,
    &SOURCE,
    &KEY_SOURCE,
    &LIMITS,
    &BUDGET,
    &RUN,
    &DESTINATION,
    &ENCRYPTION,
    &TARGET,
    &KEYWORD_LIST,
    &REPORT,
    &TOP,
];
