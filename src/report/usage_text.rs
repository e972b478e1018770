//! The report of `usage` as text: what was spent, why the account differs, how much is left, until when, what to save.

use std::fmt::Write as _;

use super::format::{count_noun, format_count, format_percent, nonzero_list};
use super::run_report::MonthLeft;
use super::unit_usage::UnitUsage;
use super::usage::{Allowance, Difference, Usage, UsageShare};

/// Lines of a table for a person. JSON has all of them.
const MAX_LINES: usize = 10;

impl Usage {
    /// For a person.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_account(&mut out);
        self.write_spent(&mut out);
        self.write_difference(&mut out);
        let total = self.here.total();
        for table in [
            ShareTable::ranked("report", &self.by_report),
            ShareTable::ranked("endpoint", &self.by_endpoint),
            ShareTable::ranked("target", &self.by_target),
            ShareTable::newest("day", &self.by_day),
        ] {
            table.write(&mut out, total);
        }
        self.write_overhead(&mut out);
        self.write_pace(&mut out);
        self.write_advice(&mut out);
        out
    }

    fn write_account(&self, out: &mut String) {
        let days = match self.days_left {
            Some(days) => format!(", in {}", count_noun(days, "day")),
            None => String::new(),
        };
        let reset = or_unknown(&self.reset);
        let _ = writeln!(
            out,
            "plan       {:?}; units are reset to zero on {reset}{days}",
            self.plan
        );
        let _ = writeln!(out, "workspace  {}", describe_allowance(self.workspace));
        let _ = writeln!(
            out,
            "key        {}; it expires on {}",
            describe_allowance(self.key),
            or_unknown(&self.key_expires)
        );
        if let Some(MonthLeft {
            budget,
            limit,
            left,
            reset,
        }) = &self.budget
        {
            let left = format_count(*left);
            let limit = count_noun(*limit, "unit");
            let _ = writeln!(
                out,
                "budget     {left} of {limit} left until {reset} ({budget})"
            );
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "warning    {warning}");
        }
    }

    fn write_spent(&self, out: &mut String) {
        let UnitUsage {
            requests,
            cache_hits,
            free,
            refused,
            unknown,
            units,
            units_unknown,
            ..
        } = self.here;
        let since = if self.since.is_empty() {
            String::new()
        } else {
            format!(" since {}", self.since)
        };
        let _ = write!(
            out,
            "from here  {}{since} in {}",
            count_noun(units, "unit"),
            count_noun(requests, "request")
        );
        let parts = nonzero_list(&[
            (cache_hits, "from the cache"),
            (free, "free"),
            (refused, "refused"),
            (unknown, "unanswered"),
        ]);
        if !parts.is_empty() {
            let _ = write!(out, " ({parts})");
        }
        out.push('\n');
        if units_unknown > 0 {
            let _ = writeln!(
                out,
                "           and up to {} more for the unanswered ones",
                format_count(units_unknown)
            );
        }
    }

    fn write_difference(&self, out: &mut String) {
        let Difference {
            account,
            ledger,
            other_keys,
            answers_lost,
            set_aside,
            elsewhere,
            not_shown,
        } = self.difference;
        if other_keys > 0 {
            let _ = writeln!(
                out,
                "difference {} of the workspace used with other keys",
                count_noun(other_keys, "unit")
            );
        }
        if account == ledger {
            out.push_str("difference none: the account counts what this ledger counts\n");
        }
        if account > ledger {
            let _ = writeln!(
                out,
                "difference {} that the account counts and this ledger does not:",
                count_noun(account - ledger, "unit")
            );
        }
        let begins = if self.begins.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("on {}", self.begins)
        };
        let elsewhere_cause = format!(
            "by other users or destinations of this key, or before this ledger begins ({begins})"
        );
        for (units, cause) in [
            (answers_lost, "for charged responses that never arrived"),
            (
                set_aside,
                "reserved by runs that were killed or are running",
            ),
            (elsewhere, elsewhere_cause.as_str()),
        ] {
            if units > 0 {
                let _ = writeln!(out, "           {:>10}  {cause}", format_count(units));
            }
        }
        if not_shown > 0 {
            let _ = writeln!(
                out,
                "difference {} of this ledger that the account does not show: it counts with a delay, or was reset, or \
                 the key is a new one",
                count_noun(not_shown, "unit")
            );
        }
    }

    fn write_overhead(&self, out: &mut String) {
        let overhead = self.here.wasted;
        if overhead.is_zero_total() {
            return;
        }
        let units = count_noun(overhead.total(), "unit");
        let percent = format_percent(overhead.total(), self.here.total());
        let _ = writeln!(out, "\n{units} ({percent}) not spent on rows:");
        for (cause, units) in overhead.nonzero_parts() {
            let _ = writeln!(out, "  {:>10}  {cause}", format_count(units));
        }
    }

    fn write_pace(&self, out: &mut String) {
        let days = u64::try_from(self.by_day.len()).unwrap_or(u64::MAX);
        let left = [self.workspace.left, self.key.left].into_iter().flatten();
        let (Some(left), Some(days_left), true) = (left.min(), self.days_left, days > 0) else {
            return;
        };
        let a_day = self.here.total() / days;
        let needed = a_day.saturating_mul(days_left);
        let verdict = if needed <= left {
            "enough is left"
        } else {
            "more than is left"
        };
        let _ = writeln!(
            out,
            "\npace       {} a day ({} with requests): {} more until the reset, {verdict} ({})",
            count_noun(a_day, "unit"),
            count_noun(days, "day"),
            format_count(needed),
            format_count(left)
        );
    }

    fn write_advice(&self, out: &mut String) {
        for share in &self.by_report {
            let units = share.spent.total();
            if share.name.is_empty() || units == 0 {
                continue;
            }
            let percent = format_percent(units, self.here.total());
            let _ = writeln!(
                out,
                "\nto save    `{}` is the most expensive report ({percent}); backhaul estimate --fit UNITS proposes what to \
                 leave out",
                share.name
            );
            return;
        }
    }
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "unknown" } else { text }
}

fn describe_allowance(allowance: Allowance) -> String {
    let Allowance { limit, used, left } = allowance;
    let used = match used {
        Some(used) => format_count(used),
        None => "an unknown number of".to_owned(),
    };
    match (limit, left) {
        (Some(limit), Some(left)) => {
            let (limit, left) = (count_noun(limit, "unit"), format_count(left));
            format!("{used} of {limit} used, {left} left")
        }
        _ => format!("{used} units used, no limit of its own"),
    }
}

/// The units of one kind of share, with a header.
struct ShareTable<'a> {
    title: &'static str,
    shares: &'a [UsageShare],
    is_ranked: bool,
}

impl<'a> ShareTable<'a> {
    /// Shows the first shares.
    fn ranked(title: &'static str, shares: &'a [UsageShare]) -> Self {
        Self {
            title,
            shares,
            is_ranked: true,
        }
    }

    /// Shows the last shares.
    fn newest(title: &'static str, shares: &'a [UsageShare]) -> Self {
        Self {
            title,
            shares,
            is_ranked: false,
        }
    }

    fn write(&self, out: &mut String, total: u64) {
        if self.shares.is_empty() {
            return;
        }
        let num_hidden = self.shares.len().saturating_sub(MAX_LINES);
        let num_skipped = if self.is_ranked { 0 } else { num_hidden };
        let shown = self.shares.iter().skip(num_skipped);
        let shown: Vec<&UsageShare> = shown.take(MAX_LINES).collect();
        let mut width = self.title.len() + 3;
        for share in &shown {
            width = width.max(self.name_of(share).len());
        }
        let title = format!("by {}", self.title);
        let _ = writeln!(
            out,
            "\n{title:width$}  {:>12}  {:>6}  {:>9}  {:>10}",
            "units", "share", "requests", "overhead"
        );
        for share in shown {
            let units = share.spent.total();
            let _ = writeln!(
                out,
                "{:width$}  {:>12}  {:>6}  {:>9}  {:>10}",
                self.name_of(share),
                format_count(units),
                format_percent(units, total),
                format_count(share.spent.requests),
                format_count(share.spent.wasted.total())
            );
        }
        if num_hidden > 0 {
            let which = if self.is_ranked { "more" } else { "earlier" };
            let _ = writeln!(out, "and {num_hidden} {which} (all with --json)");
        }
    }

    fn name_of<'b>(&self, share: &'b UsageShare) -> &'b str {
        match share.name.as_str() {
            // A request for keywords or an id has no target; only probes have no report.
            "" if self.title == "target" => "(no target)",
            "" => "(probes)",
            name => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_without_a_target_are_not_called_probes() {
        for (title, expected) in [("target", "\n(no target)  "), ("report", "\n(probes)  ")] {
            let mut out = String::new();
            ShareTable::ranked(title, &[UsageShare::default()]).write(&mut out, 0);
            assert!(out.contains(expected), "{out}");
        }
    }

    #[test]
    fn a_long_ranking_shows_its_first_lines_and_days_their_last() {
        let shares: Vec<_> = (10..22)
            .map(|number| UsageShare {
                name: format!("n{number}"),
                ..UsageShare::default()
            })
            .collect();
        let mut ranked = String::new();
        ShareTable::ranked("report", &shares).write(&mut ranked, 0);
        assert!(
            ranked.contains("n10") && !ranked.contains("n20"),
            "{ranked}"
        );
        assert!(
            ranked.ends_with("and 2 more (all with --json)\n"),
            "{ranked}"
        );
        let mut newest = String::new();
        ShareTable::newest("day", &shares).write(&mut newest, 0);
        assert!(
            newest.contains("n21") && !newest.contains("n11"),
            "{newest}"
        );
        assert!(
            newest.ends_with("and 2 earlier (all with --json)\n"),
            "{newest}"
        );
    }
}
