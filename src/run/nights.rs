//! Nights that were begun: which tasks each set out to do, kept until all of them are committed.
//!
//! A record says what was intended, never how far it came: that is a fold over saved answers and committed partitions.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::history;
use super::stage::Job;
use crate::config::RunConfig;
use crate::error::Result;
use crate::model::{Night, TaskId};
use crate::plan;
use crate::store::{Store, json_names, read_json, remove, replace, to_json};
use crate::table::Span;

/// Folder of the records below `_backhaul/`.
const FOLDER: &str = "nights";

/// What a night set out to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NightRecord {
    /// Its tasks.
    #[serde(default)]
    pub tasks: BTreeMap<TaskId, Planned>,
}

/// A task, in words that outlive the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Planned {
    /// The table.
    pub report: String,
    /// Name of the target.
    pub target: String,
    /// Its parameters.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Of a history: the days that are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Span>,
}

/// The nights that were begun and are not known to be finished, oldest first.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(super) fn begun(store: &Store) -> Result<BTreeMap<Night, NightRecord>> {
    let mut nights = BTreeMap::new();
    for name in json_names(&store.system(FOLDER))? {
        if let Ok(night) = name.parse()
            && let Some(record) = read(store, night)?
        {
            nights.insert(night, record);
        }
    }
    Ok(nights)
}

/// Writes down, before anything is sent, what the jobs of this run set out to do.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(super) fn begin(store: &Store, config: &RunConfig, jobs: &[Job], who: &str) -> Result<()> {
    let _lock = store.lock_folder(FOLDER, who)?;
    let mut records: BTreeMap<Night, NightRecord> = BTreeMap::new();
    for job in jobs {
        let record = records.entry(job.night).or_default();
        let report = config.reports.get(job.task.report).map(|report| report.name.clone()).unwrap_or_default();
        let target = config.target_name(job.task.target).to_owned();
        let params = job.task.parameters.iter().cloned().collect();
        let is_history = config.reports.get(job.task.report).is_some_and(history::is_history);
        let window = plan::window_of(&job.task).filter(|_| is_history);
        record.tasks.insert(job.task.id.clone(), Planned { report, target, params, window });
    }
    for (night, mut record) in records {
        let known = read(store, night)?.unwrap_or_default();
        let before = known.clone();
        for (task, planned) in known.tasks {
            record.tasks.entry(task).or_insert(planned);
        }
        if record != before {
            write(store, night, &record)?;
        }
    }
    Ok(())
}

/// Strikes tasks off; a night of which nothing is left is closed.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub(super) fn strike(store: &Store, night: Night, closed: &BTreeSet<TaskId>, who: &str) -> Result<()> {
    let _lock = store.lock_folder(FOLDER, who)?;
    let Some(record) = read(store, night)? else { return Ok(()) };
    let mut left = record.clone();
    left.tasks.retain(|task, _| !closed.contains(task));
    if left.tasks.is_empty() {
        remove(&path(store, night))
    } else if left == record {
        Ok(())
    } else {
        write(store, night, &left)
    }
}

fn path(store: &Store, night: Night) -> PathBuf {
    store.system(FOLDER).join(format!("{night}.json"))
}

fn write(store: &Store, night: Night, record: &NightRecord) -> Result<()> {
    replace(&path(store, night), &to_json(record)?)
}

fn read(store: &Store, night: Night) -> Result<Option<NightRecord>> {
    let path = path(store, night);
    let next = format!("delete {}, then: backhaul run --date {night}", path.display());
    read_json(&path).map_err(|error| error.with_next(next))
}
