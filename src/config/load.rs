//! Reads a configuration file, section by section. All errors of a file are reported at once.

use std::path::Path;

use toml::de::DeTable;

use super::document::{Document, Section};
use super::environment::Environment;
use super::keys;
use super::resolved::RunConfig;
use super::sections::{budget, destination, keyword_lists, report, source, targets};
use crate::error::{Error, ErrorCode, Errors};

/// File that is read where nothing names another.
pub const DEFAULT_FILE: &str = "backhaul.toml";

/// Reads and checks a configuration file.
///
/// # Errors
/// Every fault of the file, each with its place. Nothing was sent and no key was read.
pub fn load(path: &Path, environment: &Environment) -> Result<RunConfig, Errors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::new(
            ErrorCode::Config,
            format!("cannot read the configuration {}", path.display()),
        )
        .with_source(error)
        .with_hint("backhaul init, or name the file: backhaul -c FILE")
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
        document.fault(
            ErrorCode::Config,
            "the file is no TOML",
            span,
            error.message(),
        );
    }
    let root = Section {
        name: "the configuration".to_owned(),
        table: root.get_ref(),
        span: 0..0,
    };
    if !errors.is_empty() {
        return document.finish(None);
    }
    document.refuse_unknown_keys(&root, keys::ROOT);
    let source = source::source(&mut document, &root, environment);
    let run = source::run(&mut document, &root);
    let destination = destination::destination(&mut document, &root);
    let targets = targets::targets(&mut document, &root, report::need_targets(&root));
    let keyword_lists = keyword_lists::keyword_lists(&mut document, &root);
    let known = report::Known {
        targets: &targets,
        lists: &keyword_lists,
    };
    let reports = report::reports(&mut document, &root, known);
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
