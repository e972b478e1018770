//! Everything that the jobs of a run share, opened once.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::progress::Progress;
use super::removed::Removed;
use super::spending::Spending;
use super::workspace::Workspace;
use crate::api::{Client, ClientOptions};
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Result};
use crate::landing::Landing;
use crate::limits::{Shares, Throttle, UnitMeter};
use crate::model::Night;
use crate::paging::Verdicts;
use crate::plan::{Task, task_label};
use crate::store::{Hold, Store};
use crate::table::manifest::{PartitionState, TaskEntry};

/// Switches that tests need: the real values outside them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Longest time for a whole answer.
    pub timeout: Duration,
    /// Factor on the waits between attempts.
    pub wait_scale: f64,
}

impl Default for Tuning {
    fn default() -> Self {
        // Some answers take over 20 s; clients in the field give up after 30 to 60, and pay twice.
        Self {
            timeout: Duration::from_mins(3),
            wait_scale: 1.0,
        }
    }
}

/// A task of a night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The night.
    pub night: Night,
    /// The task.
    pub task: Task,
}

/// What the jobs of a run share.
pub struct Stage {
    /// The configuration.
    pub config: Arc<RunConfig>,
    /// What is to be done, in order.
    pub jobs: Arc<Vec<Job>>,
    /// Identifies this run.
    pub run_id: String,
    /// When this run began, in microseconds since 1970.
    pub started_at: i64,
    /// Who holds what this run holds, for those who wait for it.
    pub who: String,
    /// The destination.
    pub store: Store,
    /// Saved responses.
    pub landing: Landing,
    /// The clock.
    pub clock: SharedClock,
    /// Counters that somebody may watch.
    pub progress: Arc<Progress>,
    /// What the requests of this run came to.
    pub(super) spending: Spending,
    /// Columns that the API refused.
    pub(super) removed: Removed,
    /// A folder of this run for rows on their way.
    pub scratch: PathBuf,
    /// Held while a partition is written: one at a time, so that a thread is left for answers.
    pub writing: Arc<tokio::sync::Mutex<()>>,
    client: Option<Client>,
    workspace: Mutex<Workspace>,
    /// Partitions by report and night as they were when they were first looked at.
    seen: Mutex<BTreeMap<(usize, Night), Option<PartitionState>>>,
    life: Mutex<Option<Hold>>,
    num_commits: std::sync::atomic::AtomicU32,
}

impl Stage {
    /// Opens the destination, settles what dead processes left there, and says that this run lives. Without a client
    /// nothing can be sent.
    ///
    /// # Errors
    /// [`Code::Destination`]. Nothing was sent.
    pub fn open(
        config: Arc<RunConfig>,
        run_id: String,
        jobs: Vec<Job>,
        client: Option<Client>,
        clock: SharedClock,
        progress: Arc<Progress>,
    ) -> Result<Self> {
        let store = super::place::open(&config)?;
        let started_at = clock.now().timestamp_micros();
        let since = clock.now().format("%Y-%m-%dT%H:%M:%SZ");
        let who = format!(
            "run {run_id} (process {}) since {since}",
            std::process::id()
        );
        let (scratch, life) = store.run_folder(&run_id, &who)?;
        store.sweep(&who)?;
        let workspace = Workspace::load(&store, &config.source.base_url);
        let landing = super::landing(&config, &store);
        let spending = Spending::new(&store, &run_id);
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
            removed: Removed::default(),
            scratch,
            writing: Arc::default(),
            client,
            workspace: Mutex::new(workspace),
            seen: Mutex::default(),
            life: Mutex::new(Some(life)),
            num_commits: std::sync::atomic::AtomicU32::new(0),
        })
    }

    /// Ends the run: its scratch and its lock go.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn close(&self) -> Result<()> {
        let life = self
            .life
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        life.map_or(Ok(()), |life| self.store.close_run(&self.run_id, life))
    }

    /// Refuses to go on where another process has taken this run for dead: what it was at is another's by now.
    ///
    /// # Errors
    /// [`Code::Locked`].
    pub fn is_alive(&self) -> Result<()> {
        let life = self.life.lock().unwrap_or_else(PoisonError::into_inner);
        life.as_ref().map_or(Ok(()), Hold::confirm)
    }

    /// What was committed of a task when this run first looked at its partition: for a task that nobody ever claimed
    /// before this run did.
    ///
    /// # Errors
    /// [`Code::Destination`] if it cannot be read.
    pub(super) fn entry_seen(&self, job: &Job, report: &Report) -> Result<Option<TaskEntry>> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let state = match seen.entry((job.task.report, job.night)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(super::agenda::held(&self.store, job.night, report)?),
        };
        super::history::entry_in(&self.landing, state.as_ref(), job.night, &job.task.id)
    }

    /// The client of the source.
    ///
    /// # Errors
    /// [`Code::Internal`] where this run sends nothing: a defect.
    pub fn client(&self) -> Result<&Client> {
        self.client
            .as_ref()
            .ok_or_else(|| Error::new(Code::Internal, "this command sends nothing"))
    }

    /// A report of the configuration.
    ///
    /// # Errors
    /// [`Code::Internal`] if there is none: a defect.
    pub fn report(&self, index: usize) -> Result<&Report> {
        let report = self.config.reports.get(index);
        report.ok_or_else(|| Error::new(Code::Internal, format!("there is no report {index}")))
    }

    /// A job with its report.
    ///
    /// # Errors
    /// [`Code::Internal`] if there is no such job: a defect.
    pub fn job(&self, index: usize) -> Result<(&Job, &Report)> {
        let job = self.jobs.get(index);
        let report = job.and_then(|job| self.config.reports.get(job.task.report));
        job.zip(report)
            .ok_or_else(|| Error::new(Code::Internal, format!("there is no job {index}")))
    }

    /// What a job is committed together with, by night and report. The nights of a history lie in the same partitions, each
    /// of which a run commits once: they all go with the last one.
    pub(super) fn place(&self, job: &Job) -> (Night, usize) {
        let report = job.task.report;
        let is_history = self
            .config
            .reports
            .get(report)
            .is_some_and(|of| of.endpoint.history_column().is_some());
        if !is_history {
            return (job.night, report);
        }
        let nights = self
            .jobs
            .iter()
            .filter(|other| other.task.report == report)
            .map(|job| job.night);
        (nights.max().unwrap_or(job.night), report)
    }

    /// The shares of the budget that a job's requests spend from.
    pub fn shares(&self, job: &Job) -> Shares {
        super::month::shares(&self.config, job)
    }

    /// Name of a task's target; empty where it looks up none.
    pub fn target_name(&self, task: &Task) -> &str {
        self.config.target_name(task.target)
    }

    /// What tells a task from the others of a run, for a person.
    pub fn task_name(&self, report: &Report, task: &Task) -> String {
        task_label(
            &report.name,
            self.target_name(task),
            task.parameters.iter().map(|(name, value)| (name, value)),
        )
    }

    /// Unique for ever: it stands in file names, and a name is never used twice. Names the run, whose lock tells whether
    /// what it left is garbage.
    pub fn commit_id(&self) -> String {
        let number = self
            .num_commits
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        format!("{}-{number:04x}", self.run_id)
    }

    /// Verdicts and row cap that are known for an endpoint.
    pub(super) fn known(&self, endpoint: &str) -> (Verdicts, Option<u32>) {
        let workspace = self.workspace();
        let fresh = workspace
            .finding
            .filter(|finding| finding.is_fresh(self.clock.today()));
        let verdicts = fresh.map(|finding| finding.verdicts).unwrap_or_default();
        (verdicts, workspace.row_caps.get(endpoint).copied())
    }

    /// Remembers a row cap that an answer showed.
    pub(super) fn learn_cap(&self, report: &Report, cap: u32) {
        let mut workspace = self.workspace();
        if workspace.row_caps.insert(report.endpoint.name.clone(), cap) != Some(cap)
            && let Err(error) = workspace.save(&self.store, &self.config.source.base_url)
        {
            tracing::warn!(error = %error.one_line(), "the row cap that was found is not remembered");
        }
    }

    pub(super) fn workspace(&self) -> std::sync::MutexGuard<'_, Workspace> {
        self.workspace
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client that a configuration describes, with its keys read.
///
/// # Errors
/// [`Code::KeySource`] if no source gives a key, [`Code::Url`].
pub async fn client(
    config: &RunConfig,
    meter: Arc<UnitMeter>,
    clock: &SharedClock,
    tuning: Tuning,
) -> Result<Client> {
    let mut keys = Vec::new();
    let mut fault = None;
    for source in &config.source.keys {
        match source.resolve().await {
            Ok(key) => {
                if let Some(warning) = &key.warning {
                    tracing::warn!(warning);
                }
                keys.push(key.secret);
            }
            // One of several sources may be empty; if all are, the first error tells.
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    if let (true, Some(fault)) = (keys.is_empty(), fault) {
        return Err(fault);
    }
    let options = ClientOptions {
        base_url: config.source.base_url.clone(),
        keys,
        proxy: config.source.proxy.clone(),
        local_address: config.source.local_address,
        timeout: tuning.timeout,
        wait_scale: tuning.wait_scale,
    };
    Client::new(
        options,
        Throttle::new(config.source.requests_per_minute, Arc::clone(clock)),
        meter,
        Arc::clone(clock),
    )
}

/// `20261123T021507Z-1f3a9c04`: sorts by time, unique without asking anybody.
pub(super) fn run_id(clock: &SharedClock) -> String {
    format!(
        "{}-{:08x}",
        clock.now().format("%Y%m%dT%H%M%SZ"),
        fastrand::u32(..)
    )
}
