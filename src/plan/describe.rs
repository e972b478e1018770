//! What `check --offline` prints: each report with what it asks and costs. Pure.

use std::fmt::Write as _;

use super::bill::{FREE_BUDGET_UNITS, Total, total};
use super::task::Task;
use crate::config::{DEFAULT_HISTORY, Report, RunConfig};

/// The configuration and its tasks in words, for a person.
pub fn describe(config: &RunConfig, tasks: &[Task]) -> String {
    let mut out = String::new();
    let keys: Vec<_> = config.source.keys.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "configuration {}: correct", config.file().display());
    let _ = writeln!(out, "source        {} with the key from {}", config.source.base_url, keys.join(", then "));
    let _ = writeln!(out, "destination   {}", config.destination.path.display());
    let _ = writeln!(out, "targets       {}", config.targets.len());
    for (index, report) in config.reports.iter().enumerate() {
        let own: Vec<_> = tasks.iter().filter(|task| task.report == index).collect();
        describe_report(&mut out, report, &own);
    }
    let _ = writeln!(out, "\n{} tasks a night, {}", tasks.len(), bill(tasks, config.budget.per_run));
    out
}

fn describe_report(out: &mut String, report: &Report, tasks: &[&Task]) {
    let _ = writeln!(out, "\n{}  ({})", report.name, report.endpoint.name);
    let targets = report.targets.len();
    let _ = writeln!(out, "  {} columns, {targets} targets, {} tasks", report.columns.len(), tasks.len());
    let _ = writeln!(out, "  {}", price(report, tasks.first().copied()));
    for (name, value) in &report.parameters {
        let differs = name == "history" && value == DEFAULT_HISTORY;
        let note = if differs { "  (the API's own default is all_time, which costs more)" } else { "" };
        let _ = writeln!(out, "  {name} = {value}{note}");
    }
    for (name, values) in &report.varying {
        let _ = writeln!(out, "  {name} = {}", values.join(", "));
    }
    if let Some(since) = report.since {
        let _ = writeln!(out, "  since {since}");
    }
    if report.changes.is_some() {
        let _ = writeln!(
            out,
            "  changes: all live rows the first night, then what came or went since the last complete one"
        );
        let _ = writeln!(out, "  the latest night's word on a row counts, by {}", report.endpoint.identity.join(", "));
    }
    if let Some(top) = &report.top {
        let _ = writeln!(out, "  the {} rows of a task with the greatest {}", top.rows, top.by);
    }
    if let Some(rows) = report.max_rows {
        let _ = writeln!(out, "  at most {rows} rows a task; reaching it is reported as capped");
    }
}

fn price(report: &Report, task: Option<&Task>) -> String {
    match task {
        None => "nothing to fetch".to_owned(),
        Some(task) if task.units_per_row == 0 => "no price by the row".to_owned(),
        Some(task) if task.order_key.is_empty() => {
            let is_whole = report.endpoint.parameter("limit").is_none();
            let how = if is_whole { "answered whole" } else { "one answer: it cannot be paged, and may be capped" };
            format!("{} units a row; {how}", task.units_per_row)
        }
        Some(task) => format!(
            "{} units a row, {} of them for {} by {}",
            task.units_per_row,
            task.surcharge_per_row,
            if report.top.is_some() { "ranking" } else { "paging" },
            task.order_key.join(", ")
        ),
    }
}

fn bill(tasks: &[Task], per_run: Option<u64>) -> String {
    let bound = match total(tasks) {
        Total::AtMost(units) => format!("at most {units} units"),
        Total::Unbounded => "no upper bound of units (all rows of some reports are fetched)".to_owned(),
    };
    match per_run {
        Some(units) => format!("{bound}; the budget stops a run at {units} units"),
        None => format!("{bound}; no budget is set, so at most {FREE_BUDGET_UNITS} units would run"),
    }
}
