//! What the operation of a report looks up: targets, keywords, something by its id, or nothing at all.

use std::collections::BTreeSet;

use super::target_selectors::selected_targets;
use super::varying_parameters::{VaryingParameter, list_key};
use crate::catalog::Endpoint;
use crate::config::document::{Document, Section, did_you_mean};
use crate::config::resolved::{KeywordList, Target};
use crate::error::ErrorCode;
use crate::model::percent_encode_into;

/// Bytes of encoded keywords in one request: half of the longest URL, so that the rest of it fits.
pub const MAX_KEYWORD_BYTES: usize = 4 * 1024;

/// What the configuration has to look up.
#[derive(Clone, Copy)]
pub(crate) struct Lookups<'a> {
    pub targets: &'a [Target],
    pub keyword_lists: &'a [KeywordList],
}

/// Whether an operation requires a target.
pub(super) fn needs_target(endpoint: &Endpoint) -> bool {
    requires(endpoint, "target") || requires(endpoint, "targets")
}

fn requires(endpoint: &Endpoint, name: &str) -> bool {
    match endpoint.parameter(name) {
        Some(parameter) => parameter.required,
        None => false,
    }
}

/// The targets that a report looks up: none where its operation takes none, or does not require one and the report names
/// none.
pub(super) fn targets(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    all: &[Target],
) -> Vec<usize> {
    if needs_target(endpoint) {
        return selected_targets(document, section, all);
    }
    let Some(node) = section.get("targets") else {
        return Vec::new();
    };
    if endpoint.parameter("target").is_some() {
        return selected_targets(document, section, all);
    }
    let message = format!("{} takes no target", endpoint.name);
    document.error_at(ErrorCode::Parameter, message, node.span(), "remove this");
    Vec::new()
}

/// The keyword lists that a report looks up, by their indices, and how they vary: a task for each list, or for each keyword
/// of them.
pub(super) fn keywords(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    all: &[KeywordList],
) -> (Vec<usize>, Option<VaryingParameter>) {
    let is_one_by_one = endpoint.parameter("keyword").is_some();
    if !is_one_by_one && endpoint.parameter("keywords").is_none() {
        refuse_keyword_lists(document, section, endpoint);
        return (Vec::new(), None);
    }
    let indices = match document.texts(section, "keyword_lists") {
        Some(names) => named_lists(document, &names, all),
        None if section.get("keyword_lists").is_some() => Vec::new(),
        None if takes_all_lists(section, endpoint) => (0..all.len()).collect(),
        None => Vec::new(),
    };
    let mut lists = Vec::new();
    for index in &indices {
        lists.extend(all.get(*index));
    }
    if lists.is_empty() {
        return (indices, None);
    }
    if is_one_by_one {
        let keywords = distinct_keywords(&lists);
        return (indices, Some(("keyword".to_owned(), keywords)));
    }
    let mut names = Vec::new();
    for list in lists {
        if !endpoint.divisible {
            refuse_too_long(document, section, endpoint, list);
        }
        names.push(list.name.clone());
    }
    if endpoint.divisible
        && let Some(node) = section.get("top")
    {
        let message = format!("{} cannot be ranked by keyword list", endpoint.name);
        let label = "remove `top`: the keywords of a list are sent in several requests, each with its own order";
        document.error_at(ErrorCode::Parameter, message, node.span(), label);
    }
    (indices, Some(("keyword_list".to_owned(), names)))
}

fn refuse_keyword_lists(document: &mut Document<'_>, section: &Section<'_>, endpoint: &Endpoint) {
    let Some(node) = section.get("keyword_lists") else {
        return;
    };
    let message = format!("{} takes no keywords of a list", endpoint.name);
    let label = match endpoint.parameter("keyword_list_id") {
        Some(_) => "for lists that are kept at the source, use `keyword_list_ids`",
        None => "remove this",
    };
    document.error_at(ErrorCode::Parameter, message, node.span(), label);
}

/// A keyword of two lists is looked up once.
fn distinct_keywords(lists: &[&KeywordList]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut keywords = Vec::new();
    for list in lists {
        for keyword in &list.keywords {
            if seen.insert(keyword.to_lowercase()) {
                keywords.push(keyword.clone());
            }
        }
    }
    keywords
}

/// Whether a report that names no list looks up all of them: its operation needs keywords and nothing else is given.
fn takes_all_lists(section: &Section<'_>, endpoint: &Endpoint) -> bool {
    if requires(endpoint, "keyword") {
        return true;
    }
    for group in &endpoint.requires_one_of {
        let takes_keywords = group.iter().any(|name| name == "keywords");
        if takes_keywords && !group.iter().any(|name| is_written(section, name)) {
            return true;
        }
    }
    false
}

fn is_written(section: &Section<'_>, parameter: &str) -> bool {
    let has_list = list_key(parameter).is_some_and(|key| section.get(key).is_some());
    has_list || section.get(parameter).is_some()
}

fn named_lists(
    document: &mut Document<'_>,
    names: &[toml::Spanned<&str>],
    all: &[KeywordList],
) -> Vec<usize> {
    let mut indices = Vec::new();
    for name in names {
        let wanted = *name.get_ref();
        let (message, label) = match all.iter().position(|list| list.name == wanted) {
            Some(index) if !indices.contains(&index) => {
                indices.push(index);
                continue;
            }
            Some(_) => (
                format!("duplicate keyword list `{wanted}`"),
                "remove this".to_owned(),
            ),
            None => {
                let names = all.iter().map(|list| list.name.as_str());
                let none = "no [[keyword_list]] has that name";
                let label = did_you_mean(wanted, names, none);
                (format!("unknown keyword list `{wanted}`"), label)
            }
        };
        document.error_at(ErrorCode::Parameter, message, name.span(), label);
    }
    indices
}

/// Keywords that are seeds: the answer is about all of them, so they are sent in one request or not at all.
fn refuse_too_long(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    list: &KeywordList,
) {
    let mut encoded = String::new();
    percent_encode_into(&mut encoded, &list.keywords.join(","));
    let num_bytes = encoded.len();
    if num_bytes <= MAX_KEYWORD_BYTES {
        return;
    }
    let span = document.find_in(section.span_of("keyword_lists"), &list.name);
    let message = format!(
        "the keyword list `{}` is too long for {}: {num_bytes} bytes, where one request takes {MAX_KEYWORD_BYTES}",
        list.name, endpoint.name
    );
    let label = "split the list: its keywords are sent in one request";
    document.error_at(ErrorCode::Parameter, message, span, label);
}
