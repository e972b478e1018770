//! What each warehouse was given: the commit number of every partition, as acknowledged.
//!
//! A destination's commit number is the sum of its tables' own, so it grows by one with each commit to any table. What was
//! printed for a number is kept until a number is acknowledged that is no smaller: then it is known exactly which commits
//! of which partitions a warehouse has, whatever was committed meanwhile.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use crate::error::{Code, Error, Result};
use crate::store::{SharedFiles, Store, to_json};

/// Commit numbers by table and partition.
pub type Numbers = BTreeMap<String, BTreeMap<String, u64>>;

/// What is committed now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The destination's commit number.
    pub number: u64,
    /// The commit number at which each partition last changed.
    pub partitions: Numbers,
}

/// What a warehouse has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The last number that was acknowledged.
    #[serde(default)]
    pub number: u64,
    /// The commit number of each partition that it has.
    #[serde(default)]
    pub partitions: Numbers,
}

const DONE: &str = "done.json";

fn files(store: &Store, engine: Engine) -> SharedFiles {
    store.files(&format!("warehouses/{}", engine.name()))
}

fn plan_name(number: u64) -> String {
    format!("{number:012}.json")
}

impl Plan {
    /// What is committed in a destination.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn of(store: &Store) -> Result<Self> {
        let mut plan = Self::default();
        for table in store.tables()? {
            let record = store.table(&table)?;
            plan.number += record.commit_number;
            plan.partitions.insert(table, record.partitions);
        }
        Ok(plan)
    }

    /// Keeps what was printed, so that it can be acknowledged by its number.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn keep(&self, store: &Store, engine: Engine) -> Result<()> {
        files(store, engine).replace(&plan_name(self.number), to_json(self)?.into())
    }

    /// The partitions of a table that a warehouse has not as they are, in order: changed ones, and ones that are gone.
    pub fn pending(&self, table: &str, has: &Acknowledged) -> Vec<String> {
        let (none, known) = (BTreeMap::new(), has.partitions.get(table));
        let (now, known) = (
            self.partitions.get(table).unwrap_or(&none),
            known.unwrap_or(&none),
        );
        let changed = now
            .iter()
            .filter(|(name, number)| known.get(*name) != Some(*number));
        let gone = known.keys().filter(|name| !now.contains_key(*name));
        let mut names: Vec<String> = changed
            .map(|(name, _)| name.clone())
            .chain(gone.cloned())
            .collect();
        names.sort();
        names
    }
}

impl Acknowledged {
    /// What a warehouse has, as far as it was acknowledged.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn load(store: &Store, engine: Engine) -> Result<Self> {
        Ok(files(store, engine).load_json(DONE)?.unwrap_or_default())
    }

    /// Takes note that a warehouse has what was printed for a number, as far as `is_meant` says of table and partition.
    ///
    /// # Errors
    /// [`Code::Usage`] for a number that was never printed.
    pub fn acknowledge(
        store: &Store,
        engine: Engine,
        number: u64,
        is_meant: impl Fn(&str, &str) -> bool,
    ) -> Result<Self> {
        let files = files(store, engine);
        let now = Plan::of(store)?;
        let plan = match files.load_json(&plan_name(number))? {
            Some(plan) => plan,
            None if now.number == number => now,
            None => return Err(unknown(engine, number, now.number)),
        };
        let mut has = Self::load(store, engine)?;
        for (table, partitions) in &plan.partitions {
            let known = has.partitions.entry(table.clone()).or_default();
            known.retain(|name, _| partitions.contains_key(name) || !is_meant(table, name));
            for (name, at) in partitions.iter().filter(|(name, _)| is_meant(table, name)) {
                let held = known.entry(name.clone()).or_default();
                *held = (*held).max(*at);
            }
        }
        has.number = has.number.max(number);
        files.replace(DONE, to_json(&has)?.into())?;
        for name in files.json_names()? {
            if name.parse::<u64>().is_ok_and(|kept| kept < number) {
                files.remove(&format!("{name}.json"))?;
            }
        }
        Ok(has)
    }
}

fn unknown(engine: Engine, number: u64, now: u64) -> Error {
    let message = format!(
        "nothing was printed for {} with the number {number}",
        engine.title()
    );
    Error::new(Code::Usage, message)
        .with_context("commit number now", now.to_string())
        .with_next(format!(
            "backhaul load {} --pending   prints the number to acknowledge",
            engine.name()
        ))
}
