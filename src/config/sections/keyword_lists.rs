//! `[[keyword_list]]`: keywords, one by one or from a file.

use std::collections::HashSet;

use super::keyword::parse_keyword;
use super::keyword_file::keywords_of_file;
use super::names::{NAME_HELP, is_name};
use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::resolved::KeywordList;
use crate::error::ErrorCode;

/// All keyword lists of the file, names unique.
pub(crate) fn keyword_lists(document: &mut Document<'_>, root: &Section<'_>) -> Vec<KeywordList> {
    let mut lists: Vec<KeywordList> = Vec::new();
    for mut section in document.tables(root, "keyword_list") {
        document.refuse_unknown_keys(&section, &keys::KEYWORD_LIST.names());
        let Some(name) = name(document, &section, &lists) else {
            continue;
        };
        section.name = format!("the keyword list `{name}`");
        let keywords = keywords(document, &section);
        lists.push(KeywordList { name, keywords });
    }
    lists
}

fn name(
    document: &mut Document<'_>,
    section: &Section<'_>,
    lists: &[KeywordList],
) -> Option<String> {
    if section.get("name").is_none() {
        let message = "missing `name` in [[keyword_list]]";
        let label = "add a `name`: reports refer to lists by it";
        document.error_at(ErrorCode::Config, message, section.span.clone(), label);
        return None;
    }
    let text = document.text(section, "name")?;
    let name = *text.get_ref();
    if !is_name(name) {
        let message = format!("invalid keyword list name `{name}`");
        document.error_at(ErrorCode::Config, message, text.span(), NAME_HELP);
        return None;
    }
    if lists.iter().any(|list| list.name == name) {
        let message = format!("duplicate keyword list name `{name}`");
        let label = "set another name";
        document.error_at(ErrorCode::Config, message, text.span(), label);
        return None;
    }
    Some(name.to_owned())
}

fn keywords(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let (message, label) = match (section.get("keywords"), section.get("file")) {
        (Some(_), None) => return written_keywords(document, section),
        (None, Some(_)) => return keywords_of_file(document, section),
        (Some(_), Some(_)) => (
            format!("both `keywords` and `file` are set in {}", section.name),
            "remove one of them",
        ),
        (None, None) => (
            format!("missing `keywords` or `file` in {}", section.name),
            "add keywords = [\"…\"], or a `file` with many",
        ),
    };
    document.error_at(ErrorCode::Config, message, section.span.clone(), label);
    Vec::new()
}

fn written_keywords(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let mut keywords = Vec::new();
    let mut seen = HashSet::new();
    for written in document.texts(section, "keywords").unwrap_or_default() {
        let (message, label) = match parse_keyword(written.get_ref()) {
            Ok(keyword) if seen.insert(keyword.to_lowercase()) => {
                keywords.push(keyword.to_owned());
                continue;
            }
            Ok(keyword) => (
                format!("duplicate keyword `{keyword}`"),
                "remove this: the API ignores case",
            ),
            Err(error) => error,
        };
        document.error_at(ErrorCode::Config, message, written.span(), label);
    }
    keywords
}
