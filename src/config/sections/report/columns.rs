//! `columns` of a report.

use toml::Spanned;

use crate::catalog::{Endpoint, Presets, nearest};
use crate::config::column_presets::{
    ColumnSelection, DEFAULT_PRESET, PresetColumns, SelectorError, column_name,
};
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

/// Columns, and what they were chosen with.
pub(super) struct ColumnChoice {
    /// Unique, in the order written.
    pub columns: Vec<String>,
    /// Presets, names, `+name` and `-name`; empty where the operation always sends all columns.
    pub column_selectors: Vec<String>,
}

/// The report's columns. `parameters` are those that the report sets: some columns exist only without some of them.
pub(super) fn columns(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> ColumnChoice {
    if !endpoint.has_select() {
        return all_columns(document, section, endpoint);
    }
    let recorded = PresetColumns::new();
    let mut selection = ColumnSelection::new(endpoint, parameters, &recorded);
    let Some(node) = section.get("columns") else {
        selection.add_preset(DEFAULT_PRESET);
        return ColumnChoice {
            columns: selection.columns,
            column_selectors: vec![DEFAULT_PRESET.to_owned()],
        };
    };
    let errors_before = document.num_errors();
    let mut column_selectors = Vec::new();
    for selector in document.texts(section, "columns").unwrap_or_default() {
        if let Err(error) = selection.apply(selector.get_ref()) {
            report_at(document, error, endpoint, &selector);
        }
        column_selectors.push((*selector.get_ref()).to_owned());
    }
    if selection.columns.is_empty() && document.num_errors() == errors_before {
        let (message, label) = ("no column is selected", "begin with a preset or a name");
        document.error_at(ErrorCode::Column, message, node.span(), label);
    }
    ColumnChoice {
        columns: selection.columns,
        column_selectors,
    }
}

/// The columns of an operation without a parameter for them.
fn all_columns(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> ColumnChoice {
    if let Some(node) = section.get("columns") {
        let message = format!("{} has no choice of columns", endpoint.name);
        let label = "remove this: all columns are sent and charged";
        document.error_at(ErrorCode::Column, message, node.span(), label);
    }
    let mut columns = Vec::new();
    for column in &endpoint.columns {
        columns.push(column.name.clone());
    }
    ColumnChoice {
        columns,
        column_selectors: Vec::new(),
    }
}

fn report_at(
    document: &mut Document<'_>,
    error: SelectorError,
    endpoint: &Endpoint,
    selector: &Spanned<&str>,
) {
    let written = *selector.get_ref();
    let name = column_name(written);
    let (message, label) = match error {
        SelectorError::NothingToChange => (
            format!("`{written}` has no columns before it"),
            "begin with `minimal`, `standard`, `full`, or names",
        ),
        SelectorError::NotSelected => (format!("`{name}` is not selected"), "remove this"),
        SelectorError::Conflict { parameter, value } => (
            format!(
                "{} has no `{name}` with `{parameter} = \"{value}\"`",
                endpoint.name
            ),
            "remove the column, or change the parameter",
        ),
        SelectorError::UnknownColumn => {
            return report_unknown_column(document, endpoint, selector, name);
        }
    };
    document.error_at(ErrorCode::Column, message, selector.span(), label);
}

fn report_unknown_column(
    document: &mut Document<'_>,
    endpoint: &Endpoint,
    selector: &Spanned<&str>,
    name: &str,
) {
    let mut candidates = Presets::NAMES.to_vec();
    for column in &endpoint.columns {
        candidates.push(&column.name);
    }
    let label = match nearest(name, candidates) {
        Some(near) => match endpoint.column(near) {
            Some(column) => format!("did you mean `{near}` ({})?", price(column.units)),
            None => format!("did you mean `{near}`?"),
        },
        None => "no column has a similar name".to_owned(),
    };
    let message = format!("{} has no column `{name}`", endpoint.name);
    let hint = format!("backhaul catalog {}", endpoint.name);
    document.error_at_with_hint(ErrorCode::Column, message, selector.span(), label, hint);
}

fn price(units: u64) -> String {
    if units == 1 {
        "1 unit a row".to_owned()
    } else {
        format!("{units} units a row")
    }
}
