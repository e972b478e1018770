//! Partitions made again from saved responses, at no cost: a new layout, a mended decoder, a lost file.
//!
//! A task whose responses are gone keeps the rows that it has, as long as its file is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::assemble::{Layout, Opened};
use super::bodies::blocking;
use super::fetch::Fetch;
use super::finished::Finished;
use super::progress::Progress;
use super::stage::{Job, Stage, run_id};
use super::workers::heavy;
use super::{coverage, partition_name, tables};
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Errors, Result};
use crate::model::{Night, TaskId};
use crate::plan::{self, Selection};
use crate::report::PartitionSummary;
use crate::store::{KnownFiles, Store, verify_files};
use crate::table::manifest::PartitionState;
use crate::table::parse_segment;

/// Tasks that are put together at a time.
const TASKS_AT_A_TIME: usize = 2;

/// What was rebuilt.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Partitions as they are now.
    pub partitions: Vec<PartitionSummary>,
    /// Tasks that were put together from saved responses.
    pub tasks: u64,
    /// Tasks whose responses are gone, and which kept the rows that they had.
    pub kept: u64,
    /// What could not be rebuilt; it is as it was.
    pub errors: Errors,
}

/// Rebuilds the selected nights of the selected reports.
///
/// # Errors
/// What keeps anything from being rebuilt: the destination, the selection, a new layout for a part of a table only.
pub async fn rebuild(config: RunConfig, clock: SharedClock, selection: &Selection) -> Result<Rebuilt> {
    let config = Arc::new(config);
    let store = Store::at(&config.destination.path);
    let places = places(&config, &store, selection)?;
    let jobs: Vec<Job> = places.iter().flat_map(|place| place.jobs.clone()).collect();
    let opening = (Arc::clone(&config), run_id(&clock), clock);
    let progress = Arc::new(Progress::default());
    let stage = blocking(move || Stage::open(opening.0, opening.1, jobs, None, opening.2, progress)).await?;
    let stage = Arc::new(stage);
    let mut rebuilt = Rebuilt::default();
    let mut failed: BTreeSet<usize> = BTreeSet::new();
    let mut first = 0;
    for place in &places {
        let jobs = first..first + place.jobs.len();
        first = jobs.end;
        if let Err(error) = rebuild_partition(&stage, place, jobs, &mut rebuilt).await {
            failed.insert(place.report);
            let name = config.reports.get(place.report).map_or("", |report| report.name.as_str());
            rebuilt.errors.push(error.with_context("partition", format!("{name}/{}", partition_name(place.night))));
        }
    }
    let nights: BTreeSet<Night> = places.iter().map(|place| place.night).collect();
    let reports: BTreeSet<usize> = places.iter().map(|place| place.report).collect();
    let closing = Arc::clone(&stage);
    blocking(move || {
        for report in reports.difference(&failed).filter_map(|index| closing.config.reports.get(*index)) {
            let keys = closing.config.partition_by(report);
            if closing.store.table(&report.name)?.partition_by != keys {
                closing.store.record_layout(&report.name, &keys)?;
            }
        }
        nights.iter().try_for_each(|night| coverage::write(&closing, *night))?;
        tables::write_targets(&closing)?;
        closing.close()
    })
    .await?;
    Ok(rebuilt)
}

/// A partition that is to be rebuilt, with the tasks that are to be put together.
struct Place {
    night: Night,
    report: usize,
    jobs: Vec<Job>,
}

fn places(config: &RunConfig, store: &Store, selection: &Selection) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for index in selection.reports(config)? {
        let Some(report) = config.reports.get(index) else { continue };
        let record = store.table(&report.name)?;
        let keys = config.partition_by(report);
        let is_new_layout = !record.partitions.is_empty() && record.partition_by != keys;
        if is_new_layout && selection.is_partial() {
            let message = format!("the table `{}` gets a new layout, which all of its nights must have", report.name);
            return Err(Error::new(Code::Usage, message)
                .with_next(format!("backhaul rebuild --report {}   (without --date and --target)", report.name)));
        }
        for partition in store.partitions(&report.name)? {
            let night = parse_segment(&partition).and_then(|(_, value)| value.parse::<NaiveDate>().ok());
            let Some(night) = night.filter(|night| selection.covers(*night)) else { continue };
            let Some(state) = store.partition(&report.name, &partition)? else { continue };
            places.extend(place(config, selection, night, index, &state)?);
        }
    }
    Ok(places)
}

/// The committed tasks of a partition that the configuration knows and the selection names.
fn place(
    config: &RunConfig,
    selection: &Selection,
    night: Night,
    report: usize,
    state: &PartitionState,
) -> Result<Option<Place>> {
    if state.committed.is_none() && state.pending.is_none() {
        return Ok(None);
    }
    let name = config.reports.get(report).map(|report| report.name.clone());
    let selection = Selection { reports: name.into_iter().collect(), ..selection.clone() };
    let tasks = plan::tasks_of_any_night(config, night, &selection)?;
    let is_held = |id: &TaskId| state.task(id).is_some();
    let jobs = tasks.into_iter().filter(|task| task.report == report && is_held(&task.id));
    Ok(Some(Place { night, report, jobs: jobs.map(|task| Job { night, task }).collect() }))
}

async fn rebuild_partition(
    stage: &Arc<Stage>,
    place: &Place,
    jobs: std::ops::Range<usize>,
    rebuilt: &mut Rebuilt,
) -> Result<()> {
    let report = stage.report(place.report)?;
    let state = stage.store.partition(&report.name, &partition_name(place.night))?;
    let state = state.unwrap_or_else(|| PartitionState::new(&report.name, &partition_name(place.night)));
    let state = &state;
    let finished: Vec<Option<Finished>> = stream::iter(jobs)
        .map(|index| async move { put_together(stage, index, state).await })
        .buffered(TASKS_AT_A_TIME)
        .try_collect()
        .await?;
    let asked = u64::try_from(finished.len()).unwrap_or(u64::MAX);
    let finished: Vec<Finished> = finished.into_iter().flatten().collect();
    let done = u64::try_from(finished.len()).unwrap_or(u64::MAX);
    let (shared, night, index) = (Arc::clone(stage), place.night, place.report);
    let assembled = heavy(move || replace(&shared, shared.report(index)?, night, finished)).await.flatten()?;
    rebuilt.tasks += done;
    rebuilt.kept += asked - done;
    rebuilt.partitions.push(assembled);
    Ok(())
}

/// A committed task from its saved responses; `None` if they do not hold all of it.
async fn put_together(stage: &Stage, index: usize, state: &PartitionState) -> Result<Option<Finished>> {
    let (job, report) = stage.job(index)?;
    let Some(entry) = state.task(&job.task.id) else { return Ok(None) };
    let outcome = match Fetch::again(stage, index, entry) {
        Ok(fetch) => fetch.run(index, &CancellationToken::new()).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(finished) => Ok(Some(finished)),
        Err(error) if error.code() == Code::Unfinished => Ok(None),
        Err(error) => {
            Err(error.with_context("report", &report.name).with_context("target", stage.target_name(&job.task)))
        }
    }
}

/// Replaces a partition by what was put together and the rows of all other tasks.
fn replace(stage: &Stage, report: &Report, night: Night, mut finished: Vec<Finished>) -> Result<PartitionSummary> {
    let opened = Opened::open(stage, report, night, Layout::Anew)?;
    let state = stage.store.partition(&report.name, &partition_name(night))?;
    let state = state.unwrap_or_else(|| PartitionState::new(&report.name, &partition_name(night)));
    // Another process may have committed a later attempt in the meantime: that one stays.
    let is_current = |finished: &Finished| {
        let id = stage.job(finished.job).map(|(job, _)| &job.task.id);
        id.ok().and_then(|id| state.task(id)).is_some_and(|entry| entry.attempt == finished.attempt)
    };
    finished.retain(is_current);
    let again: BTreeSet<TaskId> = finished
        .iter()
        .filter_map(|finished| stage.job(finished.job).ok().map(|(job, _)| job.task.id.clone()))
        .collect();
    refuse_what_is_lost(stage, &state, &again)?;
    Ok(opened.assemble(stage, report, night, finished, &CancellationToken::new())?.partition)
}

/// Refuses to go on where rows are in no whole file and in no saved response: the partition stays as it is.
fn refuse_what_is_lost(stage: &Stage, state: &PartitionState, again: &BTreeSet<TaskId>) -> Result<()> {
    let damaged: BTreeMap<String, String> = verify_files(&stage.store, state, &KnownFiles::default())?
        .into_iter()
        .filter_map(|finding| Some((finding.file?, finding.problem)))
        .collect();
    let Some(committed) = &state.committed else { return Ok(()) };
    for file in &committed.files {
        let Some(problem) = damaged.get(&file.name) else { continue };
        let lost = committed.tasks.iter().filter(|entry| file.tasks.contains(&entry.task));
        let lost: Vec<&str> =
            lost.filter(|entry| !again.contains(&entry.task)).map(|entry| entry.target.as_str()).collect();
        if !lost.is_empty() {
            let message = format!("{} {problem}, and the saved responses of {} are gone", file.name, lost.join(", "));
            let next = format!("backhaul run --refetch --report {} fetches and pays for tonight's again", state.report);
            return Err(Error::new(Code::Corrupt, message).with_next(next));
        }
    }
    Ok(())
}
