//! Nights that were begun: which tasks each set out to do, kept until all of them are committed.
//!
//! A record says what was intended, never how far it came: that is a fold over saved answers and committed partitions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::stage::Job;
use crate::config::RunConfig;
use crate::error::{Code, Error, Result};
use crate::model::{Night, TaskId};
use crate::store::{Store, remove, replace};

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
}

/// The nights that were begun and are not known to be finished, oldest first.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn begun(store: &Store) -> Result<BTreeMap<Night, NightRecord>> {
    let folder = store.system(FOLDER);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(unreadable(&folder, error)),
    };
    let mut nights = BTreeMap::new();
    for entry in entries {
        let name = entry.map_err(|error| unreadable(&folder, error))?.file_name();
        let night = name.to_str().and_then(|name| name.strip_suffix(".json")).and_then(|name| name.parse().ok());
        if let Some(night) = night
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
/// [`Code::Destination`].
pub(super) fn begin(store: &Store, config: &RunConfig, jobs: &[Job], who: &str) -> Result<()> {
    let _lock = store.lock_folder(FOLDER, who)?;
    let mut records: BTreeMap<Night, NightRecord> = BTreeMap::new();
    for job in jobs {
        let record = records.entry(job.night).or_default();
        let report = config.reports.get(job.task.report).map(|report| report.name.clone()).unwrap_or_default();
        let target = config.targets.get(job.task.target).map(|target| target.name.clone()).unwrap_or_default();
        record.tasks.insert(job.task.id.clone(), Planned { report, target });
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

/// Strikes off what is finished, or given up; a night of which nothing is left is closed.
///
/// # Errors
/// [`Code::Destination`].
pub(super) fn settle(
    store: &Store,
    night: Night,
    is_open: impl Fn(&TaskId, &Planned) -> Result<bool>,
    who: &str,
) -> Result<()> {
    let _lock = store.lock_folder(FOLDER, who)?;
    let Some(record) = read(store, night)? else { return Ok(()) };
    let mut left = NightRecord::default();
    for (task, planned) in &record.tasks {
        if is_open(task, planned)? {
            left.tasks.insert(task.clone(), planned.clone());
        }
    }
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
    let bytes = serde_json::to_vec_pretty(record)
        .map_err(|error| Error::new(Code::Internal, "the record of a night cannot be written").with_source(error))?;
    replace(&path(store, night), &bytes)
}

fn read(store: &Store, night: Night) -> Result<Option<NightRecord>> {
    let path = path(store, night);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(Code::Destination, format!("{} is damaged", path.display()))
            .with_source(error)
            .with_next(format!("delete the file, then: backhaul run --date {night}"))
    })
}

fn unreadable(path: &std::path::Path, error: std::io::Error) -> Error {
    Error::new(Code::Destination, format!("cannot read {}", path.display())).with_source(error)
}
