//! A run, told in order: what is open and due, what is known of the API, fetch, commit, what is left to be said, report.
//! The room that joins all others.
//!
//! ```text
//! agenda ─▶ probes ─▶ fetch (several at a time) ─▶ the last task of a partition ─▶ assemble ─▶ coverage, targets ─▶ report
//! ```
//! A task that fails leaves the others alone: its error is reported, its partition is committed without it, and its saved
//! answers stay for the next run.

mod agenda;
mod assemble;
mod bodies;
mod book;
mod breaker;
mod check;
mod columns;
mod coverage;
mod estimate;
mod fetch;
mod finished;
mod fit;
mod inputs;
mod ledger;
mod nights;
mod probes;
mod progress;
mod rebuild;
mod request;
mod rewrite;
mod shift;
mod spending;
mod stage;
mod tables;
mod usage;
mod verify;
mod workspace;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

pub use agenda::Agenda;
pub use check::{Live, check};
pub use columns::columns_now;
pub use estimate::estimate;
pub use fit::fit;
pub use probes::probe_now;
pub use progress::{Progress, Snapshot};
pub use rebuild::rebuild;
pub use stage::Tuning;
pub use usage::usage;
pub use verify::{Verified, verify};

use self::bodies::blocking;
use self::book::Book;
use self::ledger::UnitLedger;
use self::shift::{Shift, first_claim};
use self::stage::Stage;
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Code, Errors, Result};
use crate::landing::Landing;
use crate::limits::{Ledger, UnitMeter};
use crate::model::{Night as Date, TaskId};
use crate::report::RunReport;
use crate::store::Store;
use crate::table::{TableSchema, segment};

/// A run, ready to begin.
#[derive(Debug)]
pub struct Night {
    config: Arc<RunConfig>,
    agenda: Agenda,
    budget: u64,
    clock: SharedClock,
    tuning: Tuning,
    is_sample: bool,
}

impl Night {
    /// What `agenda` says of `config`, for at most `budget` units.
    pub fn new(config: RunConfig, agenda: Agenda, budget: u64, clock: SharedClock) -> Self {
        Self { config: Arc::new(config), agenda, budget, clock, tuning: Tuning::default(), is_sample: false }
    }

    /// Switches of tests.
    #[must_use]
    pub fn with_tuning(mut self, tuning: Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Sends only what is free: for the [sample](RunConfig::sample) of a configuration.
    #[must_use]
    pub fn sample(mut self) -> Self {
        self.is_sample = true;
        self
    }

    /// Does it. The report comes with every error that a task ended with.
    ///
    /// # Errors
    /// What kept the run from beginning: destination, key, or every due task claimed by others ([`Code::Locked`]).
    pub async fn run(self, progress: Arc<Progress>, cancel: CancellationToken) -> Result<(RunReport, Errors), Errors> {
        let started = self.clock.instant();
        let Self { config, mut agenda, budget, clock, tuning, is_sample } = self;
        let run_id = stage::run_id(&clock);
        let ledger = Arc::new(UnitLedger::new(&Store::at(&config.destination.path), &run_id));
        let promises = Arc::clone(&ledger) as Arc<dyn Ledger>;
        let client = stage::client(&config, UnitMeter::with_ledger(Some(budget), promises), &clock, tuning).await?;
        let client = if is_sample { client.free_only() } else { client };
        let jobs = std::mem::take(&mut agenda.jobs);
        let opening = (Arc::clone(&config), Arc::clone(&clock));
        let stage = blocking(move || Stage::open(opening.0, run_id, jobs, Some(client), opening.1, progress)).await?;
        let stage = Arc::new(stage);
        let mut book = Book::new(&stage, &agenda);
        spending::close_books_of_the_dead(&stage)?;
        book.report.notes.extend(ledger::close_books_of_the_dead(&stage.store, &stage.who)?);
        nights::begin(&stage.store, &config, &stage.jobs, &stage.who)?;
        stage.progress.expect_tasks(stage.jobs.len());
        if !stage.jobs.is_empty() {
            let claims = first_claim(&stage)?;
            let paged = stage.jobs.iter().any(|job| !job.task.order_key.is_empty());
            if paged {
                probes::ensure(&stage, &mut book.report.notes).await?;
            }
            Shift::new(&stage, agenda.refetch, &cancel, claims).work(&mut book).await?;
        }
        let closing = Arc::clone(&stage);
        let unfinished = book.take_unfinished();
        let tonight = agenda.tonight;
        let notes = blocking(move || close(&closing, tonight, unfinished)).await?;
        book.report.notes.extend(notes);
        book.close(&stage, &ledger, (clock.instant() - started).as_secs_f64(), cancel.is_cancelled())
    }
}

/// Says for every night that this run touched or found open what became of its tasks, brings the table of targets up to
/// date, closes finished nights and lets go of old answers. Gives what is worth knowing.
fn close(stage: &Stage, tonight: Date, unfinished: book::Unfinished) -> Result<Vec<String>> {
    for ((night, report), tasks) in unfinished {
        unless_busy(stage.store.note_unfinished(&report, &partition_name(night), tasks, &stage.who))?;
    }
    let begun = nights::begun(&stage.store)?;
    let mut touched: BTreeSet<Date> = stage.jobs.iter().map(|job| job.night).chain([tonight]).collect();
    touched.extend(begun.keys());
    touched.iter().try_for_each(|night| unless_busy(coverage::write(stage, *night)))?;
    unless_busy(tables::write_targets(stage))?;
    let today = stage.clock.today();
    let mut needed: BTreeSet<(Date, TaskId)> = BTreeSet::new();
    for (night, record) in begun {
        let is_given_up = !agenda::is_resumed(&stage.config, night, today);
        let known = agenda::known_tasks(&stage.config, night)?;
        let is_open = |task: &TaskId, planned: &nights::Planned| {
            if is_given_up || agenda::is_gone(&stage.config, &known, task, planned) {
                return Ok(false);
            }
            let state = stage.store.partition(&planned.report, &partition_name(night))?;
            agenda::is_open(&stage.landing, night, task, state.as_ref().and_then(|state| state.task(task)))
        };
        nights::settle(&stage.store, night, is_open, &stage.who)?;
        needed.extend(record.tasks.into_keys().filter(|_| !is_given_up).map(|task| (night, task)));
    }
    let days = stage.config.run.resume_within.as_secs() / (24 * 3600);
    let oldest = today.checked_sub_days(chrono::Days::new(days)).unwrap_or(today);
    stage.store.sweep_claims(oldest.min(tonight), &stage.who)?;
    let keep = stage.config.destination.keep_responses;
    let is_needed = |night: Date, task: &TaskId| needed.contains(&(night, task.clone()));
    let expired = stage.landing.expire(stage.clock.now().into(), keep, is_needed)?;
    let note = format!("saved responses of {expired} tasks were older than `keep_responses` and are gone");
    Ok((expired > 0).then_some(note).into_iter().collect())
}

/// What another process is at is left to it: it says the same when it is done.
fn unless_busy(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.code() == Code::Locked => {
            tracing::warn!(error = %error.one_line(), "left to another process");
            Ok(())
        }
        other => other,
    }
}

/// Where a configuration's saved responses lie.
pub(crate) fn landing(config: &RunConfig, store: &Store) -> Landing {
    Landing::new(config.destination.responses.clone().unwrap_or_else(|| store.system("responses")))
}

/// The schema that a report wants for its table.
///
/// # Errors
/// [`Code::Column`] or [`Code::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    table_schema_of(report, &report.columns)
}

/// The schema of a report's table with these columns of its operation.
fn table_schema_of(report: &Report, columns: &[String]) -> Result<TableSchema> {
    let parameters: Vec<String> = report.varying.iter().map(|(name, _)| name.clone()).collect();
    TableSchema::new(&report.name, report.endpoint, columns, &parameters)
}

/// Folder of a night's partition.
fn partition_name(night: Date) -> String {
    segment("snapshot_date", &night.to_string())
}
