//! Everything that the tasks of a night share, opened once.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::progress::Progress;
use super::workspace::Workspace;
use crate::api::{Client, ClientOptions};
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Error, Result};
use crate::landing::Landing;
use crate::limits::{Throttle, UnitMeter};
use crate::model::Night;
use crate::paging::Verdicts;
use crate::plan::Task;
use crate::store::Store;

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
        Self { timeout: Duration::from_mins(3), wait_scale: 1.0 }
    }
}

/// What the tasks of a night share.
pub struct Stage {
    /// The configuration.
    pub config: Arc<RunConfig>,
    /// The night.
    pub night: Night,
    /// Its tasks, due or not.
    pub tasks: Arc<Vec<Task>>,
    /// Identifies this run.
    pub run_id: String,
    /// The destination.
    pub store: Store,
    /// Saved responses.
    pub landing: Landing,
    /// The client of the source.
    pub client: Client,
    /// The clock.
    pub clock: SharedClock,
    /// Counters that somebody may watch.
    pub progress: Arc<Progress>,
    /// A folder of this run for rows on their way.
    pub scratch: PathBuf,
    workspace: Mutex<Workspace>,
}

impl Stage {
    /// Opens the destination and the client; the key is read now.
    ///
    /// # Errors
    /// [`Code::Destination`], [`Code::KeySource`] or [`Code::Url`]. Nothing was sent.
    pub async fn open(
        config: Arc<RunConfig>,
        night: Night,
        tasks: Vec<Task>,
        budget: u64,
        clock: SharedClock,
        tuning: Tuning,
        progress: Arc<Progress>,
    ) -> Result<Self> {
        let store = Store::open(&config.destination.path)?;
        let client = client(&config, UnitMeter::new(Some(budget), 0), &clock, tuning).await?;
        let run_id = run_id(&clock);
        let scratch = store.fresh_staging(&format!("run-{run_id}"))?;
        let workspace = Workspace::load(&store, &config.source.base_url);
        let landing = Landing::new(config.destination.responses.clone().unwrap_or_else(|| store.system("responses")));
        Ok(Self {
            config,
            night,
            tasks: Arc::new(tasks),
            run_id,
            store,
            landing,
            client,
            clock,
            progress,
            scratch,
            workspace: Mutex::new(workspace),
        })
    }

    /// A task and its report.
    ///
    /// # Errors
    /// [`Code::Internal`] if there is no such task: a defect.
    pub fn task(&self, index: usize) -> Result<(&Task, &Report)> {
        let task = self.tasks.get(index);
        let report = task.and_then(|task| self.config.reports.get(task.report));
        task.zip(report).ok_or_else(|| Error::new(Code::Internal, format!("there is no task {index}")))
    }

    /// Name of a task's target.
    pub fn target_name(&self, task: &Task) -> &str {
        self.config.targets.get(task.target).map_or("", |target| target.name.as_str())
    }

    /// Verdicts and row cap that are known for an endpoint.
    pub(super) fn known(&self, endpoint: &str) -> (Verdicts, Option<u32>) {
        let workspace = self.workspace();
        let fresh = workspace.finding.filter(|finding| finding.is_fresh(self.clock.today()));
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
        self.workspace.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The client that a configuration describes, with its keys read.
///
/// # Errors
/// [`Code::KeySource`] if no source gives a key, [`Code::Url`].
pub async fn client(config: &RunConfig, meter: Arc<UnitMeter>, clock: &SharedClock, tuning: Tuning) -> Result<Client> {
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
    Client::new(options, Throttle::new(config.source.requests_per_minute, Arc::clone(clock)), meter, Arc::clone(clock))
}

/// `20261123T021507Z-1f3a9c04`: sorts by time, unique without asking anybody.
fn run_id(clock: &SharedClock) -> String {
    format!("{}-{:08x}", clock.now().format("%Y%m%dT%H%M%SZ"), fastrand::u32(..))
}
