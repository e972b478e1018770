//! `[[keyword_list]]`: keywords, one by one or from a file.

use std::collections::{HashMap, HashSet};

use super::targets::{NAME_HELP, is_name};
use crate::config::document::ListedFile;
use crate::config::document::csv;
use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::resolved::KeywordList;
use crate::error::ErrorCode;

/// Characters of a keyword at most: no search is longer, and one that is would fill a URL alone.
const MOST_CHARACTERS: usize = 200;

/// Name of the column of a CSV file that holds the keywords.
const COLUMN: &str = "keyword";

/// All keyword lists of the file, names unique.
pub(in crate::config) fn keyword_lists(
    document: &mut Document<'_>,
    root: &Section<'_>,
) -> Vec<KeywordList> {
    let mut lists: Vec<KeywordList> = Vec::new();
    for mut section in document.tables(root, "keyword_list") {
        document.refuse_unknown_keys(&section, keys::KEYWORD_LIST);
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
        let label = "add a `name`: reports say which lists they look up";
        document.fault(
            ErrorCode::Config,
            "a [[keyword_list]] has no `name`",
            section.span.clone(),
            label,
        );
        return None;
    }
    let text = document.text(section, "name")?;
    let name = *text.get_ref();
    if !is_name(name) {
        document.fault(
            ErrorCode::Config,
            format!("`{name}` is no name for a keyword list"),
            text.span(),
            NAME_HELP,
        );
        return None;
    }
    if lists.iter().any(|list| list.name == name) {
        let message = format!("two keyword lists have the name `{name}`");
        document.fault(
            ErrorCode::Config,
            message,
            text.span(),
            "give this one another",
        );
        return None;
    }
    Some(name.to_owned())
}

fn keywords(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    match (section.get("keywords"), section.get("file")) {
        (Some(_), None) => written(document, section),
        (None, Some(_)) => from_file(document, section),
        (has, _) => {
            let (what, label) = match has {
                Some(_) => ("both `keywords` and `file`", "take one of them out"),
                None => (
                    "neither `keywords` nor `file`",
                    "add keywords = [\"…\"], or a `file` with many",
                ),
            };
            document.fault(
                ErrorCode::Config,
                format!("{} has {what}", section.name),
                section.span.clone(),
                label,
            );
            Vec::new()
        }
    }
}

fn written(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let mut keywords = Vec::new();
    let mut seen = HashSet::new();
    for word in document.texts(section, "keywords").unwrap_or_default() {
        match keyword(word.get_ref()) {
            Err((message, label)) => document.fault(ErrorCode::Config, message, word.span(), label),
            Ok(text) if !seen.insert(text.to_lowercase()) => {
                document.fault(
                    ErrorCode::Config,
                    twice(text),
                    word.span(),
                    "take this out: case makes no other keyword",
                );
            }
            Ok(text) => keywords.push(text.to_owned()),
        }
    }
    keywords
}

fn from_file(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let Some(name) = document.text(section, "file") else {
        return Vec::new();
    };
    let text = match std::fs::read_to_string(document.folder.join(name.get_ref())) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read the keywords in `{}`", name.get_ref());
            document.fault(ErrorCode::Config, message, name.span(), error.to_string());
            return Vec::new();
        }
    };
    let mut file = ListedFile::new(name.get_ref(), &text, ErrorCode::Config);
    let lines = lines(document, &mut file);
    let mut keywords = Vec::new();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (line, written) in &lines {
        match keyword(written) {
            Err((message, label)) => file.fault(document, *line, &message, label),
            Ok(text) => match seen.insert(text.to_lowercase(), *line) {
                Some(first) => {
                    let label =
                        format!("the first is in {}:{first}; take this line out", file.file);
                    file.fault(document, *line, &twice(text), &label);
                    seen.insert(text.to_lowercase(), first);
                }
                None => keywords.push(text.to_owned()),
            },
        }
    }
    if lines.is_empty() {
        let message = format!("{} holds no keyword", file.file);
        file.fault(
            document,
            1,
            &message,
            "one keyword a line, or CSV with a column `keyword`",
        );
    }
    file.close(document);
    keywords
}

/// The keywords as written, each with its line: a column of a CSV file whose header has one, else the lines that are not
/// empty.
fn lines(document: &mut Document<'_>, file: &mut ListedFile<'_>) -> Vec<(usize, String)> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
    // Read as CSV too: a comma in quotes divides no columns. Exports begin the name with a capital.
    let header = csv::records(text.lines().next().unwrap_or_default()).unwrap_or_default();
    let is_header = |field: &String| field.trim().eq_ignore_ascii_case(COLUMN);
    let Some(place) = header
        .first()
        .and_then(|header| header.fields.iter().position(is_header))
    else {
        let lines = text
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim().to_owned()));
        return lines.filter(|(_, line)| !line.is_empty()).collect();
    };
    match csv::records(text) {
        Ok(records) => {
            let mut lines = Vec::new();
            for record in records.into_iter().skip(1) {
                match record.fields.into_iter().nth(place) {
                    Some(field) => lines.push((record.line, field)),
                    None => {
                        file.fault(
                            document,
                            record.line,
                            "a line without its keyword",
                            "one field for each column",
                        );
                    }
                }
            }
            lines
        }
        Err(fault) => {
            let message = format!("{} is no CSV", file.file);
            file.fault(document, fault.line, &message, &fault.message);
            Vec::new()
        }
    }
}

/// The keyword without blanks around it, or what is wrong with it and what would be right.
fn keyword(written: &str) -> Result<&str, (String, &'static str)> {
    let text = written.trim();
    if text.is_empty() {
        return Err((
            "a keyword is empty".to_owned(),
            "write one, or take the line out",
        ));
    }
    if text.contains(',') {
        return Err((
            format!("the keyword `{text}` has a comma"),
            "the API separates keywords by commas: leave it out",
        ));
    }
    if text.contains(char::is_control) {
        return Err((
            "a keyword has a control character".to_owned(),
            "plain text, one keyword a line",
        ));
    }
    if text.chars().count() > MOST_CHARACTERS {
        return Err((
            format!("a keyword of more than {MOST_CHARACTERS} characters"),
            "no search is that long",
        ));
    }
    Ok(text)
}

fn twice(keyword: &str) -> String {
    format!("the keyword `{keyword}` stands twice")
}
