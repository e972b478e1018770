//! What an answer costs beyond columns times rows.

use super::query::{Query, filterable_twin};
use super::sections::{asked_brands, asked_months};
use crate::catalog::{Endpoint, Pricing};

/// Units of each historical month in `volume_monthly_history`.
const UNITS_PER_MONTH: u64 = 2;
/// Units that the column costs at least.
const LEAST_FOR_MONTHS: u64 = 50;

/// Units of one row; 0 where rows do not count.
pub(super) fn per_row(endpoint: &Endpoint, query: &Query) -> u64 {
    if endpoint.pricing != Pricing::PerRow {
        return 0;
    }
    let (known, filtered): (Vec<&str>, Vec<&str>) = query
        .charged_columns()
        .partition(|name| endpoint.column(name).is_some());
    let columns = endpoint.units_per_row(known) + filterable_twin(endpoint).units_per_row(filtered);
    // These two count by what is asked for; the catalog's one unit is among the columns already.
    let by_request = query.select.iter().map(|field| match field.name.as_str() {
        "volume_monthly_history" => LEAST_FOR_MONTHS.max(asked_months(query) * UNITS_PER_MONTH) - 1,
        "share_of_voice" if endpoint.short_name() == "sov-history" => asked_brands(query) - 1,
        _ => 0,
    });
    columns + by_request.sum::<u64>()
}

/// Whether a request costs nothing though it has a price.
pub(super) fn is_free(endpoint: &Endpoint, query: &Query) -> bool {
    let is = |(name, value): &(String, String)| query.values.get(name) == Some(value.as_str());
    query.is_free_test || endpoint.pricing == Pricing::Free || endpoint.free_when.iter().any(is)
}
