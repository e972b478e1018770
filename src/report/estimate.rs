//! What the next run will come to, and what would make it fit. Data in, text out.

use std::fmt::Write as _;

use serde::Serialize;

use super::count;
use super::usage::percent;

/// Targets of a report that are listed for a person. JSON has all of them.
const SHOWN: usize = 5;

/// The bill of the next run, beforehand.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// Minutes.
    pub minutes: f64,
    /// Units that the estimate itself cost.
    pub own_units: u64,
    /// Tasks of which nothing is known: their units are in no figure.
    pub unknown_tasks: u64,
    /// By report, in the order of the configuration.
    pub reports: Vec<ReportEstimate>,
    /// What is worth knowing.
    pub notes: Vec<String>,
    /// Every task, where that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<TaskEstimate>,
    /// What would make it fit, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
}

/// One report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportEstimate {
    /// The table.
    pub name: String,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures rest on.
    pub basis: String,
    /// Tasks that are due.
    pub due: u64,
    /// By target, in the order of the configuration.
    pub targets: Vec<TargetEstimate>,
}

/// One target of a report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TargetEstimate {
    /// The target.
    pub name: String,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures rest on.
    pub basis: String,
}

/// One task.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TaskEstimate {
    /// Its id, the same on every night.
    pub task: String,
    /// The night.
    pub night: String,
    /// The table.
    pub report: String,
    /// The target.
    pub target: String,
    /// What varies, `country=us`.
    pub parameters: Vec<String>,
    /// Units.
    pub units: u64,
    /// Rows.
    pub rows: u64,
    /// Requests.
    pub requests: u64,
    /// What the figures rest on.
    pub basis: String,
}

/// How the bill is made to fit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Units that it is to fit into.
    pub wanted: u64,
    /// Units of a run after the change, estimated again.
    pub units: u64,
    /// Whether that fits.
    pub fits: bool,
    /// What each column costs now, the dearest first.
    pub columns: Vec<ColumnShare>,
    /// What to change.
    pub changes: Vec<Change>,
}

/// What a column costs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ColumnShare {
    /// The table.
    pub report: String,
    /// The column.
    pub column: String,
    /// Units of a row.
    pub units_per_row: u64,
    /// Units of the run.
    pub units: u64,
}

/// A change to one report of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table.
    pub report: String,
    /// The columns that stay; empty where all do.
    pub columns: Vec<String>,
    /// The columns that go.
    pub dropped: Vec<String>,
    /// The fuse, where a new one is needed.
    pub max_rows: Option<u64>,
}

impl Estimate {
    /// For a person.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let names = self.reports.iter().map(|report| report.name.len());
        let targets = self.reports.iter().flat_map(|report| &report.targets).map(|target| target.name.len() + 2);
        let width = names.chain(targets).max().unwrap_or(0).max(6);
        let _ = writeln!(out, "{:width$}  {:>12}  {:>8}  {:>12}  basis", "report", "rows", "requests", "units");
        let line = |out: &mut String, name: &str, rows, requests, units, basis: &str| {
            let (rows, requests, units) = (count(rows), count(requests), count(units));
            let _ = writeln!(out, "{name:width$}  {rows:>12}  {requests:>8}  {units:>12}  {basis}");
        };
        for report in &self.reports {
            line(&mut out, &report.name, report.rows, report.requests, report.units, &report.basis);
            let mut targets: Vec<&TargetEstimate> = report.targets.iter().collect();
            targets.sort_by_key(|target| std::cmp::Reverse(target.units));
            for target in targets.iter().take(SHOWN).filter(|_| targets.len() > 1) {
                let name = format!("  {}", target.name);
                line(&mut out, &name, target.rows, target.requests, target.units, &target.basis);
            }
            if targets.len() > SHOWN {
                let _ = writeln!(out, "  and {} cheaper targets", targets.len() - SHOWN);
            }
        }
        let _ = writeln!(
            out,
            "\nthe next run: {} units for {} rows in {} requests, about {:.1} minutes; this estimate cost {} units",
            count(self.units),
            count(self.rows),
            count(self.requests),
            self.minutes,
            count(self.own_units)
        );
        if self.unknown_tasks > 0 {
            let _ = writeln!(
                out,
                "{} tasks were never fetched and nothing bounds them: they come on top. max_rows in their reports \
                 bounds them; run with --max-units to try",
                count(self.unknown_tasks)
            );
        }
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        self.list_tasks(&mut out);
        self.fit.iter().for_each(|fit| fit.text(&mut out, self.units));
        out
    }

    fn list_tasks(&self, out: &mut String) {
        if !self.tasks.is_empty() {
            let _ = writeln!(out, "\ntask              night       units       report target");
        }
        for task in &self.tasks {
            let TaskEstimate { task, night, report, target, parameters, units, .. } = task;
            let _ = write!(out, "{task}  {night}  {:>10}  {report} {target}", count(*units));
            for pair in parameters {
                out.extend([" ", pair.as_str()]);
            }
            out.push('\n');
        }
    }
}

impl Fit {
    /// The change as it is put into the configuration.
    pub fn toml(&self) -> String {
        let mut out = String::new();
        for Change { report, columns, dropped, max_rows } in &self.changes {
            let _ = writeln!(out, "[[report]]\nname = \"{report}\"");
            if !dropped.is_empty() {
                let kept: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
                let _ = writeln!(out, "# without {}", dropped.join(", "));
                let _ = writeln!(out, "columns = [{}]", kept.join(", "));
            }
            if let Some(rows) = max_rows {
                let _ = writeln!(out, "max_rows = {rows}");
            }
            out.push('\n');
        }
        out
    }

    fn text(&self, out: &mut String, total: u64) {
        /// Enough to see where the money goes.
        const COLUMNS: usize = 12;
        let _ = writeln!(out, "\nwhat the columns cost");
        for share in self.columns.iter().take(COLUMNS) {
            let ColumnShare { report, column, units_per_row, units } = share;
            let part = percent(*units, total);
            let _ = writeln!(out, "  {:>12}  {part:>6}  {units_per_row:>3} a row  {report}.{column}", count(*units));
        }
        if self.changes.is_empty() && self.fits {
            let _ = writeln!(out, "\nit fits into {} units as it is", count(self.wanted));
            return;
        }
        let (after, wanted) = (count(self.units), count(self.wanted));
        if self.fits {
            let _ = writeln!(
                out,
                "\nwith these lines in the place of their own a run comes to {after} units ({wanted} wanted):\n"
            );
        } else {
            let _ = writeln!(
                out,
                "\nno choice of columns and rows fits into {wanted} units: with the lines below a run comes to {after}. \
                 Every request costs 50 at least, so only fewer reports, targets or nights help further:\n"
            );
        }
        out.push_str(&self.toml());
    }
}
