//! What a row of a report costs, and the key that paging starts with.

use crate::catalog::{Column, MIN_UNITS_PER_REQUEST, Pricing};
use crate::config::{Report, day_of};
use crate::model::SnapshotDate;
use crate::plan::granularity::Granularity;
use crate::table::DateRange;

/// K at its start: its first column, and those that the report selects anyway; under a grouping aggregation the columns that
/// the catalog names for it, no other. Behind the column that ranks, where a ranking is wanted.
pub(super) fn order_key(report: &Report) -> Vec<String> {
    let endpoint = report.endpoint;
    if endpoint.parameter("limit").is_none() {
        return Vec::new();
    }
    let aggregation = report.parameter("aggregation");
    let grouped = aggregation.and_then(|name| endpoint.group_columns.get(name));
    let mut key = Vec::new();
    if let Some(top) = &report.top {
        key.push(top.by.clone());
    }
    let columns = grouped.unwrap_or(&endpoint.order_key);
    for (position, column) in columns.iter().enumerate() {
        let is_wanted = grouped.is_some() || position == 0 || report.columns.contains(column);
        if is_wanted && key.first() != Some(column) {
            key.push(column.clone());
        }
    }
    key
}

/// Units of one row of a report, with the columns that only paging needs; 0 where rows have no price. It is the same on every
/// night, but where a column is priced by months that are counted from a day of the calendar.
pub fn price_per_row(report: &Report, night: SnapshotDate) -> u64 {
    let extra = extra_units(report, night);
    units_per_row(report, &order_key(report), &extra).0
}

/// Units of one row with K, and how much of it is K's surcharge.
pub(super) fn units_per_row(
    report: &Report,
    order_key: &[String],
    extra: &[(String, u64)],
) -> (u64, u64) {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow || report.is_free() {
        return (0, 0);
    }
    let filtered = report.filter_columns();
    let mut columns: Vec<&str> = report.columns.iter().map(String::as_str).collect();
    columns.extend(filtered.iter().map(String::as_str));
    let without = endpoint.units_per_row(columns.iter().copied());
    columns.extend(order_key.iter().map(String::as_str));
    let mut with = endpoint.units_per_row(columns);
    let surcharge = with - without;
    for (column, units) in extra {
        if report.columns.contains(column) {
            with += units;
        }
    }
    (with, surcharge)
}

/// Columns whose price depends on the parameters, and what they cost beyond the catalog's price.
pub(super) fn extra_units(report: &Report, night: SnapshotDate) -> Vec<(String, u64)> {
    let mut extra = Vec::new();
    for (column, units) in [
        (MONTHLY_HISTORY, units_of_monthly_history(report, night)),
        (SHARE_OF_VOICE, Some(units_of_share_of_voice(report))),
    ] {
        let noted = report.endpoint.column(column);
        if let Some(units) = units
            && let Some(Column {
                units: known,
                units_note: Some(_),
                ..
            }) = noted
        {
            extra.push((column.to_owned(), units.saturating_sub(*known)));
        }
    }
    extra
}

const MONTHLY_HISTORY: &str = "volume_monthly_history";
const SHARE_OF_VOICE: &str = "share_of_voice";

/// Two units for each month. The running month counts: the API does not document whether it is charged, and a price must not
/// be too low.
fn units_of_monthly_history(report: &Report, night: SnapshotDate) -> Option<u64> {
    let night = night.date();
    let from = report.parameter("volume_monthly_date_from")?;
    let to = report.parameter("volume_monthly_date_to");
    let to = to.and_then(|to| day_of(to, night)).unwrap_or(night);
    let span = day_of(from, night).and_then(|from| DateRange::new(from, to));
    let months = span.map_or(0, |span| Granularity::Monthly.periods(span));
    Some(months.saturating_mul(2).max(MIN_UNITS_PER_REQUEST))
}

/// A unit for each brand.
fn units_of_share_of_voice(report: &Report) -> u64 {
    let mut brands = 0_u64;
    for name in ["brand", "competitors"] {
        let text = report.parameter(name).unwrap_or_default();
        let named = text.split(',').filter(|brand| !brand.is_empty());
        brands += u64::try_from(named.count()).unwrap_or(u64::MAX);
    }
    brands
}
