//! What the account says was used, beside what the destination's own ledger says, and why the two differ. Data in, text
//! out.

use std::fmt::Write as _;

use serde::Serialize;

use super::{MonthLeft, Spent, count};

/// Lines of a table for a person; the rest is summed up. JSON has all of them.
const SHOWN: usize = 10;

/// What `usage` tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The plan's name.
    pub plan: String,
    /// When usage starts again at zero, `2026-12-01`; empty if the account does not say.
    pub reset: String,
    /// Days until then.
    pub days_left: Option<u64>,
    /// When the key dies; empty if the account does not say.
    pub key_expires: String,
    /// What to do about it, if that is soon.
    pub warnings: Vec<String>,
    /// The workspace's units.
    pub workspace: Allowance,
    /// The key's units.
    pub key: Allowance,
    /// What the tightest budget of the month leaves, where the configuration has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<MonthLeft>,
    /// First day that the ledger is asked for: the last reset. Empty: all that is known.
    pub since: String,
    /// First day in the ledger, whatever the reset; empty if it is empty.
    pub begins: String,
    /// What was spent from here since then.
    pub here: Spent,
    /// What the account counts and the ledger does not, or the other way round.
    pub difference: Difference,
    /// The same by table; what no table was filled from has no name.
    pub by_report: Vec<Share>,
    /// The same by operation.
    pub by_endpoint: Vec<Share>,
    /// The same by target.
    pub by_target: Vec<Share>,
    /// The same by UTC day, oldest first.
    pub by_day: Vec<Share>,
}

/// Units of a workspace or a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// Units a month; none where there is no limit.
    pub limit: Option<u64>,
    /// Units used of them; none where the account does not say.
    pub used: Option<u64>,
    /// Units left; none where there is no limit.
    pub left: Option<u64>,
}

impl Allowance {
    /// Of a limit and what is used of it.
    pub fn new(limit: Option<u64>, used: Option<u64>) -> Self {
        Self {
            limit,
            used,
            left: limit.map(|limit| limit.saturating_sub(used.unwrap_or(0))),
        }
    }
}

/// Why the account's figure and the ledger's differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Units that the account counts for this key, or for the workspace where it does not tell keys apart.
    pub account: u64,
    /// Units charged for certain, by the ledger.
    pub ledger: u64,
    /// Units that other keys of the workspace used.
    pub other_keys: u64,
    /// Of the difference, at most this much for requests whose answers never came.
    pub answers_lost: u64,
    /// Of the difference, at most this much for what runs had set aside when they were cut off, or have set aside now.
    pub set_aside: u64,
    /// What neither explains: other users of the key, other destinations, requests before the ledger began.
    pub elsewhere: u64,
    /// Units of the ledger that the account does not show.
    pub not_shown: u64,
}

impl Difference {
    /// The difference, laid to the causes in the order of their certainty.
    pub fn new(account: u64, ledger: &Spent, set_aside: u64, other_keys: u64) -> Self {
        let more = account.saturating_sub(ledger.units);
        let answers_lost = more.min(ledger.units_unknown);
        let set_aside = (more - answers_lost).min(set_aside);
        Self {
            account,
            ledger: ledger.units,
            other_keys,
            answers_lost,
            set_aside,
            elsewhere: more - answers_lost - set_aside,
            not_shown: ledger.units.saturating_sub(account),
        }
    }
}

/// What one report, operation, target or day came to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Its name.
    pub name: String,
    /// What it came to.
    #[serde(flatten)]
    pub spent: Spent,
}

impl Usage {
    /// For a person: what did it cost, why the difference, how much is left, until when, what to drop.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.account(&mut out);
        self.spent(&mut out);
        self.explain(&mut out);
        for (title, shares, is_ranked) in [
            ("report", &self.by_report, true),
            ("endpoint", &self.by_endpoint, true),
            ("target", &self.by_target, true),
            ("day", &self.by_day, false),
        ] {
            table(&mut out, title, shares, is_ranked, self.here.total());
        }
        self.advise(&mut out);
        out
    }

    fn account(&self, out: &mut String) {
        let days = self
            .days_left
            .map(|days| format!(", in {days} days"))
            .unwrap_or_default();
        let or_unknown = |text: &str| {
            if text.is_empty() {
                "unknown".to_owned()
            } else {
                text.to_owned()
            }
        };
        let _ = writeln!(
            out,
            "plan       {:?}; units start again at zero on {}{days}",
            self.plan,
            or_unknown(&self.reset)
        );
        let _ = writeln!(out, "workspace  {}", allowance(self.workspace));
        let _ = writeln!(
            out,
            "key        {}; it expires on {}",
            allowance(self.key),
            or_unknown(&self.key_expires)
        );
        if let Some(MonthLeft {
            budget,
            limit,
            left,
            reset,
        }) = &self.budget
        {
            let (left, limit) = (count(*left), count(*limit));
            let _ = writeln!(
                out,
                "budget     {left} of {limit} units left until {reset} ({budget})"
            );
        }
        for warning in &self.warnings {
            let _ = writeln!(out, "warning    {warning}");
        }
    }

    fn spent(&self, out: &mut String) {
        let Spent {
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
            "from here  {} units{since} in {} requests",
            count(units),
            count(requests)
        );
        let named = [
            (cache_hits, "from the cache"),
            (free, "free"),
            (refused, "refused"),
            (unknown, "unanswered"),
        ];
        let parts: Vec<String> = named
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(n, name)| format!("{} {name}", count(*n)))
            .collect();
        if !parts.is_empty() {
            let _ = write!(out, " ({})", parts.join(", "));
        }
        out.push('\n');
        if units_unknown > 0 {
            let _ = writeln!(
                out,
                "           and up to {} more for the unanswered ones",
                count(units_unknown)
            );
        }
    }

    fn explain(&self, out: &mut String) {
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
                "difference {} units of the workspace were used by other keys",
                count(other_keys)
            );
        }
        if account == ledger {
            let _ = writeln!(
                out,
                "difference none: the account counts what this ledger counts"
            );
        }
        if account > ledger {
            let _ = writeln!(
                out,
                "difference {} units that the account counts and this ledger does not:",
                count(account - ledger)
            );
        }
        let begins = if self.begins.is_empty() {
            "it is empty".to_owned()
        } else {
            format!("on {}", self.begins)
        };
        for (units, why) in [
            (
                answers_lost,
                "for answers that were charged and never came".to_owned(),
            ),
            (
                set_aside,
                "set aside by runs that were cut off or are under way".to_owned(),
            ),
            (
                elsewhere,
                format!(
                    "by other users or destinations of this key, or before this ledger begins ({begins})"
                ),
            ),
        ] {
            if units > 0 {
                let _ = writeln!(out, "           {:>10}  {why}", count(units));
            }
        }
        if not_shown > 0 {
            let _ = writeln!(
                out,
                "difference {} units of this ledger that the account does not show: it counts with a delay, or was \
                 reset, or the key is a new one",
                count(not_shown)
            );
        }
    }

    fn advise(&self, out: &mut String) {
        let total = self.here.total();
        let wasted = self.here.wasted;
        if wasted.total() > 0 {
            let _ = writeln!(
                out,
                "\n{} units ({}) brought no row:",
                count(wasted.total()),
                percent(wasted.total(), total)
            );
            for (what, units) in wasted.parts() {
                let _ = writeln!(out, "  {:>10}  {what}", count(units));
            }
        }
        let days = u64::try_from(self.by_day.len()).unwrap_or(u64::MAX);
        let tightest = [self.workspace.left, self.key.left]
            .into_iter()
            .flatten()
            .min();
        if let (Some(left), Some(days_left), true) = (tightest, self.days_left, days > 0) {
            let a_day = total / days;
            let needed = a_day.saturating_mul(days_left);
            let verdict = if needed <= left {
                "enough is left"
            } else {
                "more than is left"
            };
            let _ = writeln!(
                out,
                "\npace       {} units a day ({days} days with requests): {} more until the reset, {verdict} ({})",
                count(a_day),
                count(needed),
                count(left)
            );
        }
        let dearest = self
            .by_report
            .iter()
            .find(|share| !share.name.is_empty() && share.spent.total() > 0);
        if let Some(report) = dearest {
            let _ = writeln!(
                out,
                "\nto save    `{}` is the dearest report ({}); backhaul estimate --fit UNITS names what to give up",
                report.name,
                percent(report.spent.total(), total)
            );
        }
    }
}

fn allowance(of: Allowance) -> String {
    let used = of
        .used
        .map_or_else(|| "an unknown number of".to_owned(), count);
    match (of.limit, of.left) {
        (Some(limit), Some(left)) => format!(
            "{used} of {} units used, {} left",
            count(limit),
            count(left)
        ),
        _ => format!("{used} units used, no limit of its own"),
    }
}

fn table(out: &mut String, title: &str, shares: &[Share], is_ranked: bool, total: u64) {
    let skipped = if is_ranked {
        0
    } else {
        shares.len().saturating_sub(SHOWN)
    };
    let shown: Vec<&Share> = shares.iter().skip(skipped).take(SHOWN).collect();
    if shown.is_empty() {
        return;
    }
    // Probes are of no report; what looks up keywords or an id is of no target.
    let unnamed = if title == "target" {
        "(no target)"
    } else {
        "(probes)"
    };
    let name = |share: &Share| {
        if share.name.is_empty() {
            unnamed.to_owned()
        } else {
            share.name.clone()
        }
    };
    let width = shown
        .iter()
        .map(|share| name(share).len())
        .max()
        .unwrap_or(0)
        .max(title.len() + 3);
    let _ = writeln!(
        out,
        "\n{:width$}  {:>12}  {:>6}  {:>9}  {:>10}",
        format!("by {title}"),
        "units",
        "share",
        "requests",
        "wasted"
    );
    for share in &shown {
        let _ = writeln!(
            out,
            "{:width$}  {:>12}  {:>6}  {:>9}  {:>10}",
            name(share),
            count(share.spent.total()),
            percent(share.spent.total(), total),
            count(share.spent.requests),
            count(share.spent.wasted.total())
        );
    }
    let rest = shares.len() - shown.len();
    if rest > 0 {
        let _ = writeln!(
            out,
            "and {rest} {} (all with --json)",
            if is_ranked { "more" } else { "earlier" }
        );
    }
}

/// Tenths are enough to see what matters.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    let tenths = u128::from(part) * 1000 / u128::from(whole);
    format!("{}.{}%", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_of_no_target_is_not_taken_for_a_probe() {
        let shown = |title: &str| {
            let mut out = String::new();
            table(&mut out, title, &[Share::default()], true, 0);
            out
        };
        assert!(
            shown("target").contains("\n(no target)  "),
            "{}",
            shown("target")
        );
        assert!(
            shown("report").contains("\n(probes)  "),
            "{}",
            shown("report")
        );
    }

    #[test]
    fn a_difference_is_laid_to_what_is_known_first() {
        let ledger = Spent {
            units: 1_000,
            units_unknown: 50,
            ..Spent::default()
        };
        let parts = |account| {
            let difference = Difference::new(account, &ledger, 100, 0);
            (
                difference.answers_lost,
                difference.set_aside,
                difference.elsewhere,
                difference.not_shown,
            )
        };
        assert_eq!(parts(1_000), (0, 0, 0, 0));
        assert_eq!(parts(1_030), (30, 0, 0, 0));
        assert_eq!(parts(1_120), (50, 70, 0, 0));
        assert_eq!(parts(1_200), (50, 100, 50, 0));
        assert_eq!(parts(900), (0, 0, 0, 100));
    }
}
