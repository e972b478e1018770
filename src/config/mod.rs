//! The configuration: the TOML file, every check of it, and the resolved [`RunConfig`] that the program runs on.
//!
//! ```text
//! file ─▶ document (values with places) ─▶ sections, each checked against catalog and filter ─▶ RunConfig
//! ```
//!
//! Knows the catalog, never the network: nothing is sent and no key is read while a file is checked. All faults of a
//! file are reported at once, each with its place and what would be right. A key that stands in the file is refused
//! and its text appears in no message.

mod bucket;
mod budget;
mod changes;
mod columns;
mod csv;
mod dates;
mod destination;
mod document;
mod environment;
mod every;
mod filter;
mod keys;
mod keywords;
mod known;
mod listed;
mod mask;
mod parameters;
mod place;
mod render;
mod reports;
mod required;
mod resolved;
mod sample;
mod selectors;
mod source;
mod starter;
mod strings;
mod subjects;
mod targets;
mod top;
mod values;
mod varying;

use std::path::Path;

use chrono::NaiveDate;
use toml::de::DeTable;

use document::{Document, Section};

pub use columns::PresetColumns;
pub use dates::{day_of, is_relative};
pub use environment::{AHREFS_API_KEY, BACKHAUL_CONFIG, Environment};
pub use every::Every;
pub use keys::{KeySource, KeySources, ResolvedKey};
pub use known::TABLES;
pub use place::{BucketPlace, Encryption, Place};
pub use resolved::{
    Budget, Destination, KeepFree, KeywordList, OnTrouble, Report, RunConfig, RunSettings, Source,
    Target, Top,
};
pub use sample::SAMPLE_FOLDER;
pub use starter::starter;
pub use subjects::MAX_KEYWORD_BYTES;

use crate::error::{Code, Error, Errors};

/// File that is read where nothing names another.
pub const DEFAULT_FILE: &str = "backhaul.toml";

/// The `history` that spends least. The API's own default is `all_time`.
pub const DEFAULT_HISTORY: &str = "live";

/// Reads and checks a configuration file.
///
/// # Errors
/// Every fault of the file, each with its place. Nothing was sent and no key was read.
pub fn load(path: &Path, environment: &Environment) -> Result<RunConfig, Errors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            Code::Config,
            format!("cannot read the configuration {}", path.display()),
        )
        .with_source(error)
        .with_next("backhaul init, or name the file: backhaul -c FILE")
    })?;
    parse(&text, path, environment)
}

/// Checks the text of a configuration; relative paths start at the folder of `path`.
///
/// # Errors
/// As [`load`].
pub fn parse(text: &str, path: &Path, environment: &Environment) -> Result<RunConfig, Errors> {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut document = Document::new(path.display().to_string(), folder, text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(text.len()..text.len());
        document.fault(Code::Config, "the file is no TOML", span, error.message());
    }
    let root = Section {
        name: "the configuration".to_owned(),
        table: root.get_ref(),
        span: 0..0,
    };
    if !errors.is_empty() {
        return document.finish(None);
    }
    document.refuse_unknown_keys(&root, known::ROOT);
    let source = source::source(&mut document, &root, environment);
    let run = source::run(&mut document, &root);
    let destination = destination::destination(&mut document, &root);
    let targets = targets::targets(&mut document, &root, reports::need_targets(&root));
    let keyword_lists = keywords::keyword_lists(&mut document, &root);
    let known = subjects::Known {
        targets: &targets,
        lists: &keyword_lists,
    };
    let reports = reports::reports(&mut document, &root, known);
    destination::check_partition_by(&mut document, &root, &reports);
    let budget = budget::budget(&mut document, &root, &reports, &targets);
    let config = source
        .zip(destination)
        .map(|(source, destination)| RunConfig {
            file: path.to_path_buf(),
            source,
            budget,
            destination,
            run,
            targets,
            keyword_lists,
            reports,
        });
    document.finish(config)
}

/// A day as `YYYY-MM-DD`, exactly ten characters.
fn date(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|_| text.len() == 10)
}
