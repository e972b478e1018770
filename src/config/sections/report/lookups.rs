//! What the operation of a report looks up: targets, keywords, something by its id, or nothing at all.

use std::collections::BTreeSet;

use super::target_selectors::selected;
use super::varying_parameters::Varying;
use crate::catalog::{Endpoint, nearest};
use crate::config::document::{Document, Section};
use crate::config::resolved::{KeywordList, Target};
use crate::error::ErrorCode;
use crate::model::percent_encode_into;

/// Bytes of encoded keywords in one request: half of the longest URL, so that the rest of it has room.
pub const MAX_KEYWORD_BYTES: usize = 4 * 1024;

/// What the configuration has to look up.
#[derive(Clone, Copy)]
pub(in crate::config) struct Known<'a> {
    pub targets: &'a [Target],
    pub lists: &'a [KeywordList],
}

/// Whether an operation cannot do without a target.
pub(in crate::config) fn needs_target(endpoint: &Endpoint) -> bool {
    ["target", "targets"].iter().any(|name| {
        endpoint
            .parameter(name)
            .is_some_and(|parameter| parameter.required)
    })
}

/// The targets that a report looks up: none where its operation takes none, or could do without and the report names none.
pub(in crate::config) fn targets(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    all: &[Target],
) -> Vec<usize> {
    let named = section.get("targets");
    let takes_one = endpoint.parameter("target").is_some();
    match named {
        Some(node) if !takes_one && !needs_target(endpoint) => {
            let message = format!("{} looks up no target", endpoint.name);
            document.fault(ErrorCode::Parameter, message, node.span(), "take this out");
            Vec::new()
        }
        None if !needs_target(endpoint) => Vec::new(),
        _ => selected(document, section, all),
    }
}

/// The keyword lists that a report looks up, and how they vary: a task for each list, or for each keyword of them.
pub(in crate::config) fn keywords(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    all: &[KeywordList],
) -> (Vec<usize>, Option<Varying>) {
    let one_by_one = endpoint.parameter("keyword").is_some();
    if !one_by_one && endpoint.parameter("keywords").is_none() {
        if let Some(node) = section.get("keyword_lists") {
            let message = format!("{} looks up no keywords of a list", endpoint.name);
            let label = match endpoint.parameter("keyword_list_id") {
                Some(_) => "lists that are kept at the source: `keyword_list_ids`",
                None => "take this out",
            };
            document.fault(ErrorCode::Parameter, message, node.span(), label);
        }
        return (Vec::new(), None);
    }
    let lists = lists(document, section, endpoint, all);
    if lists.is_empty() {
        return (lists, None);
    }
    let chosen = || lists.iter().filter_map(|index| all.get(*index));
    if one_by_one {
        // A keyword of two lists is looked up once.
        let mut seen = BTreeSet::new();
        let keywords = chosen()
            .flat_map(|list| &list.keywords)
            .filter(|keyword| seen.insert(keyword.to_lowercase()));
        return (
            lists.clone(),
            Some(("keyword".to_owned(), keywords.cloned().collect())),
        );
    }
    if !endpoint.divisible {
        for list in chosen() {
            refuse_what_fits_no_request(document, section, endpoint, list);
        }
    } else if let Some(node) = section.get("top") {
        let message = format!("{} cannot be ranked by keyword list", endpoint.name);
        let label = "the keywords of a list go out in several requests, each with an order of its own: take `top` out";
        document.fault(ErrorCode::Parameter, message, node.span(), label);
    }
    let names = chosen().map(|list| list.name.clone()).collect();
    (lists, Some(("keyword_list".to_owned(), names)))
}

/// Indices of the lists that are named; all where the operation needs keywords and nothing else is given.
fn lists(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    all: &[KeywordList],
) -> Vec<usize> {
    if section.get("keyword_lists").is_none() {
        let is_required = endpoint
            .parameter("keyword")
            .is_some_and(|parameter| parameter.required);
        let is_default = endpoint.requires_one_of.iter().any(|group| {
            let is_else = |name: &String| {
                let list = super::varying_parameters::list_of(name);
                section.get(name).is_some() || list.is_some_and(|list| section.get(list).is_some())
            };
            group.iter().any(|name| name == "keywords") && !group.iter().any(is_else)
        });
        return if is_required || is_default {
            (0..all.len()).collect()
        } else {
            Vec::new()
        };
    }
    let mut lists = Vec::new();
    for name in document.texts(section, "keyword_lists").unwrap_or_default() {
        let wanted = *name.get_ref();
        match all.iter().position(|list| list.name == wanted) {
            Some(index) if lists.contains(&index) => {
                document.fault(
                    ErrorCode::Parameter,
                    format!("the list `{wanted}` stands twice"),
                    name.span(),
                    "take this out",
                );
            }
            Some(index) => lists.push(index),
            None => {
                let label = match nearest(wanted, all.iter().map(|list| list.name.as_str())) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "no [[keyword_list]] has that name".to_owned(),
                };
                document.fault(
                    ErrorCode::Parameter,
                    format!("there is no keyword list `{wanted}`"),
                    name.span(),
                    label,
                );
            }
        }
    }
    lists
}

/// Keywords that are seeds: the answer is about all of them, so they go out in one request or not at all.
fn refuse_what_fits_no_request(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    list: &KeywordList,
) {
    let mut encoded = String::new();
    percent_encode_into(&mut encoded, &list.keywords.join(","));
    if encoded.len() > MAX_KEYWORD_BYTES {
        let span = section
            .get("keyword_lists")
            .map_or(section.span.clone(), |node| {
                document.find(node.span(), &list.name)
            });
        let message = format!(
            "the keyword list `{}` is too long for {}: {} bytes, where one request takes {MAX_KEYWORD_BYTES}",
            list.name,
            endpoint.name,
            encoded.len()
        );
        let label = "its answer is about all keywords together, so they go out in one request: split the list";
        document.fault(ErrorCode::Parameter, message, span, label);
    }
}
