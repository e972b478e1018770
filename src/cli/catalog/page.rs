//! The page of one operation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{SHOWN_ROWS, least_units_per_row, paging_word, shape_word};
use crate::catalog::{
    Column, ColumnKind, Endpoint, Filterable, MIN_UNITS_PER_REQUEST, Parameter, ParameterKind,
    Presets, Pricing, Shape,
};
use crate::filter::FORMS;
use crate::model::Method;

/// Widest line of a page.
const WIDTH: usize = 110;

/// Parameters that no report sets: the columns, the pager and the night give them.
const SET_BY_PROGRAM: [&str; 10] = [
    "target",
    "select",
    "date",
    "date_from",
    "date_to",
    "order_by",
    "limit",
    "offset",
    "output",
    "timeout",
];

/// One operation: how it is called and priced, its columns, presets, and a report to paste.
pub fn show(endpoint: &Endpoint) -> String {
    let mut out = format!("{}\n", endpoint.name);
    if !endpoint.description.is_empty() {
        let _ = writeln!(out, "{}", endpoint.description);
    }
    out.push('\n');
    for (label, text) in facts(endpoint) {
        write_wrapped(&mut out, &format!("  {label:8}  "), &text);
    }
    write_parameters(&mut out, endpoint);
    write_presets(&mut out, endpoint);
    write_columns(&mut out, endpoint);
    write_filter_columns(&mut out, endpoint);
    let _ = write!(out, "\nA report of it\n{}", indent(&example(endpoint)));
    out
}

/// What stands above the tables, as label and text.
fn facts(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let method = match endpoint.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let mut facts = vec![
        ("request", format!("{method} {}", endpoint.path)),
        (
            "answer",
            format!(
                "{} under `{}`",
                shape_word(endpoint.shape),
                endpoint.response_key
            ),
        ),
        ("price", price_sentence(endpoint)),
        ("paging", paging_sentence(endpoint)),
    ];
    for (aggregation, columns) in &endpoint.group_columns {
        let note = "if filters may apply before grouping";
        facts.push((
            "",
            format!(
                "with aggregation = {aggregation}: by {}, {note}",
                columns.join(", ")
            ),
        ));
    }
    if !endpoint.identity.is_empty() {
        facts.push(("a row is", endpoint.identity.join(", ")));
    }
    if let Some(changes) = &endpoint.changes {
        facts.push((
            "changes",
            format!(
                "mode = \"changes\": new by {}, lost by {}",
                changes.new, changes.lost
            ),
        ));
    }
    if let Some(former) = &endpoint.former_name {
        facts.push(("formerly", format!("{}/{former}", endpoint.section())));
    }
    if !endpoint.needs_key {
        facts.push(("key", "none is needed".to_owned()));
    }
    if endpoint.beta {
        facts.push(("status", "beta: it may change without notice".to_owned()));
    }
    facts
}

fn price_sentence(endpoint: &Endpoint) -> String {
    let mut text = match endpoint.pricing {
        Pricing::Free => "free".to_owned(),
        Pricing::Fixed(units) => format!("{units} units a request, however many rows"),
        Pricing::PerRow if endpoint.has_select() && endpoint.shape == Shape::Record => {
            format!("units of the selected columns, at least {MIN_UNITS_PER_REQUEST}")
        }
        Pricing::PerRow if endpoint.has_select() => {
            format!(
                "rows × units of the columns that are selected, filtered or ordered by, at least {MIN_UNITS_PER_REQUEST}"
            )
        }
        Pricing::PerRow if endpoint.shape == Shape::Record => {
            format!(
                "{} units a request",
                endpoint.units_per_request(1, least_units_per_row(endpoint))
            )
        }
        Pricing::PerRow => {
            let units = least_units_per_row(endpoint);
            let for_shown = thousands(endpoint.units_per_request(SHOWN_ROWS, units));
            format!(
                "{units} units a row, {for_shown} for 1,000 rows, at least {MIN_UNITS_PER_REQUEST} a request"
            )
        }
    };
    for (parameter, value) in &endpoint.free_when {
        let _ = write!(text, "; free with {parameter} = {value}");
    }
    text
}

fn paging_sentence(endpoint: &Endpoint) -> String {
    let key = endpoint.order_key.join(", ");
    match paging_word(endpoint) {
        "offset" if key.is_empty() => {
            "by offset, without a total order: complete within one answer only".to_owned()
        }
        "offset" => format!("by offset, ordered by {key}"),
        "paged" => format!("by {key} (bought as far as needed where not selected)"),
        "capped" => "none: one answer, known to be complete only under 100 rows".to_owned(),
        _ => "none needed: an answer is whole".to_owned(),
    }
}

fn write_parameters(out: &mut String, endpoint: &Endpoint) {
    let (set, free): (Vec<_>, Vec<_>) = endpoint
        .parameters
        .iter()
        .partition(|parameter| SET_BY_PROGRAM.contains(&parameter.name.as_str()));
    let fields = endpoint
        .body
        .as_ref()
        .and_then(|body| body.get("fields")?.as_object());
    let in_body: Vec<&str> = fields
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    let names = free.iter().map(|parameter| parameter.name.len());
    let width = names
        .chain([
            if set.is_empty() { 0 } else { 12 },
            if in_body.is_empty() { 0 } else { 7 },
        ])
        .max()
        .unwrap_or(0);
    if width > 0 {
        out.push_str("\nParameters, with the API's defaults\n");
    }
    for parameter in free {
        write_wrapped(
            out,
            &format!("  {:width$}  ", parameter.name),
            &parameter_text(parameter),
        );
    }
    if !in_body.is_empty() {
        write_wrapped(
            out,
            &format!("  {:width$}  ", "in body"),
            &in_body.join(", "),
        );
    }
    if !set.is_empty() {
        let names: Vec<_> = set
            .iter()
            .map(|parameter| parameter.name.as_str())
            .collect();
        write_wrapped(
            out,
            &format!("  {:width$}  ", "set for you"),
            &names.join(", "),
        );
    }
}

fn parameter_text(parameter: &Parameter) -> String {
    let mut text = if parameter.required {
        "required, ".to_owned()
    } else {
        String::new()
    };
    text.push_str(&parameter_kind(&parameter.kind));
    if let Some(default) = parameter
        .default
        .as_deref()
        .filter(|default| !default.is_empty())
    {
        let _ = write!(text, ", default {default}");
    }
    if ["mode", "protocol"].contains(&parameter.name.as_str()) {
        text.push_str(", set with the target");
    }
    text
}

pub(super) fn parameter_kind(kind: &ParameterKind) -> String {
    /// Enums beyond this many values are told by their first ones: nobody reads 240 countries.
    const SHOWN_VALUES: usize = 24;
    match kind {
        ParameterKind::Text => "text".to_owned(),
        ParameterKind::Url => "URL or domain".to_owned(),
        ParameterKind::Date => "date".to_owned(),
        ParameterKind::DateTime => "date-time".to_owned(),
        ParameterKind::Integer => "integer".to_owned(),
        ParameterKind::Number => "number".to_owned(),
        ParameterKind::Boolean => "true | false".to_owned(),
        ParameterKind::Enum(values) if values.len() > SHOWN_VALUES => {
            format!(
                "{} | … ({} values)",
                values
                    .iter()
                    .take(4)
                    .cloned()
                    .collect::<Vec<_>>()
                    .join(" | "),
                values.len()
            )
        }
        ParameterKind::Enum(values) => values.join(" | "),
        ParameterKind::List(items) => format!("list of {}", parameter_kind(items)),
        ParameterKind::Json => "JSON".to_owned(),
    }
}

fn write_presets(out: &mut String, endpoint: &Endpoint) {
    if !endpoint.has_select() {
        return;
    }
    let header = match (endpoint.pricing, endpoint.shape) {
        (Pricing::Free | Pricing::Fixed(_), _) => "",
        (Pricing::PerRow, Shape::Record) => "  units a request",
        (Pricing::PerRow, _) if endpoint.is_pageable() => {
            "  units a row  for 1,000 rows  paging adds"
        }
        (Pricing::PerRow, _) => "  units a row  for 1,000 rows",
    };
    let _ = writeln!(out, "\nPresets   columns{header}");
    for name in Presets::NAMES {
        let columns = endpoint.presets.get(name).unwrap_or_default();
        let prices = preset_prices(endpoint, columns);
        let _ = writeln!(out, "  {name:8}{:>7}{prices}", columns.len());
    }
}

/// What stands under the header's words on prices.
fn preset_prices(endpoint: &Endpoint, columns: &[String]) -> String {
    let selected = || columns.iter().map(String::as_str);
    let units = endpoint.units_per_row(selected());
    match (endpoint.pricing, endpoint.shape) {
        (Pricing::Free | Pricing::Fixed(_), _) => String::new(),
        (Pricing::PerRow, Shape::Record) => format!("{:>17}", endpoint.units_per_request(1, units)),
        (Pricing::PerRow, _) => {
            let prices = format!(
                "{units:>13}{:>16}",
                thousands(endpoint.units_per_request(SHOWN_ROWS, units))
            );
            let (least, most) = (
                endpoint.key_surcharge(selected()),
                endpoint.full_key_surcharge(selected()),
            );
            if endpoint.is_pageable() {
                format!("{prices}  {}", surcharge(least, most))
            } else {
                prices
            }
        }
    }
}

fn surcharge(least: u64, most: u64) -> String {
    match (least, most) {
        (0, 0) => "nothing".to_owned(),
        (least, most) if least == most => format!("{least} a row"),
        (0, most) => format!("up to {most} a row, where many rows tie"),
        (least, most) => format!("{least} a row, up to {most} where many rows tie"),
    }
}

fn write_columns(out: &mut String, endpoint: &Endpoint) {
    if endpoint.columns.is_empty() {
        return;
    }
    let billed = endpoint.pricing == Pricing::PerRow;
    let order = if billed { ", cheapest first" } else { "" };
    let _ = writeln!(out, "\nColumns{order} (? may be null)");
    let name_width = endpoint
        .columns
        .iter()
        .map(|column| column.name.len())
        .max()
        .unwrap_or(0);
    let type_width = endpoint
        .columns
        .iter()
        .map(|column| column_type(column).chars().count())
        .max()
        .unwrap_or(0);
    let preset_width = if endpoint.has_select() { 10 } else { 0 };
    let mut by_units: BTreeMap<u64, Vec<&Column>> = BTreeMap::new();
    for column in &endpoint.columns {
        by_units
            .entry(if billed { column.units } else { 0 })
            .or_default()
            .push(column);
    }
    for (units, columns) in by_units {
        if billed {
            let _ = writeln!(out, "  {units} unit{}", if units == 1 { "" } else { "s" });
        }
        for column in columns {
            let preset = smallest_preset(endpoint, &column.name);
            let kind = column_type(column);
            let head = format!(
                "    {:name_width$}  {kind:type_width$}  {preset:preset_width$}",
                column.name
            );
            write_wrapped(out, &head, &column_note(column));
        }
    }
}

fn column_type(column: &Column) -> String {
    format!("{}{}", column.kind, if column.nullable { "?" } else { "" })
}

/// The smallest preset that holds the column, or nothing.
fn smallest_preset(endpoint: &Endpoint, column: &str) -> &'static str {
    let holds = |name: &&str| {
        endpoint
            .presets
            .get(name)
            .is_some_and(|columns| columns.iter().any(|held| held == column))
    };
    Presets::NAMES.into_iter().find(holds).unwrap_or_default()
}

/// What a reader should know of a column beyond its type.
fn column_note(column: &Column) -> String {
    let mut notes: Vec<String> = Vec::new();
    if !column.description.is_empty() {
        notes.push(column.description.clone());
    }
    notes.extend(column.measure.map(|measure| measure.as_str().to_owned()));
    notes.extend(column.units_note.clone());
    notes.extend(
        column
            .not_with
            .as_ref()
            .map(|(parameter, value)| format!("not with {parameter} = {value}")),
    );
    if column.deprecated {
        notes.push("deprecated".to_owned());
    }
    if let (ColumnKind::Struct(fields), true) = (&column.kind, column.description.is_empty()) {
        notes.push(
            fields
                .iter()
                .map(|(name, kind)| format!("{name} {kind}"))
                .collect::<Vec<_>>()
                .join(", "),
        );
    }
    notes.join("; ")
}

fn write_filter_columns(out: &mut String, endpoint: &Endpoint) {
    if endpoint.parameter("where").is_none() {
        return;
    }
    let listed = |columns: Vec<String>| {
        if columns.is_empty() {
            "none".to_owned()
        } else {
            columns.join(", ")
        }
    };
    let only: Vec<_> = endpoint
        .filterable
        .iter()
        .filter(|filter| endpoint.column(&filter.name).is_none())
        .collect();
    let unknown = endpoint
        .columns
        .iter()
        .map(|column| &column.name)
        .filter(|name| endpoint.filterable(name).is_none());
    out.push_str("\nFilters (`where`)\n");
    write_wrapped(
        out,
        "  only in filters   ",
        &listed(only.into_iter().map(filter_word).collect()),
    );
    write_wrapped(
        out,
        "  not in filters    ",
        &listed(unknown.cloned().collect()),
    );
    if endpoint.parameter("order_by").is_some() {
        write_wrapped(
            out,
            "  not in the order  ",
            &listed(endpoint.order_by_excludes.clone()),
        );
    }
    write_wrapped(
        out,
        "  conditions        ",
        &format!("{FORMS}, joined by AND, OR, NOT and parentheses"),
    );
    if let Some(example) = example_filter(endpoint) {
        write_wrapped(
            out,
            "  for example       ",
            &format!("where = \"{example}\""),
        );
    }
}

/// A filter over the operation's own columns, to begin with.
fn example_filter(endpoint: &Endpoint) -> Option<String> {
    let first = |kind: ColumnKind| {
        endpoint
            .filterable
            .iter()
            .find(|filter| filter.kind == kind)
    };
    let number = first(ColumnKind::Float).or_else(|| first(ColumnKind::Integer));
    let number = number.map(|filter| format!("{} >= 30", filter.name));
    let text = || first(ColumnKind::Text).map(|filter| format!("{} LIKE '%shoes%'", filter.name));
    let other = first(ColumnKind::Boolean)
        .map(|filter| filter.name.clone())
        .or_else(text);
    let conditions: Vec<String> = number.into_iter().chain(other).collect();
    (!conditions.is_empty()).then(|| conditions.join(" AND "))
}

fn filter_word(filter: &Filterable) -> String {
    let units = if filter.units == 1 {
        String::new()
    } else {
        format!(", {} units", filter.units)
    };
    format!("{} ({}{units})", filter.name, filter.kind)
}

/// A report in the configuration's TOML that fetches the operation, given a target and a keyword list.
fn example(endpoint: &Endpoint) -> String {
    let table = endpoint.short_name().replace('-', "_");
    let mut out = format!(
        "[[report]]\nname = \"{table}\"\nendpoint = \"{}\"\n",
        endpoint.name
    );
    if endpoint.has_select() {
        out.push_str("columns = [\"standard\"]\n");
    }
    let is_first_of_some = |name: &String| {
        endpoint
            .requires_one_of
            .iter()
            .any(|group| group.first() == Some(name))
    };
    let begins = |name: &str| name == "date_from" && endpoint.is_history();
    let needed = |parameter: &&Parameter| {
        parameter.required || begins(&parameter.name) || is_first_of_some(&parameter.name)
    };
    for line in endpoint
        .inputs()
        .filter(needed)
        .filter_map(|parameter| example_parameter(endpoint, parameter))
    {
        let _ = writeln!(out, "{line}");
    }
    out
}

/// The line that gives a parameter, unless targets, keyword lists, the night or the columns give it.
fn example_parameter(endpoint: &Endpoint, parameter: &Parameter) -> Option<String> {
    let name = parameter.name.as_str();
    match (name, &parameter.kind) {
        (
            "select" | "target" | "targets" | "keyword" | "keywords" | "date" | "mode" | "protocol",
            _,
        ) => None,
        ("date_from", _) if endpoint.is_history() => Some("since = \"2024-01-01\"".to_owned()),
        ("date_from", _) => Some("date_from = \"-28d\"".to_owned()),
        ("country", _) => Some("countries = [\"us\"]".to_owned()),
        // It varies: each task asks for one of them.
        ("data_source", ParameterKind::List(item)) => {
            Some(format!("{name} = {}", example_value(item)))
        }
        (_, kind) => Some(format!("{name} = {}", example_value(kind))),
    }
}

fn example_value(kind: &ParameterKind) -> String {
    match kind {
        ParameterKind::Enum(values) => {
            format!("\"{}\"", values.first().map_or("…", String::as_str))
        }
        ParameterKind::Date | ParameterKind::DateTime => "\"-28d\"".to_owned(),
        ParameterKind::Integer | ParameterKind::Number => "1".to_owned(),
        ParameterKind::Boolean => "true".to_owned(),
        ParameterKind::List(item) => format!("[{}]", example_value(item)),
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => "\"…\"".to_owned(),
    }
}

/// Writes words behind a head, further lines under the first word.
fn write_wrapped(out: &mut String, head: &str, text: &str) {
    let margin = head.chars().count();
    let mut line = head.to_owned();
    let mut is_first = true;
    for word in text.split(' ') {
        if !is_first && line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(out, "{}", line.trim_end());
            line = " ".repeat(margin);
        } else if !is_first {
            line.push(' ');
        }
        line.push_str(word);
        is_first = false;
    }
    let _ = writeln!(out, "{}", line.trim_end());
}

fn indent(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let _ = writeln!(out, "  {line}");
    }
    out
}

/// 1234567 as 1,234,567.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
