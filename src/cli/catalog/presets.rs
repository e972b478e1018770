//! The presets on the page of an operation.

use std::fmt::Write as _;

use super::summary::SHOWN_ROWS;
use crate::catalog::{Endpoint, Presets, Pricing, Shape};
use crate::report::format_count;

pub(super) fn write_presets(out: &mut String, endpoint: &Endpoint) {
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

/// The prices under the words of the header.
fn preset_prices(endpoint: &Endpoint, columns: &[String]) -> String {
    let selected: Vec<&str> = columns.iter().map(String::as_str).collect();
    let units = endpoint.units_per_row(selected.iter().copied());
    match (endpoint.pricing, endpoint.shape) {
        (Pricing::Free | Pricing::Fixed(_), _) => String::new(),
        (Pricing::PerRow, Shape::Record) => {
            format!("{:>17}", endpoint.units_per_request(1, units))
        }
        (Pricing::PerRow, _) => {
            let for_shown = format_count(endpoint.units_per_request(SHOWN_ROWS, units));
            let prices = format!("{units:>13}{for_shown:>16}");
            if !endpoint.is_pageable() {
                return prices;
            }
            let least = endpoint.key_surcharge(selected.iter().copied());
            let most = endpoint.full_key_surcharge(selected.iter().copied());
            format!("{prices}  {}", surcharge(least, most))
        }
    }
}

/// What paging adds to the price of a row.
fn surcharge(least: u64, most: u64) -> String {
    match (least, most) {
        (0, 0) => "nothing".to_owned(),
        (least, most) if least == most => format!("{least} a row"),
        (0, most) => format!("up to {most} a row, where many rows tie"),
        (least, most) => format!("{least} a row, up to {most} where many rows tie"),
    }
}
