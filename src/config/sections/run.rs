//! `[run]`: how a run behaves.

use std::time::Duration;

use toml::Spanned;

use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::resolved::RunSettings;
use crate::config::values;

/// An older night is not worth its units.
const DEFAULT_RESUME_WITHIN: Duration = Duration::from_hours(3 * 24);

/// Ends a task whose rows change faster than they are read: no list of the API has as many pages.
const DEFAULT_MAX_REQUESTS: u64 = 100_000;

pub(crate) fn run(document: &mut Document<'_>, root: &Section<'_>) -> RunSettings {
    let mut settings = RunSettings {
        resume_within: DEFAULT_RESUME_WITHIN,
        max_requests: DEFAULT_MAX_REQUESTS,
        new_base: false,
    };
    let Some(section) = document.table(root, "run", "[run]") else {
        return settings;
    };
    document.refuse_unknown_keys(&section, &keys::RUN.names());
    if let Some(duration) = document.parsed(&section, "resume_within", values::duration) {
        settings.resume_within = duration;
    }
    if let Some(count) = document.count(&section, "max_requests") {
        settings.max_requests = Spanned::into_inner(count);
    }
    settings
}
