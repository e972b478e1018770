//! `file` of `[[keyword_list]]`: one keyword a line, or a CSV file with a column of keywords.

use std::collections::HashMap;

use super::keyword::parse_keyword;
use crate::config::document::{Document, ListFile, Section, csv_records};
use crate::error::ErrorCode;

/// Name of the column of a CSV file that holds the keywords.
const COLUMN: &str = "keyword";

pub(super) fn keywords_of_file(document: &mut Document<'_>, section: &Section<'_>) -> Vec<String> {
    let Some(written) = document.text(section, "file") else {
        return Vec::new();
    };
    let name = *written.get_ref();
    let text = match std::fs::read_to_string(document.folder.join(name)) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read the keywords in `{name}`");
            let label = error.to_string();
            document.error_at(ErrorCode::Config, message, written.span(), label);
            return Vec::new();
        }
    };
    let mut file = ListFile::new(name, &text, ErrorCode::Config);
    let lines = keyword_lines(document, &mut file);
    if lines.is_empty() {
        let message = format!("missing keywords in {name}");
        let label = "one keyword a line, or CSV with a column `keyword`";
        file.error_at(document, 1, &message, label);
    }
    let keywords = distinct_keywords(document, &mut file, lines);
    file.finish(document);
    keywords
}

fn distinct_keywords(
    document: &mut Document<'_>,
    file: &mut ListFile<'_>,
    lines: Vec<(usize, String)>,
) -> Vec<String> {
    let mut keywords = Vec::new();
    let mut first_lines: HashMap<String, usize> = HashMap::new();
    for (line, written) in lines {
        let keyword = match parse_keyword(&written) {
            Ok(keyword) => keyword,
            Err((message, label)) => {
                file.error_at(document, line, &message, label);
                continue;
            }
        };
        let lower = keyword.to_lowercase();
        if let Some(first) = first_lines.get(&lower) {
            let message = format!("duplicate keyword `{keyword}`");
            let label = format!("first used in {}:{first}: remove this line", file.file);
            file.error_at(document, line, &message, &label);
            continue;
        }
        first_lines.insert(lower, line);
        keywords.push(keyword.to_owned());
    }
    keywords
}

/// The keywords as written, each with its line: a column of a CSV file whose header has one, else the lines that are not
/// empty.
fn keyword_lines(document: &mut Document<'_>, file: &mut ListFile<'_>) -> Vec<(usize, String)> {
    let text = file.text.strip_prefix('\u{feff}').unwrap_or(file.text);
    if let Some(column) = keyword_column(text) {
        return keywords_of_column(document, file, text, column);
    }
    let mut lines = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() {
            lines.push((at + 1, line.to_owned()));
        }
    }
    lines
}

/// Where the first line names the column of keywords. Exports begin the name with a capital.
fn keyword_column(text: &str) -> Option<usize> {
    // Read as CSV too: a comma in quotes does not separate columns.
    let records = csv_records(text.lines().next()?).ok()?;
    let header = records.first()?;
    header
        .fields
        .iter()
        .position(|field| field.trim().eq_ignore_ascii_case(COLUMN))
}

fn keywords_of_column(
    document: &mut Document<'_>,
    file: &mut ListFile<'_>,
    text: &str,
    column: usize,
) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let records = match csv_records(text) {
        Ok(records) => records,
        Err(error) => {
            let message = format!("invalid CSV in {}", file.file);
            file.error_at(document, error.line, &message, &error.message);
            return lines;
        }
    };
    for record in records.into_iter().skip(1) {
        if let Some(field) = record.fields.into_iter().nth(column) {
            lines.push((record.line, field));
        } else {
            let label = "write one field for each column";
            file.error_at(document, record.line, "a line without its keyword", label);
        }
    }
    lines
}
