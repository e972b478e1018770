//! What is recorded of tables and partitions, and how it changes, wherever it is kept.
//!
//! The roll-up of a table has its recorded columns and a commit number that only grows. All of it can be rebuilt from the
//! partitions' states; it exists so that a reader need not list them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Code, Error, Result};
use crate::table::manifest::{Committed, PartitionState, UnfinishedStatus, UnfinishedTask};
use crate::table::{RecordedColumn, evolve};

/// Stands for the partition of a table that has none.
pub const UNPARTITIONED: &str = "all";

/// Which partition a commit is for. Written before anything of it, deleted when nothing of it is left to be settled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intent {
    pub report: String,
    pub partition: String,
}

/// What is recorded about a whole table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TableRecord {
    /// Grows by one with every commit to any partition.
    #[serde(default)]
    pub commit_number: u64,
    /// Catalog name of the endpoint that the table was first filled from.
    #[serde(default)]
    pub endpoint: String,
    /// Every column that any file of the table has, in the order first recorded.
    #[serde(default)]
    pub columns: Vec<RecordedColumn>,
    /// The keys of its partitions' folders below the night's, in order.
    #[serde(default)]
    pub partition_by: Vec<String>,
    /// What each preset meant when the table first used it.
    #[serde(default)]
    pub presets: BTreeMap<String, Vec<String>>,
    /// The commit number at which each partition last changed.
    #[serde(default)]
    pub partitions: BTreeMap<String, u64>,
}

impl TableRecord {
    /// Takes what a report wants of the table, if it can be had. Gives the columns that the table's files must have.
    ///
    /// # Errors
    /// As [`TableRecord::admits`]; nothing is taken then.
    pub fn admit(
        &mut self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        let columns = self.admits(report, endpoint, wanted, partition_by)?;
        endpoint.clone_into(&mut self.endpoint);
        partition_by.clone_into(&mut self.partition_by);
        self.columns.clone_from(&columns);
        Ok(columns)
    }

    /// The columns that the table would have with these as well.
    ///
    /// # Errors
    /// [`Code::Schema`] if a column would change its type, if the table belongs to another endpoint, or if its partitions
    /// are laid out by other keys.
    pub fn admits(
        &self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        if !self.endpoint.is_empty() && self.endpoint != endpoint {
            let message = format!(
                "the table `{report}` holds {} and would be filled from {endpoint}",
                self.endpoint
            );
            return Err(Error::new(Code::Schema, message)
                .with_next("give the report a new name: a table keeps its endpoint"));
        }
        if !self.partitions.is_empty() && self.partition_by != partition_by {
            let keys = |keys: &[String]| {
                std::iter::once("snapshot_date")
                    .chain(keys.iter().map(String::as_str))
                    .collect::<Vec<_>>()
                    .join(", ")
            };
            let (now, wanted) = (keys(&self.partition_by), keys(partition_by));
            let message =
                format!("the table `{report}` is partitioned by {now} and would be by {wanted}");
            return Err(Error::new(Code::Schema, message).with_next(format!(
                "backhaul rebuild --report {report}   (0 units; readers need all nights alike)"
            )));
        }
        evolve(&self.columns, wanted).map_err(|error| error.with_context("table", report))
    }
}

/// Strikes off the tasks that a commit brought: all but those that it took over as they were.
pub(super) fn settle(
    unfinished: &mut Vec<UnfinishedTask>,
    before: Option<&Committed>,
    next: &Committed,
) {
    let is_new = |task: &UnfinishedTask| {
        let entry = next.tasks.iter().find(|entry| entry.task == task.task);
        let old =
            before.and_then(|before| before.tasks.iter().find(|entry| entry.task == task.task));
        entry.is_some() && entry != old
    };
    unfinished.retain(|task| !is_new(task));
}

/// Adds to a state what is said of tasks that did not end in a commit; `known` is what was committed before the state was
/// settled. Says whether anything changed.
pub(super) fn add_unfinished(
    state: &mut PartitionState,
    known: Option<&Committed>,
    mut tasks: Vec<UnfinishedTask>,
) -> bool {
    if let Some(committed) = &state.committed {
        // A commit that failed after its rows were in place did not fail.
        settle(&mut tasks, known, committed);
    }
    let before = state.unfinished.clone();
    tasks.retain(|task| {
        task.status != UnfinishedStatus::Skipped || state.task(&task.task).is_none()
    });
    state
        .unfinished
        .retain(|known| !tasks.iter().any(|task| task.task == known.task));
    state.unfinished.extend(tasks);
    state
        .unfinished
        .sort_by(|left, right| (&left.target, &left.params).cmp(&(&right.target, &right.params)));
    state.unfinished != before
}
