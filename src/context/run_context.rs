//! Everything that the jobs of a run share, opened once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{AttemptRecord, Client};
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::context::progress::Progress;
use crate::context::removed_columns::RemovedColumns;
use crate::error::{Error, ErrorCode, Result};
use crate::landing::ResponseStore;
use crate::ledger::recovery::Recovery;
use crate::ledger::request_log::{RequestLabels, RequestLog};
use crate::limits::BudgetShares;
use crate::model::{RunId, SnapshotDate};
use crate::paging::Verdicts;
use crate::plan::{ScheduledTask, Task, task_label};
use crate::state::workspace::Workspace;
use crate::store::{Lease, Store};
use crate::table::manifest::{PartitionState, TaskEntry};

/// What the jobs of a run share.
pub struct RunContext {
    /// The configuration.
    pub config: Arc<RunConfig>,
    /// What is to be done, in order.
    pub jobs: Arc<Vec<ScheduledTask>>,
    /// Identifies this run.
    pub run_id: RunId,
    /// When this run began, in microseconds since 1970.
    pub started_at: i64,
    /// Who holds what this run holds, for those who wait for it.
    pub who: String,
    /// The destination.
    pub store: Store,
    /// Saved responses.
    pub landing: ResponseStore,
    /// The clock.
    pub clock: SharedClock,
    /// Counters for a progress display.
    pub progress: Arc<Progress>,
    /// The log of this run's requests.
    pub(crate) spending: RequestLog,
    /// Columns that the API refused.
    pub(crate) removed: RemovedColumns,
    /// A folder of this run for rows on their way.
    pub scratch: PathBuf,
    /// Held while a partition is written: one at a time, so that a thread is left for answers.
    pub writing: Arc<tokio::sync::Mutex<()>>,
    client: Option<Client>,
    workspace: Mutex<Workspace>,
    /// Partitions by report and night as they were when they were first looked at.
    seen: Mutex<BTreeMap<(usize, SnapshotDate), Option<PartitionState>>>,
    life: Mutex<Option<Lease>>,
    num_commits: std::sync::atomic::AtomicU32,
    /// The last night of each history that has jobs.
    latest_of_histories: BTreeMap<usize, SnapshotDate>,
}

impl RunContext {
    /// Opens the destination, removes what killed processes left there, and registers this run. Without a client nothing
    /// can be sent.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`]. Nothing was sent.
    pub fn open(
        config: Arc<RunConfig>,
        run_id: RunId,
        jobs: Vec<ScheduledTask>,
        client: Option<Client>,
        clock: SharedClock,
        progress: Arc<Progress>,
    ) -> Result<Self> {
        let store = crate::state::open::open_for_writing(&config)?;
        let started_at = clock.now().timestamp_micros();
        let since = clock.now().format("%Y-%m-%dT%H:%M:%SZ");
        let who = format!(
            "run {run_id} (process {}) since {since}",
            std::process::id()
        );
        let (scratch, life) = store.run_folder(run_id.as_str(), &who)?;
        store.sweep(&who)?;
        let workspace = Workspace::load(&store, &config.source.base_url);
        let landing = crate::state::open::response_store(&config, &store);
        let spending = RequestLog::new(&store, &run_id);
        let latest_of_histories = latest_of_histories(&config, &jobs);
        Ok(Self {
            config,
            jobs: Arc::new(jobs),
            run_id,
            started_at,
            who,
            store,
            landing,
            clock,
            progress,
            spending,
            removed: RemovedColumns::default(),
            scratch,
            writing: Arc::default(),
            client,
            workspace: Mutex::new(workspace),
            seen: Mutex::default(),
            life: Mutex::new(Some(life)),
            num_commits: std::sync::atomic::AtomicU32::new(0),
            latest_of_histories,
        })
    }

    /// Closes the run: removes its scratch folder and releases its lock.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn close(&self) -> Result<()> {
        let life = self
            .life
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        life.map_or(Ok(()), |life| {
            self.store.close_run(self.run_id.as_str(), life)
        })
    }

    /// Fails where another process has declared this run dead: its claims belong to others by now.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`].
    pub fn ensure_lease_held(&self) -> Result<()> {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.as_ref().map_or(Ok(()), Lease::ensure_held)
    }

    /// The committed entry of a task when this run first read its partition: for a task that no other process has
    /// claimed.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if it cannot be read.
    pub(crate) fn entry_at_first_sight(
        &self,
        job: &ScheduledTask,
        report: &Report,
    ) -> Result<Option<TaskEntry>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match seen.entry((job.task.report, job.night)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(crate::state::task_state::partition_state_for(
                &self.store,
                job.night,
                report,
            )?),
        };
        crate::state::task_state::committed_entry_in(
            &self.landing,
            state.as_ref(),
            job.night,
            &job.task.id,
        )
    }

    /// The client of the source.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] where this run sends nothing: a defect.
    pub fn client(&self) -> Result<&Client> {
        self.client
            .as_ref()
            .ok_or_else(|| Error::new(ErrorCode::Internal, "this command sends nothing"))
    }

    /// A report of the configuration.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if it is unknown: a defect.
    pub fn report(&self, index: usize) -> Result<&Report> {
        let report = self.config.reports.get(index);
        report.ok_or_else(|| Error::new(ErrorCode::Internal, format!("unknown report {index}")))
    }

    /// A job with its report.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if the job is unknown: a defect.
    pub fn job(&self, index: usize) -> Result<(&ScheduledTask, &Report)> {
        let job = self.jobs.get(index);
        let report = job.and_then(|job| self.config.reports.get(job.task.report));
        job.zip(report)
            .ok_or_else(|| Error::new(ErrorCode::Internal, format!("unknown job {index}")))
    }

    /// The key of the jobs that are committed together, by night and report. The nights of a history are in the same
    /// partitions, each of which a run commits once: they all have the key of the last one.
    pub(crate) fn commit_key(&self, job: &ScheduledTask) -> (SnapshotDate, usize) {
        let report = job.task.report;
        let latest = self.latest_of_histories.get(&report);
        (latest.copied().unwrap_or(job.night), report)
    }

    /// The shares of the budget that a job's requests spend from.
    pub fn shares(&self, job: &ScheduledTask) -> BudgetShares {
        crate::ledger::month::shares(&self.config, job)
    }

    /// Records an attempt.
    pub(crate) fn note(&self, account: &RequestLabels, attempted: AttemptRecord) {
        self.spending
            .record_attempt(account, self.clock.now().timestamp_micros(), attempted);
    }

    /// What is read to close the logs of killed runs.
    pub(crate) fn recovery(&self) -> Recovery<'_> {
        Recovery {
            config: &self.config,
            store: &self.store,
            landing: &self.landing,
            run_id: &self.run_id,
            who: &self.who,
            today: self.clock.today(),
        }
    }

    /// Name of a task's target; empty where it looks up none.
    pub fn target_name(&self, task: &Task) -> &str {
        self.config.target_name(task.target)
    }

    /// A name of a task that is unique in a run, for messages.
    pub fn task_name(&self, report: &Report, task: &Task) -> String {
        task_label(
            &report.name,
            self.target_name(task),
            task.parameters.iter().map(|(name, value)| (name, value)),
        )
    }

    /// Unique, since it is part of file names, which are never used again. Contains the run's id, whose lock shows whether
    /// leftover files are garbage.
    pub fn commit_id(&self) -> String {
        let number = self
            .num_commits
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{}-{number:04x}", self.run_id)
    }

    /// Verdicts and row cap that are known for an endpoint.
    pub(crate) fn paging_knowledge(&self, endpoint: &str) -> (Verdicts, Option<u32>) {
        let workspace = self.workspace();
        let fresh = workspace
            .finding
            .filter(|finding| finding.is_fresh(self.clock.today()));
        let verdicts = fresh.map(|finding| finding.verdicts).unwrap_or_default();
        (verdicts, workspace.row_caps.get(endpoint).copied())
    }

    /// Remembers a row cap that an answer showed.
    pub(crate) fn remember_row_cap(&self, report: &Report, cap: u32) {
        let mut workspace = self.workspace();
        if workspace.row_caps.insert(report.endpoint.name.clone(), cap) != Some(cap)
            && let Err(error) = workspace.save(&self.store, &self.config.source.base_url)
        {
            tracing::warn!(error = %error.one_line(), "the row cap that was found cannot be saved");
        }
    }

    pub(crate) fn workspace(&self) -> std::sync::MutexGuard<'_, Workspace> {
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn latest_of_histories(
    config: &RunConfig,
    jobs: &[ScheduledTask],
) -> BTreeMap<usize, SnapshotDate> {
    let mut latest = BTreeMap::new();
    for job in jobs {
        let report = config.reports.get(job.task.report);
        if report.is_some_and(|report| report.endpoint.history_column().is_some()) {
            let night = latest.entry(job.task.report).or_insert(job.night);
            *night = job.night.max(*night);
        }
    }
    latest
}
