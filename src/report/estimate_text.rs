//! The estimate of the next run as text.

use std::fmt::Write as _;

use super::estimate::{Estimate, ReportEstimate, TargetEstimate, TaskEstimate};
use super::format::{count_noun, format_count};

/// Targets of a report that are listed for a person. JSON has all of them.
const MAX_TARGETS: usize = 5;

impl Estimate {
    /// For a person.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_reports(&mut out);
        self.write_total(&mut out);
        for note in &self.notes {
            let _ = writeln!(out, "note: {note}");
        }
        self.write_tasks(&mut out);
        if let Some(fit) = &self.fit {
            out.push_str(&fit.to_text());
        }
        out
    }

    fn write_reports(&self, out: &mut String) {
        let width = self.name_width();
        let _ = writeln!(
            out,
            "{:width$}  {:>12}  {:>8}  {:>12}  basis",
            "report", "rows", "requests", "units"
        );
        for report in &self.reports {
            let ReportEstimate {
                name,
                units,
                rows,
                requests,
                basis,
                due: _,
                targets,
            } = report;
            write_line(out, width, name, [*rows, *requests, *units], basis);
            if targets.len() > 1 {
                write_targets(out, width, targets);
            }
        }
    }

    fn name_width(&self) -> usize {
        let mut width = 6;
        for report in &self.reports {
            width = width.max(report.name.len());
            for target in &report.targets {
                width = width.max(target.name.len() + 2);
            }
        }
        width
    }

    fn write_total(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\nnext run: {} for {} in {}, about {:.1} minutes; this estimate cost {}",
            count_noun(self.units, "unit"),
            count_noun(self.rows, "row"),
            count_noun(self.requests, "request"),
            self.minutes,
            count_noun(self.own_units, "unit")
        );
        if self.unknown_tasks > 0 {
            let (was, them) = if self.unknown_tasks == 1 {
                ("was", "it is")
            } else {
                ("were", "they are")
            };
            let _ = writeln!(
                out,
                "{} {was} never fetched and nothing limits the cost: {them} not included. estimate --probe fetches row counts \
                 where the API offers them, max_rows in a report limits it where the operation supports it; run with \
                 --max-units to try",
                count_noun(self.unknown_tasks, "task")
            );
        }
    }

    fn write_tasks(&self, out: &mut String) {
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
            let units = format_count(*units);
            let _ = write!(out, "{task}  {night}  {units:>10}  {report} {target}");
            for pair in parameters {
                out.extend([" ", pair.as_str()]);
            }
            out.push('\n');
        }
    }
}

/// The most expensive targets of a report, and how many there are besides.
fn write_targets(out: &mut String, width: usize, targets: &[TargetEstimate]) {
    let mut targets: Vec<&TargetEstimate> = targets.iter().collect();
    targets.sort_by_key(|target| std::cmp::Reverse(target.units));
    for target in targets.iter().take(MAX_TARGETS) {
        let TargetEstimate {
            name,
            units,
            rows,
            requests,
            basis,
        } = target;
        let figures = [*rows, *requests, *units];
        write_line(out, width, &format!("  {name}"), figures, basis);
    }
    if targets.len() > MAX_TARGETS {
        let rest = u64::try_from(targets.len() - MAX_TARGETS).unwrap_or(u64::MAX);
        let _ = writeln!(out, "  and {}", count_noun(rest, "cheaper target"));
    }
}

fn write_line(out: &mut String, width: usize, name: &str, figures: [u64; 3], basis: &str) {
    let [rows, requests, units] = figures.map(format_count);
    let _ = writeln!(
        out,
        "{name:width$}  {rows:>12}  {requests:>8}  {units:>12}  {basis}"
    );
}
