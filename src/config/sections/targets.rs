//! `[[target]]`: sites, one by one or from a CSV file.

use std::collections::{BTreeMap, HashMap};

use toml::Spanned;
use toml::de::DeValue;

use super::names::{NAME_HELP, is_name};
use super::site::{name_of_site, parse_site};
use super::target_file::targets_of_file;
use crate::config::document::{Document, Section, Span};
use crate::config::keys::{self, MODES, PROTOCOLS};
use crate::config::resolved::Target;
use crate::error::{Error, ErrorCode};

const DEFAULT_MODE: &str = "subdomains";
const DEFAULT_PROTOCOL: &str = "both";

/// All targets of the file, names unique. None are needed where no report looks one up.
pub(crate) fn targets(
    document: &mut Document<'_>,
    root: &Section<'_>,
    are_needed: bool,
) -> Vec<Target> {
    let errors_before = document.num_errors();
    let mut targets = Vec::new();
    // Where each name was first used.
    let mut names = HashMap::new();
    for section in document.tables(root, "target") {
        document.refuse_unknown_keys(&section, &keys::TARGET.names());
        let base = base_target(document, &section);
        if section.get("file").is_some() {
            targets.extend(targets_of_file(document, &section, &base, &mut names));
        } else if let Some((target, span)) = single_target(document, &section, base) {
            if let Some(first) = names.insert(target.name.clone(), document.file.clone()) {
                let message = format!("duplicate target name `{}`", target.name);
                let label = format!("first used in {first}: set another `name`");
                document.error_at(ErrorCode::Target, message, span, label);
            }
            targets.push(target);
        }
    }
    if targets.is_empty() && are_needed && document.num_errors() == errors_before {
        let error = Error::new(ErrorCode::Target, "missing `[[target]]`");
        let hint = "add to the file: [[target]] and below it url = \"example.com\"";
        document.push_error(error.with_hint(hint));
    }
    targets
}

/// What holds for all targets of a section: mode, protocol and labels.
fn base_target(document: &mut Document<'_>, section: &Section<'_>) -> Target {
    let labels = labels(document, section);
    let mode = document.choice(section, "mode", MODES);
    let protocol = document.choice(section, "protocol", PROTOCOLS);
    Target {
        name: String::new(),
        url: String::new(),
        mode: mode.unwrap_or(DEFAULT_MODE).to_owned(),
        protocol: protocol.unwrap_or(DEFAULT_PROTOCOL).to_owned(),
        labels,
    }
}

/// The target of a section, and where its name is written.
fn single_target(
    document: &mut Document<'_>,
    section: &Section<'_>,
    base: Target,
) -> Option<(Target, Span)> {
    if section.get("url").is_none() {
        let message = "missing `url` or `file` in [[target]]";
        let label = "add a `url`, or a `file` with many";
        document.error_at(ErrorCode::Target, message, section.span.clone(), label);
        return None;
    }
    let written = document.text(section, "url")?;
    let site = parse_site(written.get_ref());
    if let Err(label) = site {
        let message = format!("invalid site `{}`", written.get_ref());
        document.error_at(ErrorCode::Target, message, written.span(), label);
    }
    let name = document.text(section, "name");
    let span = name.as_ref().map_or(written.span(), Spanned::span);
    let name = name.map(Spanned::into_inner);
    if let Some(name) = name
        && !is_name(name)
    {
        let message = format!("invalid target name `{name}`");
        document.error_at(ErrorCode::Target, message, span, NAME_HELP);
        return None;
    }
    let url = site.ok()?;
    let name = name.map_or_else(|| name_of_site(&url), str::to_owned);
    Some((Target { name, url, ..base }, span))
}

fn labels(document: &mut Document<'_>, section: &Section<'_>) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    let Some(table) = document.table(section, "labels", "`labels`") else {
        return labels;
    };
    for (name, value) in table.table {
        if let DeValue::String(text) = value.get_ref() {
            labels.insert(name.get_ref().to_string(), text.to_string());
        } else {
            let label = format!("the label `{}`", name.get_ref());
            document.wrong_type(&label, "a string", value);
        }
    }
    labels
}
