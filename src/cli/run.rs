//! `run`: the nightly job.

use std::fmt::Write as _;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::arguments::{Globals, Run};
use super::progress::Display;
use super::{ExitResult, not_implemented, output, test_overrides};
use crate::config::{Environment, RunConfig};
use crate::context::progress::Progress;
use crate::error::{Code, Error, Errors};
use crate::plan::{self, Selection};
use crate::report::{RunReport, RunStatus, format_count, run_summary};
use crate::run::ExportRun;
use crate::schedule::run_plan::RunPlan;

/// Finishes what is open, fetches what is due, commits it.
pub async fn run(globals: &Globals, command: Run) -> ExitResult {
    not_implemented::run(&command)?;
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let mut config = if command.sample {
        config.sample()
    } else {
        config
    };
    let mut selection = selection(&command.selection)?;
    if command.base {
        config.run.new_base = true;
        selection.reports = reports_of_changes(&config, &selection)?;
    }
    let mut run_plan = crate::schedule::plan_run(
        &config,
        clock.today(),
        &selection,
        command.refetch || command.base,
    )?;
    if command.sample {
        run_plan.retain_free_tasks(&config);
    }
    // A sample has the smallest budget there is, and a client that sends nothing else.
    let nothing = command.sample.then_some(0);
    let budget = [config.budget.per_run, command.max_units, nothing]
        .into_iter()
        .flatten()
        .min();
    if command.dry_run {
        let deferred = run_plan.defer(&config, clock.today(), budget.unwrap_or(u64::MAX))?;
        output::print(&dry_run(&config, &run_plan, &deferred));
        return Ok(0);
    }
    plan::require_budget(&run_plan.tasks(), budget.or(config.budget.per_month))?;
    // The month's budget is kept while the run spends, as every other.
    let without = if config.budget.per_month.is_some() {
        u64::MAX
    } else {
        plan::FREE_BUDGET_UNITS
    };
    let budget = budget.unwrap_or(without);
    let night = ExportRun::new(config, run_plan, budget, clock)
        .with_tuning(test_overrides::tuning(&environment)?);
    let night = if command.sample {
        night.sample()
    } else {
        night
    };
    let (report, errors) = watched(globals, night).await?;
    if !errors.0.is_empty() {
        output::eprint_text(&errors.render());
    }
    if command.json {
        output::print(&json(&report)?);
    } else {
        output::print(&run_summary(&report));
    }
    if report.status == RunStatus::Interrupted {
        output::eprint_text(RESUME);
    }
    Ok(exit_code(&report, &errors))
}

/// What follows an interrupt.
const RESUME: &str = "interrupted: what was paid for is saved\nnext: run the same command again; it goes on from there\n";

/// The reports that a new base is of: those of changes, of what is selected.
///
/// # Errors
/// [`Code::Usage`] if there is none, or a report is named that is none.
fn reports_of_changes(config: &RunConfig, selection: &Selection) -> Result<Vec<String>, Error> {
    let all = config
        .reports
        .iter()
        .filter(|report| report.changes.is_some())
        .map(|report| report.name.clone());
    let all: Vec<String> = all.collect();
    let other = selection.reports.iter().find(|name| !all.contains(name));
    let message = match other {
        Some(name) => format!("--base is for reports of changes, and `{name}` is none"),
        None if all.is_empty() => {
            "--base is for reports of changes, and the configuration has none".to_owned()
        }
        None if selection.reports.is_empty() => return Ok(all),
        None => return Ok(selection.reports.clone()),
    };
    Err(Error::new(Code::Usage, message).with_next("run --refetch fetches other reports again"))
}

/// What the command line selects.
///
/// # Errors
/// [`Code::Usage`] for a range of nights that ends before it begins.
pub fn selection(selection: &super::arguments::Selection) -> Result<Selection, Error> {
    let super::arguments::Selection {
        reports,
        targets,
        date,
        from,
        to,
    } = selection.clone();
    let between = from.zip(to);
    if let Some((from, to)) = between.filter(|(from, to)| from > to) {
        return Err(Error::new(
            Code::Usage,
            format!("--from {from} lies after --to {to}"),
        ));
    }
    Ok(Selection {
        reports,
        targets,
        date,
        between,
    })
}

/// Runs a night with progress on stderr. The first interrupt ends it at a safe point, the second at once.
async fn watched(globals: &Globals, night: ExportRun) -> Result<(RunReport, Errors), Errors> {
    let progress = Arc::new(Progress::default());
    let cancel = CancellationToken::new();
    let _display = Display::start(globals, &progress);
    let night = night.run(Arc::clone(&progress), cancel.clone());
    tokio::pin!(night);
    tokio::select! {
        outcome = &mut night => return outcome,
        () = interrupted() => cancel.cancel(),
    }
    output::eprint_text("interrupted: ending at a safe point; interrupt again to end at once\n");
    tokio::select! {
        outcome = &mut night => outcome,
        () = interrupted() => Err(Error::new(Code::Interrupted, "interrupted twice: ended at once")
            .with_next("run the same command again: it goes on from what was paid for")
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
        .map_err(|error| {
            Error::new(Code::Internal, "the report cannot be written as JSON").with_source(error)
        })
}

/// A run in which nothing succeeded ends with its error's own status, unless something was sent: then 1, since 2 and 5 say
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

fn dry_run(config: &RunConfig, run_plan: &RunPlan, deferred: &[String]) -> String {
    /// Tasks that are listed by name.
    const SHOWN: usize = 20;
    let tasks = run_plan.tasks();
    let bound = match plan::total(&tasks) {
        plan::CostBound::AtMost(units) => format!("at most {} units", format_count(units)),
        plan::CostBound::Unbounded => "no upper bound: some report fetches all rows".to_owned(),
    };
    let mut text = format!("{}\n", plan::describe(config, &tasks));
    for note in &run_plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    if !deferred.is_empty() {
        text.push_str(
            "\ndeferred, by what is known here of the month (the run itself asks the workspace):\n",
        );
        deferred.iter().take(SHOWN).for_each(|line| {
            let _ = writeln!(text, "  {line}");
        });
        if deferred.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", deferred.len() - SHOWN);
        }
    }
    let complete = run_plan.num_complete();
    if complete > 0 {
        let _ = writeln!(
            text,
            "{complete} tasks of night {} are complete and cost nothing",
            run_plan.tonight
        );
    }
    let deferred = if deferred.is_empty() {
        String::new()
    } else {
        format!(", {} are deferred", deferred.len())
    };
    let _ = writeln!(
        text,
        "{} tasks would be fetched{deferred}, {bound}; nothing was sent",
        tasks.len()
    );
    text
}
