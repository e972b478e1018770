//! What `run --dry-run` prints.

use std::fmt::Write as _;

use crate::config::RunConfig;
use crate::plan::{self, CostBound};
use crate::report::count_noun;
use crate::schedule::run_plan::RunPlan;

/// Deferred tasks that are listed by name.
const LISTED_TASKS_MAX: usize = 20;

/// The tasks of a run, their cost, and which of them are deferred.
pub(super) fn describe_dry_run(
    config: &RunConfig,
    run_plan: &RunPlan,
    deferred: &[String],
) -> String {
    let tasks = run_plan.tasks();
    let mut text = format!("{}\n", plan::describe(config, &tasks));
    for note in &run_plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    list_deferred(&mut text, deferred);
    let complete = run_plan.num_complete();
    if complete > 0 {
        let _ = writeln!(
            text,
            "{} of night {} {} complete: 0 units",
            count_noun(complete, "task"),
            run_plan.tonight,
            if complete == 1 { "is" } else { "are" }
        );
    }
    let deferred = if deferred.is_empty() {
        String::new()
    } else {
        let are = if deferred.len() == 1 { "is" } else { "are" };
        format!(", {} {are} deferred", deferred.len())
    };
    let cost = match plan::total(&tasks) {
        CostBound::AtMost(units) => format!("at most {}", count_noun(units, "unit")),
        CostBound::Unbounded => "no upper bound: a report fetches all rows".to_owned(),
    };
    let _ = writeln!(
        text,
        "{} would be fetched{deferred}, {cost}; nothing was sent",
        count_tasks(tasks.len())
    );
    text
}

fn list_deferred(text: &mut String, deferred: &[String]) {
    if deferred.is_empty() {
        return;
    }
    text.push_str(
        "\ndeferred, by what is known here about the month (the run itself asks the workspace):\n",
    );
    for line in deferred.iter().take(LISTED_TASKS_MAX) {
        let _ = writeln!(text, "  {line}");
    }
    if deferred.len() > LISTED_TASKS_MAX {
        let _ = writeln!(text, "  and {} more", deferred.len() - LISTED_TASKS_MAX);
    }
}

fn count_tasks(number: usize) -> String {
    count_noun(u64::try_from(number).unwrap_or(u64::MAX), "task")
}
