//! The roll-up of a table, and what is known of its partitions, in a bucket.

use bytes::Bytes;

use super::lease::{Tracked, parse};
use super::record::RollUp;
use super::{Bucket, BucketState, nonce};
use crate::error::Result;
use crate::store::listing::to_json;
use crate::store::{SYSTEM_FOLDER, TableRecord, UNPARTITIONED};
use crate::table::manifest::PartitionState;

/// The one object of a partition. A commit replaces it whole.
pub const OBJECT: &str = "part-00000.parquet";

const JSON: &str = ".json";

impl Bucket {
    /// Name of a partition's object, below the bucket's prefix.
    pub fn partition_object(&self, report: &str, partition: &str) -> String {
        if partition == UNPARTITIONED {
            format!("{report}/{OBJECT}")
        } else {
            format!("{report}/{partition}/{OBJECT}")
        }
    }

    /// State of a partition; `None` if nothing was ever committed or begun.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read or is no state.
    pub async fn partition(&self, report: &str, partition: &str) -> Result<Option<PartitionState>> {
        let tracked = Tracked::<BucketState>::load(self, &state_name(report, partition)).await?;
        Ok(tracked.map(|tracked| tracked.value.state))
    }

    /// Names of a table's partitions that have a state, in order.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn partitions(&self, report: &str) -> Result<Vec<String>> {
        let (objects, _) = self
            .children(&format!("{SYSTEM_FOLDER}/tables/{report}"))
            .await?;
        let mut names: Vec<_> = objects
            .iter()
            .filter_map(|name| name.strip_suffix(JSON).map(str::to_owned))
            .collect();
        names.sort();
        Ok(names)
    }

    /// Names of the tables of which anything is known, in order.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub async fn tables(&self) -> Result<Vec<String>> {
        let (objects, mut names) = self.children(&format!("{SYSTEM_FOLDER}/tables")).await?;
        names.extend(
            objects
                .iter()
                .filter_map(|name| name.strip_suffix(JSON).map(str::to_owned)),
        );
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// What is recorded about a table; nothing yet is the default.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`] if it cannot be read or is no record.
    pub async fn table(&self, report: &str) -> Result<TableRecord> {
        let name = table_name(report);
        match self.get(&name).await? {
            Some(object) => Ok(parse::<RollUp>(self, &name, &object.bytes)?.record),
            None => Ok(TableRecord::default()),
        }
    }

    /// Puts a commit into the roll-up. Done twice, it costs readers a look.
    pub(super) async fn roll_up(&self, state: &PartitionState) -> Result<()> {
        self.update_table(&state.report, |record| {
            record.commit_number = (record.commit_number + 1).max(state.generation);
            record
                .partitions
                .insert(state.partition.clone(), record.commit_number);
            Ok(())
        })
        .await
    }

    /// Changes a table's record by compare-and-swap, as often as somebody else was faster.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`], or what `change` says.
    pub async fn update_table<T>(
        &self,
        report: &str,
        change: impl Fn(&mut TableRecord) -> Result<T>,
    ) -> Result<T> {
        let name = table_name(report);
        loop {
            let (mut roll_up, version) = match self.get(&name).await? {
                Some(object) => (
                    parse::<RollUp>(self, &name, &object.bytes)?,
                    Some(object.version),
                ),
                None => (self.lost_roll_up(report).await?, None),
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

    /// A roll-up to begin with: where one was lost, its number goes on above all commits that the partitions have seen.
    async fn lost_roll_up(&self, report: &str) -> Result<RollUp> {
        let mut roll_up = RollUp::default();
        for partition in self.partitions(report).await? {
            let Some(tracked) =
                Tracked::<BucketState>::load(self, &state_name(report, &partition)).await?
            else {
                continue;
            };
            // A commit that is not in the roll-up yet puts itself in.
            let generation = tracked
                .value
                .state
                .generation
                .saturating_sub(u64::from(tracked.value.owes_roll_up));
            if generation > 0 {
                roll_up.record.commit_number += generation;
                roll_up.record.partitions.insert(partition, generation);
            }
        }
        Ok(roll_up)
    }
}

pub(super) fn state_name(report: &str, partition: &str) -> String {
    format!("{SYSTEM_FOLDER}/tables/{report}/{partition}{JSON}")
}

/// Table and partition of a partition's object, by its name.
pub(super) fn table_of(name: &str) -> Option<(&str, &str)> {
    let folder = name.strip_suffix(OBJECT)?.strip_suffix('/')?;
    Some(folder.split_once('/').unwrap_or((folder, UNPARTITIONED)))
}

fn table_name(report: &str) -> String {
    format!("{SYSTEM_FOLDER}/tables/{report}{JSON}")
}
