//! `api_key` of `[source]`: names where the key is. A key in the file is refused and never shown.

use toml::de::DeValue;

use crate::config::document::{Document, Node, Section, looks_like_a_key};
use crate::config::environment::{AHREFS_API_KEY, Environment};
use crate::config::key_sources::{KeySource, KeySources};
use crate::config::keys;
use crate::error::ErrorCode;

/// The sources of the key, in the order of the file.
pub(super) fn key_sources(
    document: &mut Document<'_>,
    section: &Section<'_>,
    environment: &Environment,
) -> Option<KeySources> {
    let Some(node) = section.get("api_key") else {
        let hint = format!("add below it: api_key = {{ env = \"{AHREFS_API_KEY}\" }}");
        let (message, label) = ("missing `[source] api_key`", "the key's source is missing");
        let span = section.span.clone();
        document.error_at_with_hint(ErrorCode::KeySource, message, span, label, hint);
        return None;
    };
    let nodes: &[Node<'_>] = match node.get_ref() {
        DeValue::Array(nodes) => nodes,
        _ => std::slice::from_ref(node),
    };
    if nodes.is_empty() {
        let (message, label) = ("empty list `api_key`", "name at least one source");
        document.error_at(ErrorCode::KeySource, message, node.span(), label);
        return None;
    }
    let mut sources = Vec::new();
    for node in nodes {
        sources.extend(key_source(document, node, environment));
    }
    (sources.len() == nodes.len()).then(|| KeySources::new(sources))
}

fn key_source(
    document: &mut Document<'_>,
    node: &Node<'_>,
    environment: &Environment,
) -> Option<KeySource> {
    if !matches!(node.get_ref(), DeValue::Table(_)) {
        refuse_key(document, node);
        return None;
    }
    let section = document.as_section(node, "`api_key`")?;
    let known = keys::KEY_SOURCE.names();
    document.refuse_unknown_keys(&section, &known);
    let mut entries = section.table.iter();
    let (Some((name, value)), None) = (entries.next(), entries.next()) else {
        let message = "`api_key` must name exactly one source";
        let label = "one of { env = … }, { file = … }, { command = [ … ] }, or a list of these";
        document.error_at(ErrorCode::KeySource, message, node.span(), label);
        return None;
    };
    match name.get_ref().as_ref() {
        "env" => variable(document, value, environment),
        "file" => {
            let path = document.as_text(value, "`file`")?;
            if looks_like_a_key(path.get_ref()) {
                refuse_key(document, value);
                return None;
            }
            Some(KeySource::File(document.folder.join(path.get_ref())))
        }
        "command" => {
            let mut words = Vec::new();
            for word in document.texts(&section, "command")? {
                words.push(word.into_inner().to_owned());
            }
            Some(KeySource::Command(words))
        }
        _ => None,
    }
}

fn variable(
    document: &mut Document<'_>,
    value: &Node<'_>,
    environment: &Environment,
) -> Option<KeySource> {
    let name = document.as_text(value, "`env`")?.into_inner();
    if !is_variable_name(name) || looks_like_a_key(name) {
        refuse_key(document, value);
        return None;
    }
    Some(KeySource::variable(name, environment))
}

fn is_variable_name(name: &str) -> bool {
    let is_word = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_word && !name.is_empty() && !name.starts_with(|first: char| first.is_ascii_digit())
}

fn refuse_key(document: &mut Document<'_>, node: &Node<'_>) {
    document.mask(node.span());
    document.error_at_with_hint(
        ErrorCode::KeySource,
        "`api_key` must name the key's source, not contain the key",
        node.span(),
        "the text is hidden here: if it was a key, remove it from the file and renew it",
        format!("write api_key = {{ env = \"{AHREFS_API_KEY}\" }} and export the variable"),
    );
}
