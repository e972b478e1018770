//! The columns on the page of an operation.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::wrap::write_wrapped;
use crate::catalog::{Column, ColumnKind, Endpoint, Presets, Pricing};
use crate::report::count_noun;

pub(super) fn write_columns(out: &mut String, endpoint: &Endpoint) {
    if endpoint.columns.is_empty() {
        return;
    }
    let is_billed = endpoint.pricing == Pricing::PerRow;
    let order = if is_billed { ", cheapest first" } else { "" };
    let _ = writeln!(out, "\nColumns{order} (? may be null)");
    let (mut name_width, mut type_width) = (0, 0);
    let mut by_units: BTreeMap<u64, Vec<&Column>> = BTreeMap::new();
    for column in &endpoint.columns {
        name_width = name_width.max(column.name.len());
        type_width = type_width.max(column_type(column).chars().count());
        let units = if is_billed { column.units } else { 0 };
        by_units.entry(units).or_default().push(column);
    }
    let preset_width = if endpoint.has_select() { 10 } else { 0 };
    for (units, columns) in by_units {
        if is_billed {
            let _ = writeln!(out, "  {}", count_noun(units, "unit"));
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
    let mark = if column.nullable { "?" } else { "" };
    format!("{}{mark}", column.kind)
}

/// The smallest preset that has the column, or nothing.
fn smallest_preset(endpoint: &Endpoint, column: &str) -> &'static str {
    for name in Presets::NAMES {
        let columns = endpoint.presets.get(name).unwrap_or_default();
        if columns.iter().any(|other| other == column) {
            return name;
        }
    }
    ""
}

/// What a reader should know of a column, other than its type.
fn column_note(column: &Column) -> String {
    let mut notes: Vec<String> = Vec::new();
    if !column.description.is_empty() {
        notes.push(column.description.clone());
    }
    if let Some(measure) = column.measure {
        notes.push(measure.as_str().to_owned());
    }
    notes.extend(column.units_note.clone());
    if let Some((parameter, value)) = &column.not_with {
        notes.push(format!("not with {parameter} = {value}"));
    }
    if column.deprecated {
        notes.push("deprecated".to_owned());
    }
    if let (ColumnKind::Struct(fields), true) = (&column.kind, column.description.is_empty()) {
        let mut names = Vec::with_capacity(fields.len());
        for (name, kind) in fields {
            names.push(format!("{name} {kind}"));
        }
        notes.push(names.join(", "));
    }
    notes.join("; ")
}
