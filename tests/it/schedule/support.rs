//! A source that answers for days to come, and a configuration with a budget.

use std::collections::BTreeSet;

use backhaul::sandbox::Options;
use chrono::{Days, NaiveDate};

use crate::support::{TestContext, parquet_files, today, unlimited};

/// A source that can be asked about days to come, and answers nothing for free.
pub fn days_ahead(rows: u64) -> Options {
    Options {
        clock_offset: chrono::Duration::days(40),
        churn: f64::MIN_POSITIVE,
        ..unlimited(rows)
    }
}

pub fn at_day(context: &mut TestContext, days: u64) -> NaiveDate {
    let time = today().and_hms_opt(2, 0, 0).unwrap().and_utc() + Days::new(days);
    context.set_time(time);
    time.date_naive()
}

/// Writes a configuration with this budget.
pub fn configure(context: &TestContext, budget: &str, targets: &str, reports: &str) {
    context.configure_with(targets, reports);
    context.edit_configuration("per_run = 1_000_000_000\n", budget);
}

pub fn nights_of(context: &TestContext, table: &str) -> BTreeSet<String> {
    let files = parquet_files(&context.destination().join(table));
    files
        .iter()
        .map(|file| {
            file.parent()
                .unwrap()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}
