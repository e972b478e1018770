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
mod batch;
mod begun;
mod bodies;
mod book;
mod breaker;
mod carried;
mod changes;
mod check;
mod chosen;
mod closing;
mod columns;
mod committed;
mod compact;
mod counts;
mod course;
mod coverage;
mod estimate;
mod fetch;
mod finished;
mod fit;
mod forget;
mod history;
mod inputs;
mod layouts;
mod ledger;
mod lot;
mod month;
mod nights;
mod pace;
mod pack;
mod past;
mod place;
mod presets;
mod probes;
mod progress;
mod rebuild;
mod removed;
mod request;
mod rewrite;
mod seconds;
mod shift;
mod sources;
mod spending;
mod stage;
mod tables;
mod tombstone;
mod twins;
mod unusual;
mod usage;
mod verify;
mod workers;
mod workspace;

use std::sync::Arc;

use chrono::Datelike as _;
use tokio_util::sync::CancellationToken;

pub use agenda::Agenda;
pub use check::{Live, check};
pub use chosen::is_selected;
pub use columns::columns_now;
pub use committed::{CommittedTable, committed};
pub use compact::{Compacted, compact};
pub use counts::{Probed, probe};
pub use estimate::estimate;
pub use fit::fit;
pub use forget::{Forgotten, forget};
pub use layouts::{TableLayout, layouts};
pub use month::usable;
pub use presets::{newer_presets, with_recorded_presets};
pub use probes::probe_now;
pub use progress::{Progress, Snapshot};
pub use rebuild::rebuild;
pub use request::first_request;
pub use stage::Tuning;
pub use usage::usage;
pub use verify::{Fault, Verified, verify};

use self::bodies::blocking;
use self::book::Book;
use self::closing::close;
use self::ledger::UnitLedger;
use self::place::store;
use self::shift::{Shift, first_claim};
use self::stage::Stage;
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig};
use crate::error::{Errors, Result};
use crate::landing::Landing;
use crate::limits::{Ledger, UnitMeter};
use crate::model::{Night as Date, TaskId};
use crate::report::RunReport;
use crate::store::{Files, Store};
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
        Self {
            config: Arc::new(config),
            agenda,
            budget,
            clock,
            tuning: Tuning::default(),
            is_sample: false,
        }
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
    /// What kept the run from beginning: destination, key, or every due task claimed by others ([`crate::error::Code::Locked`]).
    pub async fn run(
        self,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> Result<(RunReport, Errors), Errors> {
        let started = self.clock.instant();
        let Self {
            config,
            mut agenda,
            budget,
            clock,
            tuning,
            is_sample,
        } = self;
        let run_id = stage::run_id(&clock);
        let store = store(&config)?;
        let ledger = Arc::new(UnitLedger::new(&store, &run_id, &clock));
        let promises = Arc::clone(&ledger) as Arc<dyn Ledger>;
        let meter =
            UnitMeter::with_ledger(Some(budget), month::share_caps(&config.budget), promises);
        let client = stage::client(&config, meter, &clock, tuning).await?;
        let client = if is_sample {
            client.free_only()
        } else {
            client
        };
        let mut left = None;
        let put_off = if agenda.jobs.is_empty() {
            Vec::new()
        } else {
            let account =
                month::account(&client, &config, &store, &clock, &mut agenda.notes).await?;
            if let Some(account) = &account {
                ledger.keep_to(account.month.clone());
                left = Some(account.left());
            }
            let landing = landing(&config, &store);
            pace::pace(
                &config,
                &mut agenda,
                account.as_ref(),
                &landing,
                clock.today(),
                budget,
            )?
        };
        let jobs = std::mem::take(&mut agenda.jobs);
        let opening = (Arc::clone(&config), Arc::clone(&clock));
        let stage = blocking(move || {
            Stage::open(opening.0, run_id, jobs, Some(client), opening.1, progress)
        })
        .await?;
        let stage = Arc::new(stage);
        let mut book = Book::new(&stage, &agenda);
        book.report.month = left;
        for task in &put_off {
            book.put_off(&stage, task);
        }
        let beginning = Arc::clone(&stage);
        let (notes, claims) = blocking(move || {
            pack::settle_left(&beginning)?;
            spending::close_books_of_the_dead(&beginning)?;
            let notes = ledger::close_books_of_the_dead(&beginning.store, &beginning.who)?;
            nights::begin(&beginning.store, &beginning.config, &beginning.jobs)?;
            Ok((notes, first_claim(&beginning)?))
        })
        .await?;
        book.report.notes.extend(notes);
        stage.progress.expect_tasks(stage.jobs.len());
        if !stage.jobs.is_empty() {
            // Where an answer may be cut, its end rests on what is assumed of caps, whether or not it can be paged.
            let may_be_cut = |job: &stage::Job| {
                let report = stage.config.reports.get(job.task.report);
                report.is_some_and(|report| report.endpoint.parameter("limit").is_some())
            };
            if stage.jobs.iter().any(may_be_cut) {
                probes::ensure(&stage, &mut book.report.notes).await?;
            }
            Shift::new(&stage, agenda.refetch, &cancel, claims)
                .work(&mut book)
                .await?;
        }
        let closing = Arc::clone(&stage);
        let unfinished = book.take_unfinished();
        let tonight = agenda.tonight;
        match blocking(move || close(&closing, tonight, unfinished)).await {
            Ok(notes) => book.report.notes.extend(notes),
            // What was fetched and committed is to be told all the same.
            Err(error) => book.errors.push(error),
        }
        book.close(
            &stage,
            &ledger,
            (clock.instant() - started).as_secs_f64(),
            cancel.is_cancelled(),
        )
    }
}

/// Name of the claim that says that somebody works on a task.
fn claim_name(night: Date, task: &TaskId) -> String {
    format!("{night}/{}", task.0)
}

/// Where a configuration's saved responses lie.
pub(crate) fn landing(config: &RunConfig, store: &Store) -> Landing {
    let folder = config.destination.responses.clone();
    Landing::new(folder.map_or_else(|| store.files("responses"), Files::Disk))
}

/// The schema that a report wants for its table.
///
/// # Errors
/// [`crate::error::Code::Column`] or [`crate::error::Code::Schema`]; a resolved configuration has neither.
pub fn table_schema(report: &Report) -> Result<TableSchema> {
    table_schema_of(report, &report.columns)
}

/// The schema of a report's table with these columns of its operation.
fn table_schema_of(report: &Report, columns: &[String]) -> Result<TableSchema> {
    let parameters: Vec<String> = report
        .varying
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    let schema = TableSchema::new(&report.name, report.endpoint, columns, &parameters)?;
    Ok(if report.changes.is_some() {
        schema.with_change()
    } else {
        schema
    })
}

/// Folder of the partition in which a report keeps a night: that of the night, or of a history its year.
fn partition_of(report: &Report, night: Date) -> String {
    if report.endpoint.history_column().is_some() {
        history::period_name(night.year())
    } else {
        partition_name(night)
    }
}

/// Folder of a night's partition.
fn partition_name(night: Date) -> String {
    segment("snapshot_date", &night.to_string())
}
