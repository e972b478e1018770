//! Columns that the API has refused in a run. With `on_removed_column = "null"` they stay in the table as nulls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use crate::config::Report;

/// What the API refused in this run, by report.
#[derive(Debug, Default)]
pub(crate) struct RemovedColumns(Mutex<BTreeMap<String, BTreeSet<String>>>);

impl RemovedColumns {
    /// The columns of a report that are not asked for any more.
    pub fn of(&self, report: &Report) -> BTreeSet<String> {
        self.lock().get(&report.name).cloned().unwrap_or_default()
    }

    /// The columns that are still asked for.
    pub fn remaining(&self, report: &Report, columns: &[String]) -> Vec<String> {
        let removed = self.of(report);
        columns
            .iter()
            .filter(|column| !removed.contains(*column))
            .cloned()
            .collect()
    }

    /// Adds columns that are not asked for any more.
    pub fn add(&self, report: &Report, columns: impl IntoIterator<Item = String>) {
        let mut columns = columns.into_iter().peekable();
        if columns.peek().is_some() {
            self.lock()
                .entry(report.name.clone())
                .or_default()
                .extend(columns);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, BTreeSet<String>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
