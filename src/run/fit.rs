//! A change of the configuration with which a run fits into a number of units: the dearest columns go first, then rows.
//! Every proposal is estimated again before it is made.

use chrono::NaiveDate;

use super::estimate::estimate;
use crate::catalog::{FREE_ROWS, Presets, Pricing};
use crate::config::{Report, RunConfig};
use crate::error::Result;
use crate::plan::{self, Selection};
use crate::report::{Change, ColumnShare, Estimate, Fit};

/// Looks for a change that fits.
///
/// # Errors
/// As [`estimate`].
pub fn fit(config: &RunConfig, today: NaiveDate, selection: &Selection, now: &Estimate, wanted: u64) -> Result<Fit> {
    let again = |config: &RunConfig| estimate(config, today, selection, false);
    let mut changed = config.clone();
    let mut after = now.clone();
    while after.units > wanted && drop_columns(&mut changed, &after) {
        after = again(&changed)?;
    }
    for report in by_price(&after) {
        if after.units <= wanted {
            break;
        }
        let Some(place) = changed.reports.iter().position(|of| of.name == report) else { continue };
        if let Some(rows) = fuse(&changed, place, wanted, &again)? {
            set_fuse(&mut changed, place, rows);
            after = again(&changed)?;
        }
    }
    let changes = config.reports.iter().zip(&changed.reports).filter_map(|(old, new)| change(old, new)).collect();
    Ok(Fit { wanted, units: after.units, fits: after.units <= wanted, columns: shares(config, now), changes })
}

/// What each column costs, the dearest first; columns that only paging needs stand for themselves.
fn shares(config: &RunConfig, now: &Estimate) -> Vec<ColumnShare> {
    let mut shares = Vec::new();
    for report in &config.reports {
        let Some(own) = now.reports.iter().find(|own| own.name == report.name) else { continue };
        let price = plan::price_per_row(report);
        if price == 0 || own.units == 0 {
            continue;
        }
        let mut named: Vec<(String, u64)> = report
            .columns
            .iter()
            .map(|column| (column.clone(), report.endpoint.units_per_row([column.as_str()])))
            .collect();
        let selected: u64 = named.iter().map(|(_, units)| units).sum();
        named.push(("(filter and paging)".to_owned(), price.saturating_sub(selected)));
        shares.extend(named.into_iter().filter(|(_, units)| *units > 0).map(|(column, units_per_row)| ColumnShare {
            report: report.name.clone(),
            column,
            units_per_row,
            units: own.units.saturating_mul(units_per_row) / price,
        }));
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.units));
    shares
}

/// Takes the column out that saves most; those of the smallest preset only when no others are left. False if none is left.
fn drop_columns(config: &mut RunConfig, now: &Estimate) -> bool {
    for spares_the_least in [true, false] {
        let mut best: Option<(u64, usize, usize)> = None;
        for (place, report) in config.reports.iter().enumerate() {
            let Some(own) = now.reports.iter().find(|own| own.name == report.name) else { continue };
            if !report.endpoint.has_select() || report.endpoint.pricing != Pricing::PerRow || report.columns.len() < 2 {
                continue;
            }
            let least = report.endpoint.presets.get(Presets::NAMES[0]).unwrap_or_default();
            let before = plan::price_per_row(report);
            for (at, column) in report.columns.iter().enumerate() {
                if least.contains(column) && (spares_the_least || report.endpoint.identity.contains(column)) {
                    continue;
                }
                let saved = before.saturating_sub(plan::price_per_row(&without(report, at)));
                let units = own.units.saturating_mul(saved) / before.max(1);
                if units > 0 && best.is_none_or(|(most, _, _)| units > most) {
                    best = Some((units, place, at));
                }
            }
        }
        if let Some((_, place, at)) = best
            && let Some(report) = config.reports.get_mut(place)
        {
            *report = without(report, at);
            return true;
        }
    }
    false
}

fn without(report: &Report, at: usize) -> Report {
    let mut report = report.clone();
    report.columns.remove(at);
    report
}

/// Names of the reports, the dearest first.
fn by_price(now: &Estimate) -> Vec<String> {
    let mut reports: Vec<_> = now.reports.iter().collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.units));
    reports.into_iter().map(|report| report.name.clone()).collect()
}

/// The most rows a task with which the run fits, in hundreds; if none does, the fewest. None where rows cannot be limited.
fn fuse(
    config: &RunConfig,
    place: usize,
    wanted: u64,
    again: &impl Fn(&RunConfig) -> Result<Estimate>,
) -> Result<Option<u64>> {
    let step = u64::from(FREE_ROWS);
    let Some(report) = config.reports.get(place).filter(|report| report.endpoint.parameter("limit").is_some()) else {
        return Ok(None);
    };
    let most = report.max_rows.unwrap_or(1 << 24) / step;
    let (mut fits, mut fails) = (1_u64, most.max(2));
    while fails - fits > 1 {
        let middle = fits.midpoint(fails);
        let mut tried = config.clone();
        set_fuse(&mut tried, place, middle * step);
        if again(&tried)?.units <= wanted { fits = middle } else { fails = middle }
    }
    Ok(Some(fits * step))
}

fn set_fuse(config: &mut RunConfig, place: usize, rows: u64) {
    if let Some(report) = config.reports.get_mut(place) {
        report.max_rows = Some(rows);
    }
}

fn change(old: &Report, new: &Report) -> Option<Change> {
    let dropped: Vec<String> = old.columns.iter().filter(|column| !new.columns.contains(column)).cloned().collect();
    let max_rows = new.max_rows.filter(|rows| old.max_rows != Some(*rows));
    (!dropped.is_empty() || max_rows.is_some()).then(|| Change {
        report: old.name.clone(),
        columns: if dropped.is_empty() { Vec::new() } else { new.columns.clone() },
        dropped,
        max_rows,
    })
}
