//! Open nights: the planned tasks of each, kept until all of them are committed.
//!
//! A record states the plan, not the progress: that follows from saved responses and committed partitions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::RunConfig;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{SnapshotDate, TaskId};
use crate::plan;
use crate::plan::ScheduledTask;
use crate::state::periods;
use crate::store::{SharedFiles, Store, to_json};
use crate::table::DateRange;

/// Folder of the records below `_backhaul/`.
const FOLDER: &str = "nights";

/// The planned tasks of a night.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct OpenNight {
    /// Its tasks.
    #[serde(default)]
    pub tasks: BTreeMap<TaskId, PlannedTask>,
}

/// A task, in words that outlive the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PlannedTask {
    /// The table.
    pub report: String,
    /// Name of the target.
    pub target: String,
    /// Its parameters.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    /// Of a history: the days that are asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<DateRange>,
}

/// The nights that were begun and are not known to be finished, oldest first.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn load_open_nights(store: &Store) -> Result<BTreeMap<SnapshotDate, OpenNight>> {
    let files = store.files(FOLDER);
    let mut nights = BTreeMap::new();
    for name in files.json_names()? {
        if let Ok(night) = name.parse()
            && let Some(bytes) = files.load(&file(night))?
        {
            nights.insert(night, read(&files, night, &bytes)?);
        }
    }
    Ok(nights)
}

/// Records, before any request is sent, the planned tasks of this run.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn record_planned(
    store: &Store,
    config: &RunConfig,
    jobs: &[ScheduledTask],
) -> Result<()> {
    let files = store.files(FOLDER);
    let mut records: BTreeMap<SnapshotDate, OpenNight> = BTreeMap::new();
    for job in jobs {
        let record = records.entry(job.night).or_default();
        let report = config
            .reports
            .get(job.task.report)
            .map(|report| report.name.clone())
            .unwrap_or_default();
        let target = config.target_name(job.task.target).to_owned();
        let params = job.task.parameters.iter().cloned().collect();
        let is_history = config
            .reports
            .get(job.task.report)
            .is_some_and(periods::is_history);
        let window = plan::window_of(&job.task).filter(|_| is_history);
        record.tasks.insert(
            job.task.id.clone(),
            PlannedTask {
                report,
                target,
                params,
                window,
            },
        );
    }
    for (night, planned) in records {
        files.update(&file(night), &|before| {
            let before = match before {
                Some(bytes) => read(&files, night, bytes)?,
                None => OpenNight::default(),
            };
            let mut record = before.clone();
            record.tasks.extend(planned.tasks.clone());
            if record == before {
                Ok(None)
            } else {
                to_json(&record).map(Some)
            }
        })?;
    }
    Ok(())
}

/// Removes tasks; a night without tasks left is closed.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn remove_closed(
    store: &Store,
    night: SnapshotDate,
    closed: &BTreeSet<TaskId>,
) -> Result<()> {
    let files = store.files(FOLDER);
    files.update(&file(night), &|before| {
        let Some(before) = before else {
            return Ok(None);
        };
        let mut left = read(&files, night, before)?;
        let tasks = left.tasks.len();
        left.tasks.retain(|task, _| !closed.contains(task));
        match left.tasks.len() {
            0 => Ok(Some(Vec::new())),
            same if same == tasks => Ok(None),
            _ => to_json(&left).map(Some),
        }
    })
}

fn file(night: SnapshotDate) -> String {
    format!("{night}.json")
}

fn read(files: &SharedFiles, night: SnapshotDate, bytes: &[u8]) -> Result<OpenNight> {
    serde_json::from_slice(bytes).map_err(|error| {
        let path = files.location_of(&file(night));
        Error::new(ErrorCode::Destination, format!("{path} is damaged"))
            .with_source(error)
            .with_hint(format!("delete {path}, then: backhaul run --date {night}"))
    })
}
