//! A run from its beginning to its report.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::{TimingOverrides, client, new_run_id};
use crate::context::progress::Progress;
use crate::context::run_context::RunContext;
use crate::error::{Errors, Result};
use crate::fetch::accounts::month_status;
use crate::fetch::body::run_blocking;
use crate::fetch::{batch_split, probes};
use crate::ledger::recovery::close_dead_run_logs;
use crate::ledger::reservations::ReservationLog;
use crate::ledger::{month, reservations};
use crate::limits::{ReservationStore, UnitMeter};
use crate::plan::ScheduledTask;
use crate::report::RunReport;
use crate::run::finish::finish_run;
use crate::run::partition_scheduler::{PartitionScheduler, first_claim};
use crate::run::report_builder::RunReportBuilder;
use crate::schedule::pacing;
use crate::schedule::run_plan::RunPlan;
use crate::state::night_record;
use crate::state::open::{open_read_only, response_store};

/// A run, ready to begin.
#[derive(Debug)]
pub struct ExportRun {
    config: Arc<RunConfig>,
    run_plan: RunPlan,
    budget: u64,
    clock: SharedClock,
    tuning: TimingOverrides,
    is_sample: bool,
}

impl ExportRun {
    /// What `agenda` says of `config`, for at most `budget` units.
    pub fn new(config: RunConfig, run_plan: RunPlan, budget: u64, clock: SharedClock) -> Self {
        Self {
            config: Arc::new(config),
            run_plan,
            budget,
            clock,
            tuning: TimingOverrides::default(),
            is_sample: false,
        }
    }

    /// Switches of tests.
    #[must_use]
    pub fn with_tuning(mut self, tuning: TimingOverrides) -> Self {
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
    /// What kept the run from beginning: destination, key, or every due task claimed by others ([`crate::error::ErrorCode::Locked`]).
    pub async fn run(
        self,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> Result<(RunReport, Errors), Errors> {
        let started = self.clock.instant();
        let Self {
            config,
            mut run_plan,
            budget,
            clock,
            tuning,
            is_sample,
        } = self;
        let run_id = new_run_id(&clock);
        let store = open_read_only(&config)?;
        let ledger = Arc::new(ReservationLog::new(&store, &run_id, &clock));
        let promises = Arc::clone(&ledger) as Arc<dyn ReservationStore>;
        let meter =
            UnitMeter::with_store(Some(budget), month::share_caps(&config.budget), promises);
        let client = client(&config, meter, &clock, tuning).await?;
        let client = if is_sample {
            client.free_only()
        } else {
            client
        };
        let mut left = None;
        let deferred = if run_plan.jobs.is_empty() {
            Vec::new()
        } else {
            let account =
                month_status(&client, &config, &store, &clock, &mut run_plan.notes).await?;
            if let Some(account) = &account {
                ledger.limit_to_month(account.month.clone());
                left = Some(account.left());
            }
            let landing = response_store(&config, &store);
            pacing::defer_unaffordable(
                &config,
                &mut run_plan,
                account.as_ref(),
                &landing,
                clock.today(),
                budget,
            )?
        };
        let jobs = std::mem::take(&mut run_plan.jobs);
        let opening = (Arc::clone(&config), Arc::clone(&clock));
        let context = run_blocking(move || {
            RunContext::open(opening.0, run_id, jobs, Some(client), opening.1, progress)
        })
        .await?;
        let context = Arc::new(context);
        let mut report_builder = RunReportBuilder::new(&context, &run_plan);
        report_builder.report.month = left;
        for task in &deferred {
            report_builder.record_deferred(&context, task);
        }
        let beginning = Arc::clone(&context);
        let (notes, claims) = run_blocking(move || {
            batch_split::split_leftover_batches(&beginning)?;
            close_dead_run_logs(&beginning.recovery())?;
            let notes = reservations::settle_dead_runs(&beginning.store, &beginning.who)?;
            night_record::record_planned(&beginning.store, &beginning.config, &beginning.jobs)?;
            Ok((notes, first_claim(&beginning)?))
        })
        .await?;
        report_builder.report.notes.extend(notes);
        context.progress.expect_tasks(context.jobs.len());
        if !context.jobs.is_empty() {
            // Where an answer may be cut, its end rests on what is assumed of caps, whether or not it can be paged.
            let may_be_cut = |job: &ScheduledTask| {
                let report = context.config.reports.get(job.task.report);
                report.is_some_and(|report| report.endpoint.parameter("limit").is_some())
            };
            if context.jobs.iter().any(may_be_cut) {
                probes::ensure_verdicts(&context, &mut report_builder.report.notes).await?;
            }
            PartitionScheduler::new(&context, run_plan.refetch, &cancel, claims)
                .work(&mut report_builder)
                .await?;
        }
        let closing = Arc::clone(&context);
        let unfinished = report_builder.take_unfinished();
        let tonight = run_plan.tonight;
        match run_blocking(move || finish_run(&closing, tonight, unfinished)).await {
            Ok(notes) => report_builder.report.notes.extend(notes),
            // What was fetched and committed is to be told all the same.
            Err(error) => report_builder.errors.push(error),
        }
        report_builder.close(
            &context,
            &ledger,
            (clock.instant() - started).as_secs_f64(),
            cancel.is_cancelled(),
        )
    }
}
