//! Descriptions, and the form of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::lookup::endpoints;

/// Texts that several columns share because they mean the same under different names.
const SAME_MEANING: [&[&str]; 5] = [
    &["domain_rating", "domain_rating_target"],
    &["refdomains_target", "referring_domains"],
    &["ur", "url_rating", "url_rating_target"],
    &["http_code", "http_code_target"],
    &["title", "title_target"],
];

#[test]
fn every_operation_and_column_that_needs_a_description_has_a_good_one() {
    let mut checked = 0;
    for endpoint in endpoints() {
        assert_good_text(&endpoint.description, &endpoint.name);
        let mut seen = BTreeSet::new();
        for column in &endpoint.columns {
            assert_good_text(
                &column.description,
                &format!("{} {}", endpoint.name, column.name),
            );
            assert!(
                seen.insert(&column.description),
                "{}: {:?} is used twice",
                endpoint.name,
                column.description
            );
            checked += 1;
        }
    }
    assert_eq!(checked, 1719);
}

fn assert_good_text(text: &str, place: &str) {
    assert!(
        (10..=120).contains(&text.chars().count()),
        "{place}: {text:?} has {} characters",
        text.chars().count()
    );
    assert!(
        !text.ends_with('.') && text.trim() == text,
        "{place}: {text:?}"
    );
}

#[test]
fn columns_share_a_description_only_where_they_mean_the_same() {
    let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for column in endpoints()
        .flat_map(|endpoint| &endpoint.columns)
        .filter(|column| !column.description.is_empty())
    {
        names
            .entry(&column.description)
            .or_default()
            .insert(&column.name);
    }
    for (text, names) in names.iter().filter(|(_, names)| names.len() > 1) {
        let names: Vec<_> = names.iter().copied().collect();
        assert!(
            SAME_MEANING.contains(&names.as_slice()),
            "{text:?} describes {names:?}"
        );
    }
}

#[test]
fn the_files_are_written_in_their_canonical_form() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let json: Json = serde_json::from_str(&text).unwrap();
        if is_catalog_file(&json) {
            let canonical = canonical(&json, 0) + "\n";
            let differs = text
                .lines()
                .zip(canonical.lines())
                .position(|(is, should)| is != should);
            assert!(
                text == canonical,
                "{}: line {:?} is not canonical",
                path.display(),
                differs.map(|line| line + 1)
            );
            files += 1;
        }
    }
    assert_eq!(files, 14);
}

/// `schemas/` also holds the JSON Schema of the configuration, which is not part of the catalog.
fn is_catalog_file(json: &Json) -> bool {
    json.as_object()
        .is_some_and(|object| !object.contains_key("$schema"))
}

/// An operation and each of its keys on a line of its own; below, whatever fits 158 characters on one line; longer lists
/// filled to 118. So that a column is one line, and a change of it one line of a diff.
fn canonical(json: &Json, depth: usize) -> String {
    let compact = one_line(json);
    let pad = " ".repeat(depth + 1);
    match json {
        Json::Object(object)
            if !object.is_empty() && (depth < 2 || compact.chars().count() > 158) =>
        {
            let lines: Vec<_> = object
                .iter()
                .map(|(key, value)| {
                    format!(
                        "{pad}{}: {}",
                        Json::from(key.as_str()),
                        canonical(value, depth + 1)
                    )
                })
                .collect();
            format!("{{\n{}\n{}}}", lines.join(",\n"), &pad[1..])
        }
        Json::Array(items) if compact.chars().count() > 158 => {
            let mut lines = vec![pad.clone()];
            for (index, item) in items.iter().enumerate() {
                let word = one_line(item) + if index + 1 < items.len() { "," } else { "" };
                let line = lines.last_mut().unwrap();
                if *line == pad {
                    line.push_str(&word);
                } else if line.len() + 1 + word.len() <= 118 {
                    line.push(' ');
                    line.push_str(&word);
                } else {
                    lines.push(pad.clone() + &word);
                }
            }
            format!("[\n{}\n{}]", lines.join("\n"), &pad[1..])
        }
        _ => compact,
    }
}

fn one_line(json: &Json) -> String {
    match json {
        Json::Object(object) => {
            let fields: Vec<_> = object
                .iter()
                .map(|(key, value)| format!("{}: {}", Json::from(key.as_str()), one_line(value)))
                .collect();
            format!("{{{}}}", fields.join(", "))
        }
        Json::Array(items) => format!(
            "[{}]",
            items.iter().map(one_line).collect::<Vec<_>>().join(", ")
        ),
        plain => plain.to_string(),
    }
}
