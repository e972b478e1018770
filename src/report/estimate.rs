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
    /// Units that every run is to fit into.
    pub wanted: u64,
    /// Units of the next run as it is.
    pub units: u64,
    /// Units of the dearest night after it, as it is.
    pub later: u64,
    /// Whether that fits.
    pub fits: bool,
    /// What each column costs now, the dearest first.
    pub columns: Vec<ColumnShare>,
    /// What to change: one of these, the one that loses least first.
    pub proposals: Vec<Proposal>,
}

/// Changes that go together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Proposal {
    /// What they cost beside units.
    pub loses: String,
    /// Units of the next run with them, estimated again.
    pub units: u64,
    /// Units of the dearest night after it.
    pub later: u64,
    /// Whether both fit.
    pub fits: bool,
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
    /// Units of a night on which all of its report is due.
    pub units: u64,
}

/// A change to one report of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The table.
    pub report: String,
    /// The cadence, where a slower one is needed.
    pub every: Option<String>,
    /// The columns that stay; empty where all do.
    pub columns: Vec<String>,
    /// The columns that go.
    pub dropped: Vec<String>,
    /// Column and rows of the ranking, where a shorter one is needed.
    pub top: Option<(String, u64)>,
    /// The fuse, where a new one is needed.
    pub max_rows: Option<u64>,
}

impl Estimate {
    /// For a person.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let names = self.reports.iter().map(|report| report.name.len());
        let targets = self
            .reports
            .iter()
            .flat_map(|report| &report.targets)
            .map(|target| target.name.len() + 2);
        let width = names.chain(targets).max().unwrap_or(0).max(6);
        let _ = writeln!(
            out,
            "{:width$}  {:>12}  {:>8}  {:>12}  basis",
            "report", "rows", "requests", "units"
        );
        let line = |out: &mut String, name: &str, rows, requests, units, basis: &str| {
            let (rows, requests, units) = (count(rows), count(requests), count(units));
            let _ = writeln!(
                out,
                "{name:width$}  {rows:>12}  {requests:>8}  {units:>12}  {basis}"
            );
        };
        for report in &self.reports {
            line(
                &mut out,
                &report.name,
                report.rows,
                report.requests,
                report.units,
                &report.basis,
            );
            let mut targets: Vec<&TargetEstimate> = report.targets.iter().collect();
            targets.sort_by_key(|target| std::cmp::Reverse(target.units));
            for target in targets.iter().take(SHOWN).filter(|_| targets.len() > 1) {
                let name = format!("  {}", target.name);
                line(
                    &mut out,
                    &name,
                    target.rows,
                    target.requests,
                    target.units,
                    &target.basis,
                );
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
                "{} tasks were never fetched and nothing bounds them: they come on top. estimate --probe buys their row counts \
                 where the API tells them, max_rows in their reports bounds them where the operation takes it; run with \
                 --max-units to try",
                count(self.unknown_tasks)
            );
        }
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        self.list_tasks(&mut out);
        self.fit.iter().for_each(|fit| fit.text(&mut out));
        out
    }

    fn list_tasks(&self, out: &mut String) {
        if !self.tasks.is_empty() {
            let _ = writeln!(
                out,
                "\ntask              night       units       report target"
            );
        }
        for task in &self.tasks {
            let TaskEstimate {
                task,
                night,
                report,
                target,
                parameters,
                units,
                ..
            } = task;
            let _ = write!(
                out,
                "{task}  {night}  {:>10}  {report} {target}",
                count(*units)
            );
            for pair in parameters {
                out.extend([" ", pair.as_str()]);
            }
            out.push('\n');
        }
    }
}

impl Proposal {
    /// The change as it is put into the configuration.
    pub fn toml(&self) -> String {
        let mut out = String::new();
        for Change {
            report,
            every,
            columns,
            dropped,
            top,
            max_rows,
        } in &self.changes
        {
            let _ = writeln!(out, "[[report]]\nname = \"{report}\"");
            if let Some(every) = every {
                let _ = writeln!(out, "every = \"{every}\"");
            }
            if !dropped.is_empty() {
                let kept: Vec<String> = columns
                    .iter()
                    .map(|column| format!("\"{column}\""))
                    .collect();
                let _ = writeln!(out, "# without {}", dropped.join(", "));
                let _ = writeln!(out, "columns = [{}]", kept.join(", "));
            }
            if let Some((by, rows)) = top {
                let _ = writeln!(out, "top = {{ by = \"{by}\", rows = {rows} }}");
            }
            if let Some(rows) = max_rows {
                let _ = writeln!(out, "max_rows = {rows}");
            }
            out.push('\n');
        }
        out
    }

    fn text(&self, out: &mut String, wanted: u64) {
        let Self {
            loses,
            units,
            later,
            fits,
            changes: _,
        } = self;
        let (next, after) = (count(*units), count(*later));
        let said = match (fits, *later <= wanted) {
            (true, _) => {
                format!("the next run comes to {next} units, none after it to more than {after}")
            }
            (false, true) => format!(
                "none but the next run comes to more than {after} units; that one comes to {next}, since what was never \
                 fetched is due at once: `pace`, --target or --max-units spread it"
            ),
            (false, false) => {
                format!("not enough: the next run comes to {next} units, others to {after}")
            }
        };
        let _ = writeln!(out, "\nloses {loses}\n{said}:\n");
        out.push_str(&self.toml());
    }
}

impl Fit {
    fn text(&self, out: &mut String) {
        /// Enough to see where the money goes.
        const COLUMNS: usize = 12;
        let total = self.columns.iter().map(|share| share.units).sum();
        let _ = writeln!(
            out,
            "\nwhat the columns cost, of a night on which all is due"
        );
        for share in self.columns.iter().take(COLUMNS) {
            let ColumnShare {
                report,
                column,
                units_per_row,
                units,
            } = share;
            let part = percent(*units, total);
            let _ = writeln!(
                out,
                "  {:>12}  {part:>6}  {units_per_row:>3} a row  {report}.{column}",
                count(*units)
            );
        }
        let (wanted, units, later) = (count(self.wanted), count(self.units), count(self.later));
        if self.fits {
            let _ = writeln!(
                out,
                "\nit fits into {wanted} units as it is: the next run comes to {units}, none after it to more than {later}"
            );
            return;
        }
        let _ = writeln!(
            out,
            "\nit does not fit into {wanted} units: the next run comes to {units}, the dearest after it to {later}. One of \
             these changes, its lines in the place of their own:"
        );
        self.proposals
            .iter()
            .for_each(|proposal| proposal.text(out, self.wanted));
        if !self.proposals.iter().any(|proposal| proposal.fits) {
            out.push_str(
                "no cadence, columns and rows fit every run into that: every request costs 50 units at least, so only fewer \
                 reports or targets help further\n",
            );
        }
    }
}
