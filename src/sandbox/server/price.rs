//! What an answer costs beyond columns times rows.

use crate::catalog::{Endpoint, Pricing, Shape};
use crate::sandbox::request::{Query, filterable_twin};
use crate::sandbox::sections::{num_brands_requested, num_months_requested};

/// Units of each historical month in `volume_monthly_history`.
const UNITS_PER_MONTH: u64 = 2;
/// Units that the column costs at least.
const LEAST_FOR_MONTHS: u64 = 50;

/// Units of one row; 0 where rows do not count.
pub(crate) fn per_row(endpoint: &Endpoint, query: &Query) -> u64 {
    if endpoint.pricing != Pricing::PerRow {
        return 0;
    }
    let (mut selectable, mut filterable) = (Vec::new(), Vec::new());
    for name in query.charged_columns() {
        if endpoint.column(name).is_some() {
            selectable.push(name);
        } else {
            filterable.push(name);
        }
    }
    let mut units =
        endpoint.units_per_row(selectable) + filterable_twin(endpoint).units_per_row(filterable);
    for field in &query.select {
        units += units_by_request(endpoint, query, &field.name);
    }
    units
}

/// Units of a column that costs by what is requested, beside the catalog's one unit.
fn units_by_request(endpoint: &Endpoint, query: &Query, column: &str) -> u64 {
    match column {
        "volume_monthly_history" => {
            let units = num_months_requested(query) * UNITS_PER_MONTH;
            LEAST_FOR_MONTHS.max(units) - 1
        }
        "share_of_voice" if endpoint.short_name() == "sov-history" => {
            num_brands_requested(query) - 1
        }
        _ => 0,
    }
}

/// Whether a request costs nothing though its operation has a price.
pub(crate) fn is_free(endpoint: &Endpoint, query: &Query) -> bool {
    if query.is_free_test || endpoint.pricing == Pricing::Free {
        return true;
    }
    endpoint
        .free_when
        .iter()
        .any(|(name, value)| query.values.get(name) == Some(value.as_str()))
}

/// Rows that a request is charged for at most, of a table with this many.
pub(crate) fn expected_rows(
    endpoint: &Endpoint,
    query: &Query,
    table_rows: u32,
    row_cap: Option<u32>,
) -> u64 {
    if endpoint.shape == Shape::Record {
        return 1;
    }
    let rows = table_rows.min(query.limit);
    match row_cap {
        Some(cap) if !query.is_unlimited => u64::from(rows.min(cap)),
        _ => u64::from(rows),
    }
}
