//! The page of one operation.

use std::fmt::Write as _;

use super::columns::write_columns;
use super::example::example_report;
use super::filters::write_filters;
use super::parameters::write_parameters;
use super::presets::write_presets;
use super::summary::{SHOWN_ROWS, least_units_per_row, paging_word, shape_word};
use super::wrap::{indent, write_wrapped};
use crate::catalog::{Endpoint, MIN_UNITS_PER_REQUEST, Pricing, Shape};
use crate::model::Method;
use crate::report::format_count;

/// One operation: request and price, parameters, presets, columns, filters, and a report to paste.
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
    write_filters(&mut out, endpoint);
    let example = indent(&example_report(endpoint));
    let _ = write!(out, "\nExample report\n{example}");
    out
}

/// The facts above the tables, as label and text.
fn facts(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let method = match endpoint.method {
        Method::Get => "GET",
        Method::Post => "POST",
    };
    let shape = shape_word(endpoint.shape);
    let mut facts = vec![
        ("request", format!("{method} {}", endpoint.path)),
        (
            "response",
            format!("{shape} under `{}`", endpoint.response_key),
        ),
        ("price", price_sentence(endpoint)),
        ("paging", paging_sentence(endpoint)),
    ];
    facts.extend(further_facts(endpoint));
    facts
}

/// The facts that only some operations have.
fn further_facts(endpoint: &Endpoint) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    for (aggregation, columns) in &endpoint.group_columns {
        let columns = columns.join(", ");
        facts.push((
            "",
            format!(
                "with aggregation = {aggregation}: by {columns}, if filters may apply before grouping"
            ),
        ));
    }
    if !endpoint.identity.is_empty() {
        facts.push(("a row is", endpoint.identity.join(", ")));
    }
    if let Some(changes) = &endpoint.changes {
        let text = format!(
            "mode = \"changes\": new by {}, lost by {}",
            changes.new, changes.lost
        );
        facts.push(("changes", text));
    }
    if let Some(former) = &endpoint.former_name {
        facts.push(("formerly", format!("{}/{former}", endpoint.section())));
    }
    if !endpoint.needs_key {
        facts.push(("key", "not needed".to_owned()));
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
        Pricing::PerRow if endpoint.has_select() => format!(
            "rows × units of the columns that are selected, filtered or ordered by, at least {MIN_UNITS_PER_REQUEST}"
        ),
        Pricing::PerRow if endpoint.shape == Shape::Record => {
            let units = endpoint.units_per_request(1, least_units_per_row(endpoint));
            format!("{units} units a request")
        }
        Pricing::PerRow => {
            let units = least_units_per_row(endpoint);
            let for_shown = format_count(endpoint.units_per_request(SHOWN_ROWS, units));
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
            "by offset, without a total order: complete within one response only".to_owned()
        }
        "offset" => format!("by offset, ordered by {key}"),
        "paged" => format!("by {key} (added to the request, at their cost, if not selected)"),
        "capped" => "none: one response, known to be complete only under 100 rows".to_owned(),
        _ => "not needed: a response is complete".to_owned(),
    }
}
