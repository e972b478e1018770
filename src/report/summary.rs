//! The report for a person: one screen, the tables first, then the bill.

use std::fmt::Write as _;

use super::{MonthLeft, RunReport, RunStatus};

/// The summary that `run` prints, without errors: those are rendered one by one on stderr.
pub fn summary(report: &RunReport) -> String {
    let mut out = String::new();
    let status = match report.status {
        RunStatus::Done => "done",
        RunStatus::Partial => "partly done: some tasks failed, the others are committed",
        RunStatus::Stopped => "stopped by the budget: what was complete is committed",
        RunStatus::Failed => "failed: nothing was committed",
        RunStatus::Interrupted => "interrupted: run the same command again to go on",
    };
    let _ = writeln!(out, "night {}  {status}", report.night);
    let width = report
        .reports
        .iter()
        .map(|report| report.name.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let _ = writeln!(
        out,
        "\n  {:width$}  {:>12}  {:>10}  tasks",
        "table", "rows", "units"
    );
    for table in &report.reports {
        let _ = writeln!(
            out,
            "  {:width$}  {:>12}  {:>10}  {}",
            table.name,
            count(table.rows),
            count(table.units),
            tasks(table.tasks)
        );
        for partition in &table.partitions {
            let files = if partition.files == 1 {
                "1 file".to_owned()
            } else {
                format!("{} files", partition.files)
            };
            let _ = writeln!(
                out,
                "  {:width$}  {} ({}, {files})",
                "",
                partition.path,
                bytes(partition.bytes)
            );
        }
    }
    let _ = write!(
        out,
        "\n  {} rows for {} units in {} requests, {:.1} s",
        count(report.rows),
        count(report.units),
        count(report.requests),
        report.seconds
    );
    if report.retries > 0 {
        let _ = write!(out, " ({} retries)", count(report.retries));
    }
    if report.units_lost > 0 {
        let _ = write!(
            out,
            "; {} units went into answers that were lost",
            count(report.units_lost)
        );
    }
    for (what, units) in report.wasted.parts() {
        let _ = write!(out, "\n  {:>10} units for {what}", count(units));
    }
    if report.peak_memory_bytes > 0 {
        let _ = write!(out, "\n  peak memory {}", bytes(report.peak_memory_bytes));
    }
    if let Some(MonthLeft {
        budget,
        limit,
        left,
        reset,
    }) = &report.month
    {
        let (left, limit) = (count(*left), count(*limit));
        let _ = write!(
            out,
            "\n  {left} of {limit} units are left until {reset} ({budget})"
        );
    }
    out.push('\n');
    for note in &report.notes {
        let _ = writeln!(out, "  note: {note}");
    }
    out
}

fn tasks(counts: super::TaskCounts) -> String {
    let super::TaskCounts {
        complete,
        capped,
        deferred,
        stopped,
        failed,
        skipped,
    } = counts;
    let named = [
        (complete, "complete"),
        (capped, "capped"),
        (deferred, "deferred"),
        (stopped, "stopped"),
        (failed, "failed"),
        (skipped, "already complete"),
    ];
    let parts: Vec<String> = named
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, name)| format!("{number} {name}"))
        .collect();
    if parts.is_empty() {
        "none due".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A number with thousands separated: `1,234,567`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in the unit that suits it: `1.2 MiB`.
pub fn bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    for (unit, size) in UNITS {
        if number >= size {
            let tenths = (u128::from(number) * 10).div_ceil(u128::from(size));
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
    }
    format!("{number} B")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_sizes_read_well() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [0, 1023, 1024, 1_572_864].map(bytes),
            ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]
        );
    }
}
