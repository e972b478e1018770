//! The remedy of each problem: a command where one helps.

use std::collections::BTreeSet;

use crate::config::RunConfig;
use crate::fetch::saved_history::has_all_responses;
use crate::landing::{Attempt, ResponseStore};
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Selection};
use crate::state::names::night_of;
use crate::state::open::response_store;
use crate::state::periods::period_of;
use crate::state::tombstone;
use crate::store::Store;
use crate::table::manifest::{PartitionState, TaskEntry};
use crate::table::{DateRange, TARGETS, is_system_table};

/// Knows what can be restored.
pub(crate) struct Remedies<'a> {
    config: &'a RunConfig,
    store: &'a Store,
    landing: ResponseStore,
}

impl<'a> Remedies<'a> {
    pub fn new(config: &'a RunConfig, store: &'a Store) -> Self {
        Self {
            config,
            store,
            landing: response_store(config, store),
        }
    }

    /// Of a file that no commit wrote.
    pub fn of_foreign(&self, place: &str) -> String {
        format!(
            "move {} out of the table's folder",
            self.store.location_of(place)
        )
    }

    /// Of a file below `_backhaul/` that is named like data.
    pub fn of_hidden(&self, place: &str) -> String {
        if place.starts_with("_backhaul/staging/") {
            return "backhaul run   (it removes what a killed process left)".to_owned();
        }
        self.of_foreign(place)
            .replace("the table's folder", "_backhaul")
    }

    /// Of a table's record.
    pub fn of_record(&self, table: &str) -> String {
        match table {
            _ if is_system_table(table) => "backhaul rebuild".to_owned(),
            _ if self.is_filled(table) => format!("backhaul rebuild --report {table}"),
            _ => {
                format!(
                    "add the report `{table}` to the configuration again, then: backhaul rebuild --report {table}"
                )
            }
        }
    }

    /// Of rows of some of a partition's tasks.
    pub fn of_tasks(
        &self,
        state: &PartitionState,
        is_affected: impl Fn(&TaskEntry) -> bool,
    ) -> String {
        let table = state.report.as_str();
        if let Some(period) = period_of(&state.partition) {
            return self.of_period(state, period, is_affected);
        }
        let night = night_of(&state.partition);
        let Some(night) = night.filter(|_| !is_system_table(table)) else {
            return match night {
                Some(night) if table != TARGETS => format!("backhaul rebuild --date {night}"),
                _ => "backhaul run   (it rewrites the table of targets)".to_owned(),
            };
        };
        if !self.is_filled(table) {
            return format!(
                "restore it from a backup of the destination: no report of the configuration fills {table}"
            );
        }
        let rebuild = format!("backhaul rebuild --report {table} --date {night}");
        let known = self.known(table, night);
        let mut lost = Vec::new();
        for entry in committed_tasks(state) {
            if is_affected(entry)
                && entry.rows > 0
                && !(known.contains(&entry.task) && self.is_saved(night, entry))
            {
                lost.push(entry.target.as_str());
            }
        }
        if lost.is_empty() {
            return rebuild;
        }
        format!(
            "restore it from a backup of the destination, or fetch again, which costs units: backhaul run --refetch --report {table} \
             --date {night}   (no saved responses of {})",
            lost.join(", ")
        )
    }

    /// Of rows of a period of a history.
    fn of_period(
        &self,
        state: &PartitionState,
        period: DateRange,
        is_affected: impl Fn(&TaskEntry) -> bool,
    ) -> String {
        let table = state.report.as_str();
        let DateRange { first, last } = period;
        let mut last_night: Option<SnapshotDate> = None;
        let mut lost = Vec::new();
        for entry in committed_tasks(state) {
            if !is_affected(entry) {
                continue;
            }
            if let Some(history) = &entry.history {
                last_night = last_night.max(Some(history.night));
            }
            if entry.rows > 0 && !has_all_responses(&self.landing, entry).unwrap_or(false) {
                lost.push(entry.target.as_str());
            }
        }
        if !self.is_filled(table) {
            format!(
                "restore it from a backup of the destination: no report of the configuration fills {table}"
            )
        } else if lost.is_empty() {
            format!("backhaul rebuild --report {table} --from {first} --to {last}")
        } else {
            let last = match last_night {
                Some(night) => last.min(night.date()),
                None => last,
            };
            format!(
                "restore it from a backup of the destination, or fetch again, which costs units: backhaul run --refetch --report \
                 {table} --from {first} --to {last}   (the saved responses of {} do not hold all of it)",
                lost.join(", ")
            )
        }
    }

    fn is_filled(&self, table: &str) -> bool {
        self.config
            .reports
            .iter()
            .any(|report| report.name == table)
    }

    /// Tasks of the configuration.
    fn known(&self, table: &str, night: SnapshotDate) -> BTreeSet<TaskId> {
        let selection = Selection {
            reports: vec![table.to_owned()],
            ..Selection::default()
        };
        let tasks = plan::tasks_of_any_night(self.config, night, &selection).unwrap_or_default();
        tasks.into_iter().map(|task| task.id).collect()
    }

    fn is_saved(&self, night: SnapshotDate, entry: &TaskEntry) -> bool {
        let attempt = Attempt {
            night,
            task: entry.task.clone(),
            number: entry.attempt,
        };
        let Ok(Some(first)) = self.landing.load(&attempt, 0) else {
            return false;
        };
        !tombstone::is_forgotten_at(self.store, &entry.target, first.header.received_at)
            .unwrap_or(false)
    }
}

fn committed_tasks(state: &PartitionState) -> &[TaskEntry] {
    match &state.committed {
        Some(committed) => &committed.tasks,
        None => &[],
    }
}
