//! A run from its beginning to its report.

use std::collections::BTreeMap;
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
use crate::fetch::task_claim::TaskClaim;
use crate::fetch::{batch_split, probes};
use crate::ledger::recovery::close_dead_run_logs;
use crate::ledger::reservations::ReservationLog;
use crate::ledger::{month, reservations};
use crate::limits::{ReservationStore, UnitMeter};
use crate::model::SnapshotDate;
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

    /// Runs it. The report comes with every error that a task ended with.
    ///
    /// # Errors
    /// What kept the run from beginning: destination, key, or every due task claimed by others ([`crate::error::ErrorCode::Locked`]).
    pub async fn run(
        self,
        progress: Arc<Progress>,
        cancel: CancellationToken,
    ) -> Result<(RunReport, Errors), Errors> {
        let clock = Arc::clone(&self.clock);
        let started = clock.instant();
        let OpenRun {
            context,
            reservations,
            run_plan,
            mut report_builder,
        } = self.open(progress).await?;
        let claims = settle_leftovers(&context, &mut report_builder).await?;
        context.progress.expect_tasks(context.jobs.len());
        if !context.jobs.is_empty() {
            if has_answers_that_may_be_cut(&context) {
                probes::ensure_verdicts(&context, &mut report_builder.report.notes).await?;
            }
            PartitionScheduler::new(&context, run_plan.refetch, &cancel, claims)
                .work(&mut report_builder)
                .await?;
        }
        close_nights(&context, run_plan.tonight, &mut report_builder).await;
        report_builder.close(
            &context,
            &reservations,
            (clock.instant() - started).as_secs_f64(),
            cancel.is_cancelled(),
        )
    }

    /// Makes the client, defers what the month cannot afford, and opens the destination.
    async fn open(self, progress: Arc<Progress>) -> Result<OpenRun, Errors> {
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
        let reservations = Arc::new(ReservationLog::new(&store, &run_id, &clock));
        let meter = UnitMeter::with_store(
            Some(budget),
            month::share_caps(&config.budget),
            Arc::clone(&reservations) as Arc<dyn ReservationStore>,
        );
        let mut client = client(&config, meter, &clock, tuning).await?;
        if is_sample {
            client = client.free_only();
        }
        let mut month_left = None;
        let mut deferred = Vec::new();
        if !run_plan.jobs.is_empty() {
            let status =
                month_status(&client, &config, &store, &clock, &mut run_plan.notes).await?;
            if let Some(status) = &status {
                reservations.limit_to_month(status.month.clone());
                month_left = Some(status.left());
            }
            deferred = pacing::defer_unaffordable(
                &config,
                &mut run_plan,
                status.as_ref(),
                &response_store(&config, &store),
                clock.today(),
                budget,
            )?;
        }
        let jobs = std::mem::take(&mut run_plan.jobs);
        let context = run_blocking(move || {
            RunContext::open(config, run_id, jobs, Some(client), clock, progress)
        })
        .await?;
        let context = Arc::new(context);
        let mut report_builder = RunReportBuilder::new(&context, &run_plan);
        report_builder.report.month = month_left;
        for task in &deferred {
            report_builder.record_deferred(&context, task);
        }
        Ok(OpenRun {
            context,
            reservations,
            run_plan,
            report_builder,
        })
    }
}

/// A run whose destination is open.
struct OpenRun {
    context: Arc<RunContext>,
    reservations: Arc<ReservationLog>,
    run_plan: RunPlan,
    report_builder: RunReportBuilder,
}

/// Settles what killed runs left, records what this run plans, and claims its first task.
async fn settle_leftovers(
    context: &Arc<RunContext>,
    report_builder: &mut RunReportBuilder,
) -> Result<BTreeMap<usize, TaskClaim>, Errors> {
    let shared = Arc::clone(context);
    let (notes, claims) = run_blocking(move || {
        batch_split::split_leftover_batches(&shared)?;
        close_dead_run_logs(&shared.recovery())?;
        let notes = reservations::settle_dead_runs(&shared.store, &shared.who)?;
        night_record::record_planned(&shared.store, &shared.config, &shared.jobs)?;
        Ok((notes, first_claim(&shared)?))
    })
    .await?;
    report_builder.report.notes.extend(notes);
    Ok(claims)
}

/// Whether an answer may be cut: its end rests on what is assumed of caps, whether or not it can be paged.
fn has_answers_that_may_be_cut(context: &RunContext) -> bool {
    for job in context.jobs.iter() {
        if let Some(report) = context.config.reports.get(job.task.report)
            && report.endpoint.parameter("limit").is_some()
        {
            return true;
        }
    }
    false
}

/// Closes the nights that are done. What was fetched and committed is reported even if that fails.
async fn close_nights(
    context: &Arc<RunContext>,
    tonight: SnapshotDate,
    report_builder: &mut RunReportBuilder,
) {
    let shared = Arc::clone(context);
    let unfinished = report_builder.take_unfinished();
    match run_blocking(move || finish_run(&shared, tonight, unfinished)).await {
        Ok(notes) => report_builder.report.notes.extend(notes),
        Err(error) => report_builder.errors.push(error),
    }
}
