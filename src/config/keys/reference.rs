//! The table of keys as a page of the documentation.

use std::fmt::Write as _;

use super::key::{DefaultValue, Key, Kind, Rule, Table};
use super::tables::TABLES;

/// Keys without a remark exist since this version.
const FIRST_VERSION: &str = "0.1.0";

const OPENING: &str = "\
# Configuration reference

Written by `make docs-reference` from the table of keys in `src/config/keys`: change it there.

Backhaul reads `backhaul.toml`, or the file that `-c` or `BACKHAUL_CONFIG` names. `backhaul init` writes one to start
from, `backhaul check --offline` reports every error of it. Unknown keys are refused. Editors complete the keys by the
JSON Schema in `schemas/config.schema.json`.
";

/// The reference of all keys: the text of `docs/reference/configuration.md`.
pub fn reference_page() -> String {
    let mut page = OPENING.to_owned();
    for table in TABLES {
        let _ = write!(page, "\n## {}\n\n{}\n", heading(table), table.doc);
        if let Some(rule) = rule_text(table.rule) {
            let _ = write!(page, "\n{rule}\n");
        }
        page.push_str("\n| Key | Type | Default | Meaning | Example |\n");
        page.push_str("| --- | --- | --- | --- | --- |\n");
        for key in table.keys {
            page.push_str(&row(key));
        }
    }
    page
}

fn heading(table: &Table) -> String {
    if table.path.is_empty() {
        table.heading.to_owned()
    } else {
        format!("`{}`", table.heading)
    }
}

fn rule_text(rule: Rule) -> Option<String> {
    match rule {
        Rule::Free | Rule::QueryParameters => None,
        Rule::OneKey => Some("Exactly one key is set.".to_owned()),
        Rule::OneOf(names) => {
            let names = names.join("` and `");
            Some(format!("Exactly one of `{names}` is set."))
        }
    }
}

fn row(key: &Key) -> String {
    let default = match key.default {
        DefaultValue::Required => "required".to_owned(),
        DefaultValue::Unset => String::new(),
        DefaultValue::Value(value) => format!("`{value}`"),
    };
    let mut meaning = key.doc.to_owned();
    if key.since != FIRST_VERSION {
        let _ = write!(meaning, " Since {}.", key.since);
    }
    let cells = [
        format!("`{}`", key.name()),
        type_text(&key.kind),
        default,
        meaning,
        format!("`{}`", key.example),
    ];
    let mut row = String::new();
    for cell in cells {
        let _ = write!(row, "| {} ", cell.replace('|', "\\|"));
    }
    row.push_str("|\n");
    row
}

fn type_text(kind: &Kind) -> String {
    match kind {
        Kind::Text | Kind::NonEmptyText => "string".to_owned(),
        Kind::Pattern(pattern) | Kind::ReportName { pattern, .. } => {
            format!("string `{pattern}`")
        }
        Kind::Choice(words) => code_list(words),
        Kind::Duration => "duration: a number and w, d, h, m or s".to_owned(),
        Kind::Date => "date".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Count => "integer from 1".to_owned(),
        Kind::CountUpTo(most) => format!("integer from 1 to {most}"),
        Kind::UnitsOrPercent => "integer, or percentage below 100%".to_owned(),
        Kind::Texts | Kind::DistinctTexts => "list of strings".to_owned(),
        Kind::DistinctIntegers => "list of integers".to_owned(),
        Kind::UnitsByName => "table of integers by name".to_owned(),
        Kind::TextByName => "table of strings by name".to_owned(),
        Kind::TextOrTable => "string or table".to_owned(),
        Kind::TargetSelectors => "list of names and of tables of labels".to_owned(),
        Kind::Table(table) => format!("table `{}`", table.path),
        Kind::Tables(table) => format!("array of tables `{}`", table.path),
        Kind::TableOrTables(table) => format!("table `{}`, or a list of them", table.path),
        Kind::ChoiceOrTable(words, table) => {
            format!("{}, or table `{}`", code_list(words), table.path)
        }
    }
}

/// "`a`, `b` or `c`".
fn code_list(words: &[&str]) -> String {
    let mut list = String::new();
    for (at, word) in words.iter().enumerate() {
        let separator = match words.len() - at {
            _ if at == 0 => "",
            1 => " or ",
            _ => ", ",
        };
        let _ = write!(list, "{separator}`\"{word}\"`");
    }
    list
}
