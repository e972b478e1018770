//! What is known of the tasks of a report before it is fetched: committed tasks, row counts, saved answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use crate::config::{Report, RunConfig};
use crate::costs::row_counts::Counts;
use crate::error::Result;
use crate::fetch::batch_split::members_of_unsplit_batches;
use crate::landing::ResponseStore;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::ScheduledTask;
use crate::schedule::last_run::is_base;
use crate::state::open::{open_read_only, response_store};
use crate::state::workspace::Workspace;
use crate::store::Store;
use crate::table::manifest::TaskEntry;

/// Partitions of a report that are looked through, the newest first: a month of nights and some.
const NIGHTS_BACK: usize = 40;

/// What a destination knows that estimates rest on.
pub(super) struct Knowledge {
    pub store: Store,
    pub landing: ResponseStore,
    pub counts: Counts,
    /// Tasks whose answers wait in batches that a killed run left unsplit.
    pub unsplit: BTreeSet<(SnapshotDate, TaskId)>,
    workspace: Workspace,
}

impl Knowledge {
    /// Reads it.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] or [`crate::error::ErrorCode::Corrupt`] if it cannot be read.
    pub fn read(config: &RunConfig, today: NaiveDate) -> Result<Self> {
        let store = open_read_only(config)?;
        let landing = response_store(config, &store);
        Ok(Self {
            workspace: Workspace::load(&store, &config.source.base_url),
            counts: Counts::read(config, &store, today)?,
            unsplit: members_of_unsplit_batches(&landing)?,
            landing,
            store,
        })
    }

    /// The row cap that answers of an operation have shown.
    pub fn row_cap(&self, report: &Report) -> Option<u64> {
        let cap = self.workspace.row_caps.get(&report.endpoint.name)?;
        Some(u64::from(*cap))
    }

    /// The newest commit of each task; of a report of changes the newest that is no base, where there is one.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if a state cannot be read.
    pub fn last_entries(
        &self,
        report: &Report,
        jobs: &[&ScheduledTask],
    ) -> Result<BTreeMap<TaskId, TaskEntry>> {
        let mut entries: BTreeMap<TaskId, TaskEntry> = BTreeMap::new();
        let mut partitions = self.store.partitions(&report.name)?;
        partitions.sort_unstable();
        for partition in partitions.iter().rev().take(NIGHTS_BACK) {
            if !entries.is_empty() && has_all(&entries, report, jobs) {
                break;
            }
            let state = self.store.partition(&report.name, partition)?;
            let Some(committed) = state.and_then(|state| state.committed) else {
                continue;
            };
            for entry in committed.tasks {
                match entries.get_mut(&entry.task) {
                    None => {
                        entries.insert(entry.task.clone(), entry);
                    }
                    Some(held) => {
                        if report.changes.is_some() && is_base(held) && !is_base(&entry) {
                            *held = entry;
                        }
                    }
                }
            }
        }
        Ok(entries)
    }
}

fn has_all(
    entries: &BTreeMap<TaskId, TaskEntry>,
    report: &Report,
    jobs: &[&ScheduledTask],
) -> bool {
    for job in jobs {
        match entries.get(&job.task.id) {
            Some(entry) if report.changes.is_none() || !is_base(entry) => {}
            _ => return false,
        }
    }
    true
}
