//! Requests that answer for many targets: which reports have one, what it selects and what it costs.

use crate::catalog::{Catalog, Endpoint};
use crate::config::Report;

/// Targets that one request takes at most.
pub const MAX_TARGETS: usize = 100;

/// The column by which the rows of a batch are told apart: the position of the target in the request, from 0.
pub const INDEX: &str = "index";

/// The operation whose one request answers for many targets what the report asks, with its column for each of the
/// report's; `None` where there is none, or where it knows another day than the night's.
pub fn batch_operation_for(
    report: &Report,
    is_of_today: bool,
) -> Option<(&'static Endpoint, Vec<(String, String)>)> {
    let endpoint = report.endpoint;
    if report.filter.is_some() || report.top.is_some() || report.changes.is_some() {
        return None;
    }
    let mut columns = Vec::new();
    if endpoint.takes_many_targets() {
        for column in &report.columns {
            columns.push((column.clone(), column.clone()));
        }
        return Some((endpoint, columns));
    }
    let batch = endpoint.batch.as_ref().filter(|_| is_of_today)?;
    for column in &report.columns {
        columns.push((column.clone(), batch.columns.get(column)?.clone()));
    }
    Some((Catalog::embedded().endpoint(&batch.operation)?, columns))
}

/// What is selected in a batch: what joins the rows, and the report's columns.
pub fn batch_columns(columns: &[(String, String)]) -> Vec<String> {
    let mut selected = vec![INDEX.to_owned()];
    for (_, column) in columns {
        if column != INDEX {
            selected.push(column.clone());
        }
    }
    selected
}

/// Units of a batch of so many targets.
pub fn batch_units(endpoint: &Endpoint, columns: &[(String, String)], targets: usize) -> u64 {
    let columns = batch_columns(columns);
    let per_row = endpoint.units_per_row(columns.iter().map(String::as_str));
    endpoint.units_per_request(u64::try_from(targets).unwrap_or(u64::MAX), per_row)
}

/// The share of `units` that falls to one of so many: shares differ by one at most, and their sum is the whole.
pub fn split_evenly(units: u64, of: usize, index: usize) -> u64 {
    let of = u64::try_from(of).unwrap_or(u64::MAX).max(1);
    units / of + u64::from(u64::try_from(index).is_ok_and(|index| index < units % of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_by_one_and_add_up() {
        for (units, of) in [(900, 300), (50, 3), (0, 7), (7, 100)] {
            let parts: Vec<u64> = (0..of)
                .map(|index| split_evenly(units, of, index))
                .collect();
            assert_eq!(parts.iter().sum::<u64>(), units);
            let (least, most) = (parts.iter().min().copied(), parts.iter().max().copied());
            assert!(
                most.zip(least)
                    .is_some_and(|(most, least)| most - least <= 1)
            );
        }
    }
}
