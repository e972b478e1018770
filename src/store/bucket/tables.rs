//! The roll-up of a table, and the states of its partitions, in a bucket.

use bytes::Bytes;

use super::client::Bucket;
use super::nonce::nonce;
use super::state::{BucketState, RollUp};
use super::versioned_record::{VersionedRecord, parse_object};
use crate::error::Result;
use crate::store::json::to_json;
use crate::store::layout::{SYSTEM_FOLDER, UNPARTITIONED, partition_file};
use crate::store::table_record::TableRecord;
use crate::table::manifest::PartitionState;

/// The one object of a partition. A commit replaces it whole.
pub const OBJECT: &str = "part-00000.parquet";

const JSON: &str = ".json";

impl Bucket {
    /// As [`crate::store::Store::partition`].
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read or is damaged.
    pub async fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        let name = state_name(report, partition);
        let record = VersionedRecord::<BucketState>::load(self, &name).await?;
        Ok(record.map(|record| record.value.state))
    }

    /// As [`crate::store::Store::partitions`].
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn partitions(&self, report: &str) -> Result<Vec<String>> {
        let folder = format!("{SYSTEM_FOLDER}/tables/{report}");
        let (objects, _) = self.children(&folder).await?;
        let mut names = json_stems(&objects);
        names.sort();
        Ok(names)
    }

    /// As [`crate::store::Store::tables`].
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn tables(&self) -> Result<Vec<String>> {
        let (objects, mut names) = self.children(&format!("{SYSTEM_FOLDER}/tables")).await?;
        names.extend(json_stems(&objects));
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// As [`crate::store::Store::table`].
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read or is damaged.
    pub async fn table(&self, report: &str) -> Result<TableRecord> {
        let name = table_name(report);
        match self.get(&name).await? {
            Some(object) => Ok(parse_object::<RollUp>(self, &name, &object.bytes)?.record),
            None => Ok(TableRecord::default()),
        }
    }

    /// Adds the last commit of a partition to its table's record.
    pub(super) async fn roll_up(&self, state: &PartitionState) -> Result<()> {
        self.update_table(&state.report, |record| {
            record.add_commit(state);
            Ok(())
        })
        .await
    }

    /// Changes a table's record by compare-and-swap, again whenever another process was faster.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], or the error of `change`.
    pub async fn update_table<T>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T>,
    ) -> Result<T> {
        let name = table_name(report);
        loop {
            let (mut roll_up, version) = match self.get(&name).await? {
                Some(object) => (
                    parse_object::<RollUp>(self, &name, &object.bytes)?,
                    Some(object.version),
                ),
                None => (self.rebuilt_roll_up(report).await?, None),
            };
            let before = roll_up.record.clone();
            let value = change(&mut roll_up.record)?;
            if roll_up.record == before {
                return Ok(value);
            }
            roll_up.nonce = nonce();
            let bytes = Bytes::from(to_json(&roll_up)?);
            let written = match &version {
                Some(version) => self.compare_and_swap(&name, version, bytes).await?,
                None => self.put_if_absent(&name, bytes).await?,
            };
            if written.is_some() {
                return Ok(value);
            }
        }
    }

    /// The first roll-up of a table; where one was lost, its number starts above all commits that the partitions have seen.
    async fn rebuilt_roll_up(&self, report: &str) -> Result<RollUp> {
        let mut roll_up = RollUp::default();
        for partition in self.partitions(report).await? {
            let name = state_name(report, &partition);
            let Some(record) = VersionedRecord::<BucketState>::load(self, &name).await? else {
                continue;
            };
            // A commit that is not in the roll-up yet adds itself.
            let pending = u64::from(record.value.owes_roll_up);
            let generation = record.value.state.generation.saturating_sub(pending);
            if generation > 0 {
                roll_up.record.commit_number += generation;
                roll_up.record.partitions.insert(partition, generation);
            }
        }
        Ok(roll_up)
    }
}

/// Names of the JSON objects, without their suffix.
fn json_stems(objects: &[String]) -> Vec<String> {
    let stems = objects.iter().filter_map(|name| name.strip_suffix(JSON));
    stems.map(str::to_owned).collect()
}

/// Name of a partition's object, below the bucket's prefix.
pub(super) fn partition_object(report: &str, partition: &str) -> String {
    partition_file(report, partition, OBJECT)
}

pub(super) fn state_name(report: &str, partition: &str) -> String {
    format!("{SYSTEM_FOLDER}/tables/{report}/{partition}{JSON}")
}

/// Table and partition of a partition's object, by its name.
pub(super) fn partition_of(name: &str) -> Option<(&str, &str)> {
    let folder = name.strip_suffix(OBJECT)?.strip_suffix('/')?;
    Some(folder.split_once('/').unwrap_or((folder, UNPARTITIONED)))
}

fn table_name(report: &str) -> String {
    format!("{SYSTEM_FOLDER}/tables/{report}{JSON}")
}
