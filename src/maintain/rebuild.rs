//! Rebuilds partitions from saved responses, at no cost: for a new layout, after a fix of the decoder, or for a lost file.
//!
//! A task without saved responses keeps its rows, as long as their file is intact.

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
use crate::state::names::night_of;
use crate::state::periods::period_of;
use crate::store::{KnownFiles, Store, verify_files};
use crate::table::manifest::PartitionState;

/// Tasks that are replayed at a time.
const TASKS_AT_A_TIME: usize = 2;

/// What was rebuilt.
#[derive(Debug, Default)]
pub struct Rebuilt {
    /// Partitions as they are now.
    pub partitions: Vec<PartitionSummary>,
    /// Tasks that were replayed from saved responses.
    pub tasks: u64,
    /// Tasks without saved responses, which kept their rows.
    pub kept: u64,
    /// What could not be rebuilt; it is unchanged.
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
    let rebuilds = partitions_to_rebuild(&config, &store, selection)?;
    let mut jobs: Vec<ScheduledTask> = Vec::new();
    let mut nights: BTreeSet<SnapshotDate> = BTreeSet::new();
    let mut reports: BTreeSet<usize> = BTreeSet::new();
    for partition_rebuild in &rebuilds {
        jobs.extend(partition_rebuild.jobs.iter().cloned());
        nights.extend(&partition_rebuild.nights);
        reports.insert(partition_rebuild.report);
    }
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
    for partition_rebuild in &rebuilds {
        let jobs = first..first + partition_rebuild.jobs.len();
        first = jobs.end;
        if let Err(error) = rebuild_partition(&context, partition_rebuild, jobs, &mut rebuilt).await
        {
            failed.insert(partition_rebuild.report);
            let name = match config.reports.get(partition_rebuild.report) {
                Some(report) => report.name.as_str(),
                None => "",
            };
            rebuilt.errors.push(error.with_context(
                "partition",
                format!("{name}/{}", partition_rebuild.partition),
            ));
        }
    }
    let closing = Arc::clone(&context);
    run_blocking(move || {
        for index in reports.difference(&failed) {
            let Some(report) = closing.config.reports.get(*index) else {
                continue;
            };
            let keys = closing.config.partition_by(report);
            if closing.store.table(&report.name)?.partition_by != keys {
                closing.store.record_layout(&report.name, &keys)?;
            }
        }
        for night in nights {
            coverage::write(&closing, night)?;
        }
        system_tables::write_targets(&closing)?;
        closing.close()
    })
    .await?;
    Ok(rebuilt)
}

/// A partition that is to be rebuilt, with the tasks to replay.
struct PartitionRebuild {
    partition: String,
    report: usize,
    jobs: Vec<ScheduledTask>,
    /// The nights whose coverage describes it.
    nights: BTreeSet<SnapshotDate>,
}

fn partitions_to_rebuild(
    config: &RunConfig,
    store: &Store,
    selection: &Selection,
) -> Result<Vec<PartitionRebuild>> {
    let mut rebuilds = Vec::new();
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
                    rebuilds.push(history_rebuild(
                        config,
                        &crate::state::open::response_store(config, store),
                        selection,
                        index,
                        &state,
                    )?);
                }
                continue;
            }
            if let Some(night) = night_of(&partition)
                && selection.covers(night.date())
            {
                rebuilds.push(night_rebuild(config, selection, night, index, &state)?);
            }
        }
    }
    Ok(rebuilds)
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
fn night_rebuild(
    config: &RunConfig,
    selection: &Selection,
    night: SnapshotDate,
    report: usize,
    state: &PartitionState,
) -> Result<PartitionRebuild> {
    let tasks = tasks(config, selection, night, report, state)?;
    let jobs = tasks
        .into_iter()
        .map(|task| ScheduledTask { night, task })
        .collect();
    Ok(PartitionRebuild {
        partition: state.partition.clone(),
        report,
        jobs,
        nights: [night].into(),
    })
}

/// A period of a history: a job for each night whose answer is still saved and covers days of it.
fn history_rebuild(
    config: &RunConfig,
    landing: &ResponseStore,
    selection: &Selection,
    report: usize,
    state: &PartitionState,
) -> Result<PartitionRebuild> {
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
            // Counted among the tasks that keep their rows.
            let night = entry
                .history
                .as_ref()
                .map(|history| history.night)
                .unwrap_or_default();
            jobs.push(ScheduledTask { night, task });
        }
    }
    Ok(PartitionRebuild {
        partition: state.partition.clone(),
        report,
        jobs,
        nights,
    })
}

async fn rebuild_partition(
    context: &Arc<RunContext>,
    partition_rebuild: &PartitionRebuild,
    jobs: std::ops::Range<usize>,
    rebuilt: &mut Rebuilt,
) -> Result<()> {
    let report = context.report(partition_rebuild.report)?;
    let state = context
        .store
        .partition(&report.name, &partition_rebuild.partition)?;
    let state =
        state.unwrap_or_else(|| PartitionState::new(&report.name, &partition_rebuild.partition));
    let state = &state;
    let mut requested: BTreeSet<TaskId> = BTreeSet::new();
    for index in jobs.clone() {
        requested.insert(context.job(index)?.0.task.id.clone());
    }
    let finished: Vec<Option<FetchedTask>> = stream::iter(jobs)
        .map(|index| async move { replay_task(context, index, state).await })
        .buffered(TASKS_AT_A_TIME)
        .try_collect()
        .await?;
    let finished: Vec<FetchedTask> = finished.into_iter().flatten().collect();
    let replayed: BTreeSet<TaskId> = tasks_of(context, &finished);
    let [requested, done] =
        [requested.len(), replayed.len()].map(|number| u64::try_from(number).unwrap_or(u64::MAX));
    if let Some(period) = period_of(&partition_rebuild.partition) {
        let shared = Arc::clone(context);
        let (now, name) = (state.clone(), replayed);
        run_blocking(move || refuse_lost_rows(&shared, &now, &name)).await?;
        let year = period.first.year();
        rebuilt
            .partitions
            .extend(history::rebuild(context, partition_rebuild.report, finished, year).await?);
    } else {
        let (shared, partition, index) = (
            Arc::clone(context),
            partition_rebuild.partition.clone(),
            partition_rebuild.report,
        );
        let assembled =
            run_on_cpu_pool(move || replace(&shared, shared.report(index)?, &partition, finished))
                .await
                .flatten()?;
        rebuilt.partitions.extend(assembled);
    }
    rebuilt.tasks += done;
    rebuilt.kept += requested - done;
    Ok(())
}

/// The tasks that were replayed.
fn tasks_of(context: &RunContext, finished: &[FetchedTask]) -> BTreeSet<TaskId> {
    let mut ids = BTreeSet::new();
    for finished in finished {
        if let Ok((job, _)) = context.job(finished.job) {
            ids.insert(job.task.id.clone());
        }
    }
    ids
}

/// A committed task from its saved responses; `None` if they do not hold all of it.
async fn replay_task(
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

/// Replaces a partition by the replayed tasks and the rows of all other tasks.
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
    finished.retain(|finished| {
        let Ok((job, _)) = context.job(finished.job) else {
            return false;
        };
        match state.task(&job.task.id) {
            Some(entry) => entry.attempt == finished.attempt,
            None => false,
        }
    });
    refuse_lost_rows(context, &state, &tasks_of(context, &finished))?;
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

/// Refuses to go on where rows are neither in an intact file nor in saved responses: the partition stays unchanged.
fn refuse_lost_rows(
    context: &RunContext,
    state: &PartitionState,
    replayed: &BTreeSet<TaskId>,
) -> Result<()> {
    let mut damaged: BTreeMap<String, String> = BTreeMap::new();
    for finding in verify_files(&context.store, state, &KnownFiles::default())? {
        if let Some(file) = finding.file {
            damaged.insert(file, finding.problem);
        }
    }
    let Some(committed) = &state.committed else {
        return Ok(());
    };
    for file in &committed.files {
        let Some(problem) = damaged.get(&file.name) else {
            continue;
        };
        let mut lost: Vec<String> = Vec::new();
        for entry in &committed.tasks {
            if file.tasks.contains(&entry.task) && !replayed.contains(&entry.task) {
                lost.push(plan::task_label("", &entry.target, &entry.params));
            }
        }
        if !lost.is_empty() {
            let message = format!(
                "{} {problem}, and the saved responses of {} are gone",
                file.name,
                lost.join(", ")
            );
            let next = format!(
                "backhaul run --refetch --report {} fetches tonight's again, which costs units",
                state.report
            );
            return Err(Error::new(ErrorCode::Corrupt, message).with_hint(next));
        }
    }
    Ok(())
}
