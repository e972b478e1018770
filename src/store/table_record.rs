//! The roll-up of a table: its recorded columns, and a commit number that only grows.
//!
//! All of it can be rebuilt from the partitions' states; it exists so that a reader need not list them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorCode, Result};
use crate::table::manifest::PartitionState;
use crate::table::{RecordedColumn, evolve};

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
    /// The keys of its partitions' folders below the snapshot date, in order.
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
    /// Records the columns and layout that a report wants of the table. Returns the columns that the table's files must
    /// have.
    ///
    /// # Errors
    /// As [`TableRecord::check_columns`]; nothing is recorded then.
    pub(super) fn merge_columns(
        &mut self,
        report: &str,
        endpoint: &str,
        wanted: &[RecordedColumn],
        partition_by: &[String],
    ) -> Result<Vec<RecordedColumn>> {
        let columns = self.check_columns(report, endpoint, wanted, partition_by)?;
        endpoint.clone_into(&mut self.endpoint);
        partition_by.clone_into(&mut self.partition_by);
        self.columns.clone_from(&columns);
        Ok(columns)
    }

    /// The columns that the table would have with these as well.
    ///
    /// # Errors
    /// [`ErrorCode::Schema`] if a column would change its type, if the table belongs to another endpoint, or if its partitions
    /// are laid out by other keys.
    pub fn check_columns(
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
            return Err(Error::new(ErrorCode::Schema, message)
                .with_hint("give the report a new name: a table keeps its endpoint"));
        }
        if !self.partitions.is_empty() && self.partition_by != partition_by {
            let (recorded, wanted) = (key_list(&self.partition_by), key_list(partition_by));
            let message = format!(
                "the table `{report}` is partitioned by {recorded} and would be by {wanted}"
            );
            return Err(Error::new(ErrorCode::Schema, message).with_hint(format!(
                "backhaul rebuild --report {report}   (0 units; readers need all nights alike)"
            )));
        }
        evolve(&self.columns, wanted).map_err(|error| error.with_context("table", report))
    }

    /// Adds the last commit of a partition. Added twice, it costs readers a look.
    pub(super) fn add_commit(&mut self, state: &PartitionState) {
        // Where the roll-up was lost, it starts again above what its partitions have seen.
        self.commit_number = (self.commit_number + 1).max(state.generation);
        self.partitions
            .insert(state.partition.clone(), self.commit_number);
    }
}

/// All keys of a table's partitions, for people.
fn key_list(keys: &[String]) -> String {
    let mut list = "snapshot_date".to_owned();
    for key in keys {
        list.push_str(", ");
        list.push_str(key);
    }
    list
}
