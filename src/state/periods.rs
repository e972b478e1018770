//! Partitions of histories: one folder a year.

use crate::catalog::Catalog;
use crate::config::{Report, RunConfig};
use crate::error::{Error, ErrorCode, Result};
use crate::store::{Store, TableRecord};
use crate::table::{DateRange, parse_segment, segment};

/// Key of the partitions of a history.
const PERIOD: &str = "period";

/// Folder of a year's partition of a history.
pub(crate) fn period_name(year: i32) -> String {
    segment(PERIOD, &format!("{year:04}"))
}

/// The days of a partition of a history; `None` for the name of any other.
pub(crate) fn period_of(partition: &str) -> Option<DateRange> {
    let (key, year) = parse_segment(partition)?;
    DateRange::of_year(year.parse().ok()?).filter(|_| key == PERIOD)
}

/// Whether a report fills a history.
pub(crate) fn is_history(report: &Report) -> bool {
    report.endpoint.history_column().is_some()
}

/// The same of a table, which need not be in the configuration.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if its record cannot be read.
pub(crate) fn is_history_table(config: &RunConfig, store: &Store, table: &str) -> Result<bool> {
    if let Some(report) = config.reports.iter().find(|report| report.name == table) {
        return Ok(is_history(report));
    }
    let record = store.table(table)?;
    match Catalog::embedded().endpoint(&record.endpoint) {
        Some(endpoint) => Ok(endpoint.history_column().is_some()),
        None => Ok(false),
    }
}

/// Refuses a table that is laid out by night where the report fills a history, or the other way round: readers find the
/// partitions of a table by one key.
///
/// # Errors
/// [`ErrorCode::Schema`].
pub(crate) fn check_layout(store: &Store, report: &Report, record: &TableRecord) -> Result<()> {
    let mut partitions = record.partitions.keys();
    let Some(other) = partitions.find(|name| period_of(name).is_some() != is_history(report))
    else {
        return Ok(());
    };
    let message = format!(
        "the table `{}` is laid out by night, a history by year",
        report.name
    );
    Err(Error::new(ErrorCode::Schema, message)
        .with_context("partition", format!("{}/{other}", report.name))
        .with_hint(format!(
            "give the report a new name; {} stays unchanged",
            store.location_of(&report.name)
        )))
}
