//! What the account says was used, next to what the ledger of the destination says, and why the two differ. The JSON of
//! `usage --json`: keys are never renamed.

use serde::Serialize;

use super::run_report::MonthLeft;
use super::unit_usage::UnitUsage;

/// The report of `usage`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The plan's name.
    pub plan: String,
    /// When usage is reset to zero, `2026-12-01`; empty if the account does not say.
    pub reset: String,
    /// Days until then.
    pub days_left: Option<u64>,
    /// When the key expires; empty if the account does not say.
    pub key_expires: String,
    /// What to do about it, if the key expires soon.
    pub warnings: Vec<String>,
    /// The workspace's units.
    pub workspace: Allowance,
    /// The key's units.
    pub key: Allowance,
    /// What is left of the tightest monthly budget, where the configuration has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget: Option<MonthLeft>,
    /// The first day that counts: the last reset. Empty: all days in the ledger.
    pub since: String,
    /// The first day in the ledger, before the reset or after; empty if the ledger is empty.
    pub begins: String,
    /// What this destination spent since then.
    pub here: UnitUsage,
    /// What the account counts and the ledger does not, or vice versa.
    pub difference: Difference,
    /// The same by table; requests for no table have no name.
    pub by_report: Vec<UsageShare>,
    /// The same by operation.
    pub by_endpoint: Vec<UsageShare>,
    /// The same by target.
    pub by_target: Vec<UsageShare>,
    /// The same by UTC day, oldest first.
    pub by_day: Vec<UsageShare>,
}

/// Units of a workspace or a key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Allowance {
    /// Units a month; `None` where there is no limit.
    pub limit: Option<u64>,
    /// Units used of them; `None` where the account does not say.
    pub used: Option<u64>,
    /// Units left; `None` where there is no limit.
    pub left: Option<u64>,
}

impl Allowance {
    /// The allowance of a limit and what is used of it.
    pub fn new(limit: Option<u64>, used: Option<u64>) -> Self {
        Self {
            limit,
            used,
            left: limit.map(|limit| limit.saturating_sub(used.unwrap_or(0))),
        }
    }
}

/// Why the figure of the account and that of the ledger differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Units that the account counts for this key, or for the workspace where it does not count by key.
    pub account: u64,
    /// Units charged for certain, according to the ledger.
    pub ledger: u64,
    /// Units that other keys of the workspace used.
    pub other_keys: u64,
    /// Of the difference, at most this much for requests whose responses never arrived.
    pub answers_lost: u64,
    /// Of the difference, at most this much for units that runs had reserved when they were killed, or have reserved now.
    pub set_aside: u64,
    /// The rest: other users of the key, other destinations, requests before the ledger began.
    pub elsewhere: u64,
    /// Units of the ledger that the account does not show.
    pub not_shown: u64,
}

impl Difference {
    /// The difference, attributed to the causes in the order of their certainty.
    pub fn new(account: u64, ledger: &UnitUsage, set_aside: u64, other_keys: u64) -> Self {
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

/// What one report, operation, target or day cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct UsageShare {
    /// Its name.
    pub name: String,
    /// What it cost.
    #[serde(flatten)]
    pub spent: UnitUsage,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_attributed_to_known_causes_first() {
        let ledger = UnitUsage {
            units: 1_000,
            units_unknown: 50,
            ..UnitUsage::default()
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
