//! Units that runs promised to stay within, one small file a run.
//!
//! A run that ends settles its file. Of one that was killed nobody knows what its last requests cost: all that it had
//! promised counts as spent until the account's own figures show otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::limits::Ledger;
use crate::store::{FileLock, Store, json_names, read_json, replace, step, to_json};

/// Folder of the files below `_backhaul/`.
const FOLDER: &str = "units";

/// What is written down of one run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Promise {
    /// Units that it may have come to.
    promised: u64,
    /// Units that it came to, presumed ones included, once that is known.
    #[serde(default)]
    settled: Option<u64>,
}

/// The file of one run.
#[derive(Debug)]
pub(super) struct UnitLedger {
    path: PathBuf,
}

impl UnitLedger {
    /// The ledger of a run; its file comes with the first promise.
    pub fn new(store: &Store, run: &str) -> Self {
        Self { path: store.system(FOLDER).join(format!("{run}.json")) }
    }

    /// The run has ended and came to this.
    ///
    /// # Errors
    /// [`crate::error::Code::Destination`].
    pub fn settle(&self, units: u64) -> Result<()> {
        if self.path.exists() { self.write(&Promise { promised: units, settled: Some(units) }) } else { Ok(()) }
    }

    fn write(&self, promise: &Promise) -> Result<()> {
        replace(&self.path, &to_json(promise)?)
    }
}

impl Ledger for UnitLedger {
    fn promise(&self, total: u64) -> Result<()> {
        self.write(&Promise { promised: total, settled: None })?;
        step("units.promised");
        Ok(())
    }
}

/// Closes the books of runs that were killed: what they had promised counts as spent. Gives a note on each.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(super) fn close_books_of_the_dead(store: &Store, who: &str) -> Result<Vec<String>> {
    let mut notes = Vec::new();
    for run in json_names(&store.system(FOLDER))? {
        let ledger = UnitLedger::new(store, &run);
        // Alive: it settles its own books.
        let Ok(lock) = FileLock::try_acquire(&store.run_lock(&run), who)? else { continue };
        let next = format!("delete {}: its units stay counted by the account itself", ledger.path.display());
        let promise: Promise = read_json(&ledger.path).map_err(|error| error.with_next(next))?.unwrap_or_default();
        if promise.settled.is_none() {
            ledger.settle(promise.promised)?;
        }
        lock.remove(&store.run_lock(&run))?;
        if promise.settled.is_some() {
            continue;
        }
        notes.push(format!(
            "run {run} was cut off: up to {} units that it had set aside count as spent",
            crate::report::count(promise.promised)
        ));
    }
    Ok(notes)
}

/// Runs that have not settled what they promised, with their promises: cut off, or under way.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn unsettled(store: &Store) -> Result<BTreeMap<String, u64>> {
    let open = |(run, promise): (String, Promise)| promise.settled.is_none().then_some((run, promise.promised));
    Ok(promises(store)?.into_iter().filter_map(open).collect())
}

/// Units that each run came to as far as that is known, else what it promised at most.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn at_most(store: &Store) -> Result<BTreeMap<String, u64>> {
    let most = |(run, promise): (String, Promise)| (run, promise.settled.unwrap_or(promise.promised));
    Ok(promises(store)?.into_iter().map(most).collect())
}

fn promises(store: &Store) -> Result<BTreeMap<String, Promise>> {
    let mut promises = BTreeMap::new();
    for run in json_names(&store.system(FOLDER))? {
        let promise = read_json(&UnitLedger::new(store, &run).path)?;
        promises.insert(run, promise.unwrap_or_default());
    }
    Ok(promises)
}
