//! `file` of `[[target]]`: a CSV file of sites.

use std::collections::HashMap;

use super::names::{NAME_HELP, is_name};
use super::site::{name_of_site, parse_site};
use crate::config::document::{CsvRecord, Document, ListFile, Section, csv_records};
use crate::config::keys::{MODES, PROTOCOLS};
use crate::config::resolved::Target;
use crate::error::ErrorCode;

/// The targets of the file that a section names; `names` says where each name was first used.
pub(super) fn targets_of_file(
    document: &mut Document<'_>,
    section: &Section<'_>,
    base: &Target,
    names: &mut HashMap<String, String>,
) -> Vec<Target> {
    for key in ["name", "url"] {
        if let Some(node) = section.get(key) {
            let message = format!("both `file` and `{key}` are set in [[target]]");
            let label = "remove this: it is set by the lines of the file";
            document.error_at(ErrorCode::Target, message, node.span(), label);
        }
    }
    let Some(written) = document.text(section, "file") else {
        return Vec::new();
    };
    let name = *written.get_ref();
    let text = match std::fs::read_to_string(document.folder.join(name)) {
        Ok(text) => text,
        Err(error) => {
            let message = format!("cannot read the targets in `{name}`");
            let label = error.to_string();
            document.error_at(ErrorCode::Target, message, written.span(), label);
            return Vec::new();
        }
    };
    let mut file = ListFile::new(name, &text, ErrorCode::Target);
    let mut targets = Vec::new();
    match csv_records(&text) {
        Ok(records) => {
            targets = targets_of_records(document, &mut file, &records, base, names);
        }
        Err(error) => {
            let message = format!("invalid CSV in {}", file.file);
            file.error_at(document, error.line, &message, &error.message);
        }
    }
    file.finish(document);
    targets
}

fn targets_of_records(
    document: &mut Document<'_>,
    file: &mut ListFile<'_>,
    records: &[CsvRecord],
    base: &Target,
    names: &mut HashMap<String, String>,
) -> Vec<Target> {
    let mut targets = Vec::new();
    let Some((header, rows)) = records.split_first() else {
        let message = format!("{} is empty", file.file);
        file.error_at(document, 1, &message, "begin with the line name,url,mode");
        return targets;
    };
    let header: Vec<_> = header.fields.iter().map(|field| field.trim()).collect();
    if let Err((message, label)) = check_header(file.file, &header) {
        file.error_at(document, 1, &message, label);
        return targets;
    }
    for row in rows {
        let target = match target_of(&header, row, base) {
            Ok(target) => target,
            Err((message, label)) => {
                file.error_at(document, row.line, &message, &label);
                continue;
            }
        };
        let line = format!("{}:{}", file.file, row.line);
        if let Some(first) = names.insert(target.name.clone(), line) {
            let message = format!("duplicate target name `{}`", target.name);
            let label = format!("first used in {first}: set another name");
            file.error_at(document, row.line, &message, &label);
            continue;
        }
        targets.push(target);
    }
    targets
}

fn check_header(file: &str, header: &[&str]) -> Result<(), (String, &'static str)> {
    if !header.contains(&"url") {
        let message = format!("missing column `url` in {file}");
        return Err((message, "write the header name,url,mode"));
    }
    for (at, name) in header.iter().enumerate() {
        if header.iter().take(at).any(|before| before == name) {
            let message = format!("duplicate column `{name}` in {file}");
            return Err((message, "name each column once"));
        }
    }
    Ok(())
}

/// The target of one line.
///
/// # Errors
/// What is wrong with the line, and what would be right.
fn target_of(header: &[&str], row: &CsvRecord, base: &Target) -> Result<Target, (String, String)> {
    if row.fields.len() != header.len() {
        let (fields, columns) = (row.fields.len(), header.len());
        let message = format!("expected {columns} fields, found {fields}");
        return Err((message, "quote fields that contain commas".to_owned()));
    }
    let mut target = base.clone();
    for (column, field) in header.iter().zip(&row.fields) {
        let field = field.trim();
        match *column {
            "url" => match parse_site(field) {
                Ok(site) => target.url = site,
                Err(label) => return Err((format!("invalid site `{field}`"), label.to_owned())),
            },
            _ if field.is_empty() => {}
            "name" if is_name(field) => field.clone_into(&mut target.name),
            "name" => {
                let message = format!("invalid target name `{field}`");
                return Err((message, NAME_HELP.to_owned()));
            }
            "mode" => target.mode = one_of("mode", field, MODES)?,
            "protocol" => target.protocol = one_of("protocol", field, PROTOCOLS)?,
            label => {
                target.labels.insert(label.to_owned(), field.to_owned());
            }
        }
    }
    if target.name.is_empty() {
        target.name = name_of_site(&target.url);
    }
    Ok(target)
}

fn one_of(key: &str, field: &str, choices: &[&str]) -> Result<String, (String, String)> {
    if choices.contains(&field) {
        return Ok(field.to_owned());
    }
    let message = format!("invalid value `{field}` for `{key}`");
    Err((message, format!("one of: {}", choices.join(", "))))
}
