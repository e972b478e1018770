//! What each warehouse was given: the commit number of every partition, as acknowledged.
//!
//! A destination's commit number is the sum of its tables' own, so it grows by one with each commit to any table. What was
//! printed for a number is stored until the same or a larger number is acknowledged. So it is known exactly which commits of
//! which partitions a warehouse has, even if more was committed in the meantime.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use crate::error::{Error, ErrorCode, Result};
use crate::store::{SharedFiles, Store, to_json};

/// Commit numbers by table and partition.
type PartitionCommits = BTreeMap<String, BTreeMap<String, u64>>;

/// What is committed now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitSnapshot {
    /// The destination's commit number.
    pub number: u64,
    /// The commit number at which each partition last changed.
    pub partitions: PartitionCommits,
}

/// What a warehouse has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The last number that was acknowledged.
    #[serde(default)]
    pub number: u64,
    /// The commit number of each partition that it has.
    #[serde(default)]
    pub partitions: PartitionCommits,
}

const ACKNOWLEDGED_FILE: &str = "done.json";

fn files(store: &Store, engine: Engine) -> SharedFiles {
    store.files(&format!("warehouses/{}", engine.name()))
}

fn snapshot_file(number: u64) -> String {
    format!("{number:012}.json")
}

impl CommitSnapshot {
    /// What is committed in a destination.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn read(store: &Store) -> Result<Self> {
        let mut snapshot = Self::default();
        for table in store.tables()? {
            let record = store.table(&table)?;
            snapshot.number += record.commit_number;
            snapshot.partitions.insert(table, record.partitions);
        }
        Ok(snapshot)
    }

    /// Stores what was printed, so that it can be acknowledged by its number.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn save(&self, store: &Store, engine: Engine) -> Result<()> {
        files(store, engine).replace(&snapshot_file(self.number), to_json(self)?.into())
    }

    /// The partitions of a table that a warehouse does not have as they are now, in order: changed and removed ones.
    pub fn pending(&self, table: &str, acknowledged: &Acknowledged) -> Vec<String> {
        let none = BTreeMap::new();
        let committed = self.partitions.get(table).unwrap_or(&none);
        let known = acknowledged.partitions.get(table).unwrap_or(&none);
        let mut names = Vec::new();
        for (name, number) in committed {
            if known.get(name) != Some(number) {
                names.push(name.clone());
            }
        }
        for name in known.keys() {
            if !committed.contains_key(name) {
                names.push(name.clone());
            }
        }
        names.sort();
        names
    }
}

impl Acknowledged {
    /// What a warehouse has, as far as it was acknowledged.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn load(store: &Store, engine: Engine) -> Result<Self> {
        let stored = files(store, engine).load_json(ACKNOWLEDGED_FILE)?;
        Ok(stored.unwrap_or_default())
    }

    /// Records that a warehouse has what was printed for a number, for the tables and partitions that are selected.
    ///
    /// # Errors
    /// [`ErrorCode::Usage`] for a number that was never printed.
    pub fn acknowledge(
        store: &Store,
        engine: Engine,
        number: u64,
        is_selected: impl Fn(&str, &str) -> bool,
    ) -> Result<Self> {
        let files = files(store, engine);
        let now = CommitSnapshot::read(store)?;
        let printed = match files.load_json(&snapshot_file(number))? {
            Some(printed) => printed,
            None if now.number == number => now,
            None => return Err(unknown_number(engine, number, now.number)),
        };
        let mut acknowledged = Self::load(store, engine)?;
        acknowledged.merge(&printed, is_selected);
        acknowledged.number = acknowledged.number.max(number);
        files.replace(ACKNOWLEDGED_FILE, to_json(&acknowledged)?.into())?;
        for name in files.json_names()? {
            if name.parse::<u64>().is_ok_and(|stored| stored < number) {
                files.remove(&format!("{name}.json"))?;
            }
        }
        Ok(acknowledged)
    }

    fn merge(&mut self, printed: &CommitSnapshot, is_selected: impl Fn(&str, &str) -> bool) {
        for (table, partitions) in &printed.partitions {
            let known = self.partitions.entry(table.clone()).or_default();
            known.retain(|name, _| partitions.contains_key(name) || !is_selected(table, name));
            for (name, number) in partitions {
                if is_selected(table, name) {
                    let known_number = known.entry(name.clone()).or_default();
                    *known_number = (*known_number).max(*number);
                }
            }
        }
    }
}

fn unknown_number(engine: Engine, number: u64, now: u64) -> Error {
    let title = engine.title();
    let message = format!("unknown commit number {number}: it was never printed for {title}");
    Error::new(ErrorCode::Usage, message)
        .with_context("commit number now", now.to_string())
        .with_hint(format!(
            "backhaul load {} --pending   prints the number to acknowledge",
            engine.name()
        ))
}
