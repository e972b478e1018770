//! An operation in a few words: what it returns, its price, how it is paged.

use crate::catalog::{Endpoint, Pricing, Shape};

/// Rows for which the prices of presets are shown.
pub(super) const SHOWN_ROWS: u64 = 1000;

/// What a response contains.
pub(super) fn shape_word(shape: Shape) -> &'static str {
    match shape {
        Shape::Rows => "rows",
        Shape::Record => "one row",
        Shape::Scalars => "values",
    }
}

/// How much of the source a task can get, in a word.
pub(super) fn paging_word(endpoint: &Endpoint) -> &'static str {
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
pub(super) fn price(endpoint: &Endpoint) -> String {
    let units = least_units_per_row(endpoint);
    let from = if endpoint.has_select() {
        "from "
    } else if selects_in_body(endpoint) {
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

/// Units of a row with the fewest columns that can be selected.
pub(super) fn least_units_per_row(endpoint: &Endpoint) -> u64 {
    if endpoint.has_select() {
        endpoint.units_per_row(endpoint.presets.minimal.iter().map(String::as_str))
    } else {
        endpoint.units_per_row(endpoint.columns.iter().map(|column| column.name.as_str()))
    }
}

fn selects_in_body(endpoint: &Endpoint) -> bool {
    let fields = endpoint.body.as_ref().and_then(|body| body.get("fields"));
    fields.is_some_and(|fields| fields.get("select").is_some())
}
