//! The command `run`.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::dry_run::describe_dry_run;
use crate::cli::arguments::{Globals, RunArgs};
use crate::cli::configuration::load_configuration;
use crate::cli::exit::ExitResult;
use crate::cli::progress::ProgressDisplay;
use crate::cli::signals::interrupted;
use crate::cli::{not_implemented, output, test_overrides};
use crate::config::{Environment, RunConfig};
use crate::context::progress::Progress;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::plan::{self, Selection};
use crate::report::{RunReport, RunStatus, run_summary};
use crate::run::ExportRun;
use crate::schedule::plan_run;

/// What follows the summary of an interrupted run.
const RESUME_HINT: &str = "\
interrupted: every response that was paid for is saved
next: run the same command again; it continues from there
";

/// Finishes open tasks, fetches what is due, commits it.
pub(in crate::cli) async fn run(globals: &Globals, command: RunArgs) -> ExitResult {
    not_implemented::check_run_flags(&command)?;
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let mut config = load_configuration(globals, &environment)?;
    if command.sample {
        config = config.sample();
    }
    let mut selection = command.selection.resolve()?;
    if command.base {
        config.run.new_base = true;
        selection.reports = reports_of_changes(&config, &selection)?;
    }
    let is_refetch = command.refetch || command.base;
    let mut run_plan = plan_run(&config, clock.today(), &selection, is_refetch)?;
    if command.sample {
        run_plan.retain_free_tasks(&config);
    }
    let budget = run_budget(&config, &command);
    if command.dry_run {
        let deferred = run_plan.defer(&config, clock.today(), budget.unwrap_or(u64::MAX))?;
        output::print(&describe_dry_run(&config, &run_plan, &deferred));
        return Ok(0);
    }
    plan::require_budget(&run_plan.tasks(), budget.or(config.budget.per_month))?;
    let budget = budget.unwrap_or_else(|| default_budget(&config));
    let mut export = ExportRun::new(config, run_plan, budget, clock)
        .with_tuning(test_overrides::timing(&environment)?);
    if command.sample {
        export = export.sample();
    }
    let (report, errors) = run_with_progress(globals, export).await?;
    print_report(&report, &errors, command.json)?;
    Ok(exit_code(&report, &errors))
}

/// The smallest budget of the run; that of a sample is 0, and its client sends only free requests. `None` without a budget.
fn run_budget(config: &RunConfig, command: &RunArgs) -> Option<u64> {
    if command.sample {
        return Some(0);
    }
    match (config.budget.per_run, command.max_units) {
        (Some(configured), Some(max_units)) => Some(configured.min(max_units)),
        (configured, max_units) => configured.or(max_units),
    }
}

/// The budget of a run without one: that of the month, which is kept while the run spends, or else only free requests.
fn default_budget(config: &RunConfig) -> u64 {
    if config.budget.per_month.is_some() {
        u64::MAX
    } else {
        plan::FREE_BUDGET_UNITS
    }
}

/// The selected reports of changes, for which a new base is made.
///
/// # Errors
/// [`ErrorCode::Usage`] if there is none, or another report is selected.
fn reports_of_changes(config: &RunConfig, selection: &Selection) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for report in &config.reports {
        if report.changes.is_some() {
            names.push(report.name.clone());
        }
    }
    let other = selection.reports.iter().find(|name| !names.contains(name));
    let message = match other {
        Some(name) => format!("--base is for reports of changes only, and `{name}` is not one"),
        None if names.is_empty() => {
            "--base is for reports of changes only, and the configuration has none".to_owned()
        }
        None if selection.reports.is_empty() => return Ok(names),
        None => return Ok(selection.reports.clone()),
    };
    Err(Error::new(ErrorCode::Usage, message)
        .with_hint("to fetch other reports again: backhaul run --refetch"))
}

/// Runs with progress on stderr. The first interrupt ends the run at a safe point, the second at once.
async fn run_with_progress(
    globals: &Globals,
    export: ExportRun,
) -> Result<(RunReport, Errors), Errors> {
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let _display = ProgressDisplay::start(globals, &progress);
    let export = export.run(Arc::clone(&progress), cancel.clone());
    tokio::pin!(export);
    tokio::select! {
        result = &mut export => return result,
        () = interrupted() => cancel.cancel(),
    }
    output::eprint_text("interrupted: ending at a safe point; interrupt again to end at once\n");
    tokio::select! {
        result = &mut export => result,
        () = interrupted() => Err(Error::new(ErrorCode::Interrupted, "interrupted twice: ended at once")
            .with_hint("run the same command again: it continues with the saved responses")
            .into()),
    }
}

fn print_report(report: &RunReport, errors: &Errors, as_json: bool) -> Result<()> {
    if !errors.0.is_empty() {
        output::eprint_text(&errors.render());
    }
    if as_json {
        output::print(&output::json(report)?);
    } else {
        output::print(&run_summary(report));
    }
    if report.status == RunStatus::Interrupted {
        output::eprint_text(RESUME_HINT);
    }
    Ok(())
}

/// A run in which nothing succeeded ends with its error's own status, unless something was sent: then 1, since 2 and 5 mean
/// that nothing was.
fn exit_code(report: &RunReport, errors: &Errors) -> u8 {
    match (report.status, errors.exit_code()) {
        (RunStatus::Failed, 2 | 5) if report.requests > 0 => 1,
        (RunStatus::Failed, 0) => 1,
        (RunStatus::Failed, code) => code,
        (RunStatus::Done, code) if code != 0 => 3,
        (status, _) => status.exit_code(),
    }
}
