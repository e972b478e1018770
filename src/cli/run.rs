//! `run`: the nightly job.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::{Globals, Run};
use super::progress::Display;
use super::{Outcome, later, output};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Environment, RunConfig, load};
use crate::error::{Code, Error, Errors};
use crate::plan::{self, Selection};
use crate::report::{RunReport, count, summary};
use crate::run::{Night, Progress, Tuning};

/// Fetches what is due and commits it.
pub async fn run(globals: &Globals, command: Run) -> Outcome {
    later::run(&command)?;
    let environment = Environment::of_process();
    let config = load(&globals.config, &environment)?;
    let selection = selection(&command.selection);
    let today = SystemClock.today();
    let date = plan::night(selection.date, today)?;
    let tasks = plan::tasks(&config, date, today, &selection)?;
    let budget = [config.budget.per_run, command.max_units].into_iter().flatten().min();
    if command.dry_run {
        output::print(&dry_run(&config, &tasks));
        return Ok(0);
    }
    plan::guard(&tasks, budget)?;
    let budget = budget.unwrap_or(plan::FREE_BUDGET_UNITS);
    let night = Night::new(config, date, tasks, budget, Arc::new(SystemClock)).with_tuning(tuning(&environment)?);
    let (report, errors) = watched(globals, night).await?;
    if !errors.0.is_empty() {
        output::talk(&errors.render());
    }
    if command.json {
        output::print(&json(&report)?);
    } else {
        output::print(&summary(&report));
    }
    Ok(exit_code(&report, &errors))
}

/// Factor on the waits between attempts, for tests; a number.
const TEST_WAIT_SCALE: &str = "BACKHAUL_TEST_WAIT_SCALE";

/// Longest time for a whole answer in milliseconds, for tests.
const TEST_TIMEOUT_MS: &str = "BACKHAUL_TEST_TIMEOUT_MS";

/// The switches of tests, where they are set.
pub fn tuning(environment: &Environment) -> Result<Tuning, Error> {
    let mut tuning = Tuning::default();
    let fault = |name: &str| Error::new(Code::Usage, format!("{name} is no number")).with_next(format!("unset {name}"));
    if let Some(text) = environment.get(TEST_WAIT_SCALE) {
        let scale: f64 = text.parse().map_err(|error| fault(TEST_WAIT_SCALE).with_source(error))?;
        tuning.wait_scale = if scale.is_finite() { scale.clamp(0.0, 1.0) } else { 1.0 };
    }
    if let Some(text) = environment.get(TEST_TIMEOUT_MS) {
        tuning.timeout =
            Duration::from_millis(text.parse().map_err(|error| fault(TEST_TIMEOUT_MS).with_source(error))?);
    }
    Ok(tuning)
}

/// What the command line selects.
pub fn selection(selection: &super::arguments::Selection) -> Selection {
    let super::arguments::Selection { reports, targets, date, from: _, to: _ } = selection.clone();
    Selection { reports, targets, date }
}

/// Runs a night with progress on stderr. The first interrupt ends it at a safe point, the second at once.
async fn watched(globals: &Globals, night: Night) -> Result<(RunReport, Errors), Errors> {
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let _display = Display::start(globals, &progress);
    let night = night.run(Arc::clone(&progress), cancel.clone());
    tokio::pin!(night);
    tokio::select! {
        outcome = &mut night => return outcome,
        () = interrupted() => cancel.cancel(),
    }
    output::talk("interrupted: ending at a safe point; interrupt again to end at once\n");
    tokio::select! {
        outcome = &mut night => outcome,
        () = interrupted() => Err(Error::new(Code::Interrupted, "interrupted twice: ended at once")
            .with_next("run the same command again: what was paid for is kept")
            .into()),
    }
}

/// Ends when the user or the system asks the process to.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The report's JSON with a line end.
pub fn json(report: &RunReport) -> Result<String, Error> {
    serde_json::to_string(report)
        .map(|text| text + "\n")
        .map_err(|error| Error::new(Code::Internal, "the report cannot be written as JSON").with_source(error))
}

/// A run in which nothing succeeded ends with its error's own status.
fn exit_code(report: &RunReport, errors: &Errors) -> u8 {
    match report.status {
        crate::report::RunStatus::Failed => match errors.exit_code() {
            0 => 1,
            code => code,
        },
        status => status.exit_code(),
    }
}

fn dry_run(config: &RunConfig, tasks: &[plan::Task]) -> String {
    let bound = match plan::total(tasks) {
        plan::Total::AtMost(units) => format!("at most {} units", count(units)),
        plan::Total::Unbounded => "no upper bound: some report fetches all rows".to_owned(),
    };
    format!("{}\n{} tasks, {bound}; nothing was sent\n", plan::describe(config, tasks), tasks.len())
}
