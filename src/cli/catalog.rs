//! Pages of `backhaul catalog`: all operations, or one of them, for people and as JSON.
//!
//! Pure: catalog in, text out; the command prints. No line is wider than 110 characters, so that a page fits a terminal
//! and a terminal's copy.

mod json;
mod page;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::catalog::{Catalog, Endpoint, Pricing, Shape};
use crate::error::{Code, Error, Result};

pub use json::{list_json, show_json};
pub use page::show;

/// Rows for which prices of presets are shown.
const SHOWN_ROWS: u64 = 1000;

const LEGEND: &str = "\
Prices are units; a billed request costs at least 50.
  paged   complete whatever the plan's row cap
  offset  pages by skipping rows
  capped  one answer, known to be complete only under 100 rows
  whole   always complete

One operation: backhaul catalog site-explorer/all-backlinks
";

/// Prints the list, or one operation.
pub(super) fn catalog(command: &super::arguments::Catalog) -> super::ExitResult {
    let catalog = Catalog::embedded();
    let text = match (&command.endpoint, command.json) {
        (None, false) => list(catalog),
        (None, true) => list_json(catalog),
        (Some(name), false) => show(find(catalog, name)?),
        (Some(name), true) => show_json(find(catalog, name)?),
    };
    super::output::print(&text);
    Ok(0)
}

/// The operation of that name.
///
/// # Errors
/// [`Code::Endpoint`] with the nearest name.
pub fn find<'a>(catalog: &'a Catalog, name: &str) -> Result<&'a Endpoint> {
    catalog.endpoint(name).ok_or_else(|| {
        let error = Error::new(Code::Endpoint, format!("no endpoint `{name}`"));
        match catalog.nearest_endpoint(name) {
            Some(nearest) => error.with_next(format!("backhaul catalog {}", nearest.name)),
            None => error,
        }
    })
}

/// All operations, grouped by section, one line each.
pub fn list(catalog: &Catalog) -> String {
    let mut sections: BTreeMap<&str, Vec<&Endpoint>> = BTreeMap::new();
    for endpoint in catalog.endpoints() {
        sections
            .entry(endpoint.section())
            .or_default()
            .push(endpoint);
    }
    let mut out = String::new();
    for (section, endpoints) in sections {
        let _ = writeln!(out, "{section}/");
        let width = endpoints
            .iter()
            .map(|endpoint| endpoint.short_name().len())
            .max()
            .unwrap_or(0);
        for endpoint in endpoints {
            let _ = writeln!(out, "{}", list_line(endpoint, width));
        }
        out.push('\n');
    }
    out + LEGEND
}

fn list_line(endpoint: &Endpoint, name_width: usize) -> String {
    let line = format!(
        "  {:name_width$}  {:7}  {:11}  {:6}  {}",
        endpoint.short_name(),
        shape_word(endpoint.shape),
        price(endpoint),
        paging_word(endpoint),
        endpoint.description,
    );
    line.trim_end().to_owned()
}

fn shape_word(shape: Shape) -> &'static str {
    match shape {
        Shape::Rows => "rows",
        Shape::Record => "one row",
        Shape::Scalars => "values",
    }
}

/// How much of the source a task can get, in a word.
fn paging_word(endpoint: &Endpoint) -> &'static str {
    if endpoint.has_offset() {
        "offset"
    } else if endpoint.is_pageable() {
        "paged"
    } else if endpoint.parameter("limit").is_some() {
        "capped"
    } else {
        "whole"
    }
}

/// Units of the cheapest useful row, or of a request where rows do not count.
fn price(endpoint: &Endpoint) -> String {
    let units = least_units_per_row(endpoint);
    let from = if endpoint.has_select() {
        "from "
    } else if body_field(endpoint, "select").is_some() {
        "up to "
    } else {
        ""
    };
    match (endpoint.pricing, endpoint.shape) {
        (Pricing::Free, _) => "free".to_owned(),
        (Pricing::Fixed(units), _) => format!("{units}/request"),
        (Pricing::PerRow, Shape::Record) => {
            format!("{from}{}", endpoint.units_per_request(1, units))
        }
        (Pricing::PerRow, Shape::Rows | Shape::Scalars) => format!("{from}{units}/row"),
    }
}

fn least_units_per_row(endpoint: &Endpoint) -> u64 {
    if endpoint.has_select() {
        endpoint.units_per_row(endpoint.presets.minimal.iter().map(String::as_str))
    } else {
        endpoint.units_per_row(endpoint.columns.iter().map(|column| column.name.as_str()))
    }
}

/// One field of a POST's body, as published.
fn body_field<'a>(endpoint: &'a Endpoint, name: &str) -> Option<&'a serde_json::Value> {
    endpoint.body.as_ref()?.get("fields")?.get(name)
}
