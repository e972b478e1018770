//! Reads a configuration file, section by section. All errors of a file are reported at once.

use std::path::Path;

use toml::de::DeTable;

use super::document::{Document, Section};
use super::environment::Environment;
use super::keys;
use super::resolved::RunConfig;
use super::sections::{self, Lookups};
use crate::error::{Error, ErrorCode, Errors};

/// The file that is read where the command line names no other.
pub const DEFAULT_FILE: &str = "backhaul.toml";

/// Reads and checks a configuration file.
///
/// # Errors
/// Every error of the file, each with its place. Nothing was sent and no key was read.
pub fn load(path: &Path, environment: &Environment) -> Result<RunConfig, Errors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read the configuration {}", path.display());
        Error::new(ErrorCode::Config, message)
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
    let (root, syntax_errors) = DeTable::parse_recoverable(text);
    if !syntax_errors.is_empty() {
        for error in &syntax_errors {
            let span = error.span().unwrap_or(text.len()..text.len());
            document.error_at(ErrorCode::Config, "invalid TOML", span, error.message());
        }
        return document.finish(None);
    }
    let root = Section {
        name: "the configuration".to_owned(),
        table: root.get_ref(),
        span: 0..0,
    };
    let config = resolve(&mut document, &root, path, environment);
    document.finish(config)
}

/// The configuration that the sections make together, unless one that is required is missing.
fn resolve(
    document: &mut Document<'_>,
    root: &Section<'_>,
    path: &Path,
    environment: &Environment,
) -> Option<RunConfig> {
    document.refuse_unknown_keys(root, &keys::FILE.names());
    let source = sections::source(document, root, environment);
    let run = sections::run(document, root);
    let destination = sections::destination(document, root);
    let targets = sections::targets(document, root, sections::need_targets(root));
    let keyword_lists = sections::keyword_lists(document, root);
    let lookups = Lookups {
        targets: &targets,
        keyword_lists: &keyword_lists,
    };
    let reports = sections::reports(document, root, lookups);
    sections::check_partition_by(document, root, &reports);
    let budget = sections::budget(document, root, &reports, &targets);
    Some(RunConfig {
        file: path.to_path_buf(),
        source: source?,
        budget,
        destination: destination?,
        run,
        targets,
        keyword_lists,
        reports,
    })
}
