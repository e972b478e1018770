//! The report of a run as text: one screen, the tables first, then the cost.

use std::fmt::Write as _;

use super::format::{count_noun, format_bytes, format_count, nonzero_list};
use super::run_report::{
    MonthLeft, PartitionSummary, ReportSummary, RunReport, RunStatus, TaskCounts,
};

/// The summary that `run` prints, without errors: those are rendered one by one on stderr.
pub fn run_summary(report: &RunReport) -> String {
    let mut out = String::new();
    let status = match report.status {
        RunStatus::Done => "done",
        RunStatus::Partial => "partly done: some tasks failed, the others are committed",
        RunStatus::Stopped => "stopped by the budget: what was complete is committed",
        RunStatus::Failed => "failed: nothing was committed",
        RunStatus::Interrupted => "interrupted: run the same command again to continue",
    };
    let _ = writeln!(out, "night {}  {status}", report.night);
    write_tables(&mut out, &report.reports);
    write_cost(&mut out, report);
    for note in &report.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    out
}

fn write_tables(out: &mut String, tables: &[ReportSummary]) {
    let mut width = 6;
    for table in tables {
        width = width.max(table.name.len());
    }
    let _ = writeln!(
        out,
        "\n  {:width$}  {:>12}  {:>10}  tasks",
        "table", "rows", "units"
    );
    for table in tables {
        let _ = writeln!(
            out,
            "  {:width$}  {:>12}  {:>10}  {}",
            table.name,
            format_count(table.rows),
            format_count(table.units),
            tasks_by_status(table.tasks)
        );
        for partition in &table.partitions {
            let PartitionSummary {
                path, bytes, files, ..
            } = partition;
            let size = format_bytes(*bytes);
            let files = count_noun(*files, "file");
            let _ = writeln!(out, "  {:width$}  {path} ({size}, {files})", "");
        }
    }
}

fn write_cost(out: &mut String, report: &RunReport) {
    let _ = write!(
        out,
        "\n  {} for {} in {}, {:.1} s",
        count_noun(report.rows, "row"),
        count_noun(report.units, "unit"),
        count_noun(report.requests, "request"),
        report.seconds
    );
    if report.retries > 0 {
        let _ = write!(out, " ({})", count_noun(report.retries, "retry"));
    }
    if report.units_lost > 0 {
        let lost = count_noun(report.units_lost, "unit");
        let _ = write!(out, "; {lost} charged for lost responses");
    }
    for (cause, units) in report.wasted.nonzero_parts() {
        let _ = write!(out, "\n  {:>10} units for {cause}", format_count(units));
    }
    if report.peak_memory_bytes > 0 {
        let memory = format_bytes(report.peak_memory_bytes);
        let _ = write!(out, "\n  peak memory {memory}");
    }
    if let Some(MonthLeft {
        budget,
        limit,
        left,
        reset,
    }) = &report.month
    {
        let left = format_count(*left);
        let limit = count_noun(*limit, "unit");
        let _ = write!(out, "\n  {left} of {limit} left until {reset} ({budget})");
    }
    out.push('\n');
}

fn tasks_by_status(counts: TaskCounts) -> String {
    let TaskCounts {
        complete,
        capped,
        deferred,
        stopped,
        failed,
        skipped,
    } = counts;
    let list = nonzero_list(&[
        (complete, "complete"),
        (capped, "capped"),
        (deferred, "deferred"),
        (stopped, "stopped"),
        (failed, "failed"),
        (skipped, "already complete"),
    ]);
    if list.is_empty() {
        "none due".to_owned()
    } else {
        list
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunId;

    #[test]
    fn the_summary_of_a_run_names_tables_cost_and_what_is_left() {
        let report = RunReport {
            run: RunId::new("20261123T021507Z-1f3a9c04"),
            night: "2026-11-23".to_owned(),
            status: RunStatus::Partial,
            rows: 1,
            requests: 2,
            retries: 1,
            units: 1_250,
            units_lost: 50,
            wasted: super::super::unit_usage::UnitOverhead {
                lost: 50,
                ..Default::default()
            },
            month: Some(MonthLeft {
                budget: "[budget] per_month".to_owned(),
                limit: 10_000,
                left: 8_750,
                reset: "2026-12-01".to_owned(),
            }),
            seconds: 1.25,
            peak_memory_bytes: 3 << 20,
            reports: vec![ReportSummary {
                name: "backlinks".to_owned(),
                rows: 1,
                units: 1_250,
                tasks: TaskCounts {
                    complete: 1,
                    failed: 1,
                    ..TaskCounts::default()
                },
                partitions: vec![PartitionSummary {
                    path: "backlinks/_date=2026-11-23".to_owned(),
                    rows: 1,
                    bytes: 2_048,
                    files: 1,
                }],
                ..ReportSummary::default()
            }],
            errors: Vec::new(),
            notes: vec!["a remark".to_owned()],
        };
        insta::assert_snapshot!(run_summary(&report), @r"
        night 2026-11-23  partly done: some tasks failed, the others are committed

          table              rows       units  tasks
          backlinks             1       1,250  1 complete, 1 failed
                     backlinks/_date=2026-11-23 (2.0 KiB, 1 file)

          1 row for 1,250 units in 2 requests, 1.2 s (1 retry); 50 units charged for lost responses
                  50 units for lost responses
          peak memory 3.0 MiB
          8,750 of 10,000 units left until 2026-12-01 ([budget] per_month)
          note: a remark
        ");
    }
}
