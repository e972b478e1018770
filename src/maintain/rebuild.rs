//! Partitions made again from saved responses, at no cost: a new layout, a mended decoder, a lost file.
//!
//! A task whose responses are gone keeps the rows that it has, as long as its file is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Datelike as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::context::client::new_run_id;
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::FetchedTask;
use crate::context::progress::Progress;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::fetch::body::run_blocking;
use crate::fetch::saved_history;
use crate::fetch::task::TaskFetcher;
use crate::landing::ResponseStore;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Selection, Task};
use crate::publish::history;
use crate::publish::partition::{Layout, PartitionRewrite};
use crate::publish::{coverage, system_tables};
use crate::report::PartitionSummary;
use crate::state::periods::period_of;
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
pub async fn rebuild(
    config: RunConfig,
    clock: SharedClock,
    selection: &Selection,
) -> Result<Rebuilt> {
    let config = Arc::new(config);
    let store = crate::state::open::open_read_only(&config)?;
    let places = places(&config, &store, selection)?;
    let jobs: Vec<ScheduledTask> = places.iter().flat_map(|place| place.jobs.clone()).collect();
    let opening = (Arc::clone(&config), new_run_id(&clock), clock);
    let progress = Arc::new(Progress::default());
    let context = run_blocking(move || {
        RunContext::open(opening.0, opening.1, jobs, None, opening.2, progress)
    })
    .await?;
    let context = Arc::new(context);
    let mut rebuilt = Rebuilt::default();
    let mut failed: BTreeSet<usize> = BTreeSet::new();
    let mut first = 0;
    for place in &places {
        let jobs = first..first + place.jobs.len();
        first = jobs.end;
        if let Err(error) = rebuild_partition(&context, place, jobs, &mut rebuilt).await {
            failed.insert(place.report);
            let name = config
                .reports
                .get(place.report)
                .map_or("", |report| report.name.as_str());
            rebuilt
                .errors
                .push(error.with_context("partition", format!("{name}/{}", place.partition)));
        }
    }
    let nights: BTreeSet<SnapshotDate> = places
        .iter()
        .flat_map(|place| place.nights.clone())
        .collect();
    let reports: BTreeSet<usize> = places.iter().map(|place| place.report).collect();
    let closing = Arc::clone(&context);
    run_blocking(move || {
        for report in reports
            .difference(&failed)
            .filter_map(|index| closing.config.reports.get(*index))
        {
            let keys = closing.config.partition_by(report);
            if closing.store.table(&report.name)?.partition_by != keys {
                closing.store.record_layout(&report.name, &keys)?;
            }
        }
        nights
            .iter()
            .try_for_each(|night| coverage::write(&closing, *night))?;
        system_tables::write_targets(&closing)?;
        closing.close()
    })
    .await?;
    Ok(rebuilt)
}

/// A partition that is to be rebuilt, with the tasks that are to be put together.
struct Place {
    partition: String,
    report: usize,
    jobs: Vec<ScheduledTask>,
    /// The nights whose coverage tells of it.
    nights: BTreeSet<SnapshotDate>,
}

fn places(config: &RunConfig, store: &Store, selection: &Selection) -> Result<Vec<Place>> {
    let mut places = Vec::new();
    for index in selection.reports(config)? {
        let Some(report) = config.reports.get(index) else {
            continue;
        };
        let record = store.table(&report.name)?;
        let keys = config.partition_by(report);
        let is_new_layout = !record.partitions.is_empty() && record.partition_by != keys;
        if is_new_layout && selection.is_partial() {
            let message = format!(
                "the table `{}` gets a new layout, which all of its nights must have",
                report.name
            );
            return Err(Error::new(ErrorCode::Usage, message).with_hint(format!(
                "backhaul rebuild --report {}   (without --date and --target)",
                report.name
            )));
        }
        for partition in store.partitions(&report.name)? {
            let Some(state) = store.partition(&report.name, &partition)? else {
                continue;
            };
            if state.committed.is_none() && state.pending.is_none() {
                continue;
            }
            if let Some(period) = period_of(&partition) {
                if selection.overlaps(period) {
                    places.push(place_of_history(
                        config,
                        &crate::state::open::response_store(config, store),
                        selection,
                        index,
                        &state,
                    )?);
                }
                continue;
            }
            let night =
                parse_segment(&partition).and_then(|(_, value)| value.parse::<SnapshotDate>().ok());
            if let Some(night) = night.filter(|night| selection.covers(night.date())) {
                places.push(place(config, selection, night, index, &state)?);
            }
        }
    }
    Ok(places)
}

/// The tasks of a report that a partition holds, that the configuration knows and that the selection names.
fn tasks(
    config: &RunConfig,
    selection: &Selection,
    night: SnapshotDate,
    report: usize,
    state: &PartitionState,
) -> Result<Vec<Task>> {
    let name = config.reports.get(report).map(|report| report.name.clone());
    let selection = Selection {
        reports: name.into_iter().collect(),
        ..selection.clone()
    };
    let mut tasks = plan::tasks_of_any_night(config, night, &selection)?;
    tasks.retain(|task| task.report == report && state.task(&task.id).is_some());
    Ok(tasks)
}

/// A night's partition.
fn place(
    config: &RunConfig,
    selection: &Selection,
    night: SnapshotDate,
    report: usize,
    state: &PartitionState,
) -> Result<Place> {
    let tasks = tasks(config, selection, night, report, state)?;
    let jobs = tasks
        .into_iter()
        .map(|task| ScheduledTask { night, task })
        .collect();
    Ok(Place {
        partition: state.partition.clone(),
        report,
        jobs,
        nights: [night].into(),
    })
}

/// A period of a history: a job for each night whose answer is still saved and speaks for days of it.
fn place_of_history(
    config: &RunConfig,
    landing: &ResponseStore,
    selection: &Selection,
    report: usize,
    state: &PartitionState,
) -> Result<Place> {
    let (mut jobs, mut nights) = (Vec::new(), BTreeSet::new());
    let period = period_of(&state.partition);
    for task in tasks(config, selection, SnapshotDate::default(), report, state)? {
        let (Some(entry), Some(period)) = (state.task(&task.id), period) else {
            continue;
        };
        nights.extend(entry.history.as_ref().map(|history| history.night));
        for night in saved_history::saved_nights(landing, entry, period)? {
            jobs.push(ScheduledTask {
                night,
                task: task.clone(),
            });
        }
        if jobs.last().is_none_or(|job| job.task.id != task.id) {
            // Counted among those that keep the rows that they have.
            let night = entry
                .history
                .as_ref()
                .map(|history| history.night)
                .unwrap_or_default();
            jobs.push(ScheduledTask { night, task });
        }
    }
    Ok(Place {
        partition: state.partition.clone(),
        report,
        jobs,
        nights,
    })
}

async fn rebuild_partition(
    context: &Arc<RunContext>,
    place: &Place,
    jobs: std::ops::Range<usize>,
    rebuilt: &mut Rebuilt,
) -> Result<()> {
    let report = context.report(place.report)?;
    let state = context.store.partition(&report.name, &place.partition)?;
    let state = state.unwrap_or_else(|| PartitionState::new(&report.name, &place.partition));
    let state = &state;
    let mut asked: BTreeSet<TaskId> = BTreeSet::new();
    for index in jobs.clone() {
        asked.insert(context.job(index)?.0.task.id.clone());
    }
    let finished: Vec<Option<FetchedTask>> = stream::iter(jobs)
        .map(|index| async move { put_together(context, index, state).await })
        .buffered(TASKS_AT_A_TIME)
        .try_collect()
        .await?;
    let finished: Vec<FetchedTask> = finished.into_iter().flatten().collect();
    let again: BTreeSet<TaskId> = tasks_of(context, &finished);
    let [asked, done] =
        [asked.len(), again.len()].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    if let Some(period) = period_of(&place.partition) {
        let shared = Arc::clone(context);
        let (now, name) = (state.clone(), again);
        run_blocking(move || refuse_what_is_lost(&shared, &now, &name)).await?;
        let year = period.first.year();
        rebuilt
            .partitions
            .extend(history::rebuild(context, place.report, finished, year).await?);
    } else {
        let (shared, partition, index) =
            (Arc::clone(context), place.partition.clone(), place.report);
        let assembled =
            run_on_cpu_pool(move || replace(&shared, shared.report(index)?, &partition, finished))
                .await
                .flatten()?;
        rebuilt.partitions.extend(assembled);
    }
    rebuilt.tasks += done;
    rebuilt.kept += asked - done;
    Ok(())
}

/// The tasks of which something was put together.
fn tasks_of(context: &RunContext, finished: &[FetchedTask]) -> BTreeSet<TaskId> {
    let ids = finished.iter().filter_map(|finished| {
        context
            .job(finished.job)
            .ok()
            .map(|(job, _)| job.task.id.clone())
    });
    ids.collect()
}

/// A committed task from its saved responses; `None` if they do not hold all of it.
async fn put_together(
    context: &RunContext,
    index: usize,
    state: &PartitionState,
) -> Result<Option<FetchedTask>> {
    let (job, report) = context.job(index)?;
    let Some(entry) = state.task(&job.task.id) else {
        return Ok(None);
    };
    let Some(entry) = saved_history::saved_entry(&context.landing, entry, job.night)? else {
        return Ok(None);
    };
    let outcome = match TaskFetcher::replay(context, index, &entry) {
        Ok(fetch) => fetch.run(index, &CancellationToken::new()).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(finished) => Ok(Some(finished)),
        Err(error) if error.code() == ErrorCode::Unfinished => Ok(None),
        Err(error) => Err(error.with_context("task", context.task_name(report, &job.task))),
    }
}

/// Replaces a partition by what was put together and the rows of all other tasks.
fn replace(
    context: &RunContext,
    report: &Report,
    partition: &str,
    mut finished: Vec<FetchedTask>,
) -> Result<Vec<PartitionSummary>> {
    let opened = PartitionRewrite::open(context, report, partition, Layout::Anew)?;
    let state = context.store.partition(&report.name, partition)?;
    let state = state.unwrap_or_else(|| PartitionState::new(&report.name, partition));
    // Another process may have committed a later attempt in the meantime: that one stays.
    let is_current = |finished: &FetchedTask| {
        let id = context.job(finished.job).map(|(job, _)| &job.task.id);
        id.ok()
            .and_then(|id| state.task(id))
            .is_some_and(|entry| entry.attempt == finished.attempt)
    };
    finished.retain(is_current);
    refuse_what_is_lost(context, &state, &tasks_of(context, &finished))?;
    Ok(opened
        .assemble(
            context,
            report,
            partition,
            finished,
            &CancellationToken::new(),
        )?
        .partitions)
}

/// Refuses to go on where rows are in no whole file and in no saved response: the partition stays as it is.
fn refuse_what_is_lost(
    context: &RunContext,
    state: &PartitionState,
    again: &BTreeSet<TaskId>,
) -> Result<()> {
    let damaged: BTreeMap<String, String> =
        verify_files(&context.store, state, &KnownFiles::default())?
            .into_iter()
            .filter_map(|finding| Some((finding.file?, finding.problem)))
            .collect();
    let Some(committed) = &state.committed else {
        return Ok(());
    };
    for file in &committed.files {
        let Some(problem) = damaged.get(&file.name) else {
            continue;
        };
        let lost = committed
            .tasks
            .iter()
            .filter(|entry| file.tasks.contains(&entry.task));
        let lost: Vec<String> = lost
            .filter(|entry| !again.contains(&entry.task))
            .map(|entry| plan::task_label("", &entry.target, &entry.params))
            .collect();
        if !lost.is_empty() {
            let message = format!(
                "{} {problem}, and the saved responses of {} are gone",
                file.name,
                lost.join(", ")
            );
            let next = format!(
                "backhaul run --refetch --report {} fetches and pays for tonight's again",
                state.report
            );
            return Err(Error::new(ErrorCode::Corrupt, message).with_hint(next));
        }
    }
    Ok(())
}
