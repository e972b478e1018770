//! A run from its beginning to its report.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::{Tuning, client, run_id};
use crate::context::progress::Progress;
use crate::context::run_context::Stage;
use crate::error::{Errors, Result};
use crate::fetch::accounts::account;
use crate::fetch::body::blocking;
use crate::fetch::{batch, probes};
use crate::ledger::recovery::close_dead_run_logs;
use crate::ledger::reservations::UnitLedger;
use crate::ledger::{month, reservations};
use crate::limits::{Ledger, UnitMeter};
use crate::plan::ScheduledTask;
use crate::report::RunReport;
use crate::run::finish::close;
use crate::run::partition_scheduler::{Shift, first_claim};
use crate::run::report_builder::Book;
use crate::schedule::pacing;
use crate::schedule::run_plan::Agenda;
use crate::state::night_record;
use crate::state::open::{landing, store};

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
        let run_id = run_id(&clock);
        let store = store(&config)?;
        let ledger = Arc::new(UnitLedger::new(&store, &run_id, &clock));
        let promises = Arc::clone(&ledger) as Arc<dyn Ledger>;
        let meter =
            UnitMeter::with_ledger(Some(budget), month::share_caps(&config.budget), promises);
        let client = client(&config, meter, &clock, tuning).await?;
        let client = if is_sample {
            client.free_only()
        } else {
            client
        };
        let mut left = None;
        let put_off = if agenda.jobs.is_empty() {
            Vec::new()
        } else {
            let account = account(&client, &config, &store, &clock, &mut agenda.notes).await?;
            if let Some(account) = &account {
                ledger.keep_to(account.month.clone());
                left = Some(account.left());
            }
            let landing = landing(&config, &store);
            pacing::pace(
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
            batch::settle_left(&beginning)?;
            close_dead_run_logs(&beginning.recovery())?;
            let notes = reservations::close_books_of_the_dead(&beginning.store, &beginning.who)?;
            night_record::begin(&beginning.store, &beginning.config, &beginning.jobs)?;
            Ok((notes, first_claim(&beginning)?))
        })
        .await?;
        book.report.notes.extend(notes);
        stage.progress.expect_tasks(stage.jobs.len());
        if !stage.jobs.is_empty() {
            // Where an answer may be cut, its end rests on what is assumed of caps, whether or not it can be paged.
            let may_be_cut = |job: &ScheduledTask| {
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
