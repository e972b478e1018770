//! What the month has left: the workspace's own word and the ledger, whichever has seen more spent.

use chrono::{Datelike as _, Months, NaiveDate};

use crate::config::{Budget, ReservedUnits, RunConfig};
use crate::error::Result;
use crate::ledger::account::AccountLimits;
use crate::ledger::reservations;
use crate::ledger::reservations::{Entry, MonthBudget};
use crate::limits::{BudgetLimit, BudgetShares};
use crate::plan::ScheduledTask;
use crate::report::{MonthLeft, format_count};
use crate::state::workspace::{RememberedUsage, Workspace};
use crate::store::Store;

/// The month as a run finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MonthStatus {
    /// The next reset.
    pub reset: NaiveDate,
    /// The budget, for the ledger.
    pub month: MonthBudget,
    /// Units spent since the last reset.
    pub spent: u64,
    /// Of these, units of the runs of this day.
    pub today: u64,
}

/// What is remembered of a workspace that has just answered.
pub(crate) fn usage_from(
    live: &AccountLimits,
    entries: &[Entry],
    today: NaiveDate,
) -> RememberedUsage {
    let used = live.units_usage_workspace.unwrap_or(0);
    RememberedUsage {
        reset: live.reset(),
        limit: live.units_limit_workspace,
        reported_on: Some(today),
        foreign: foreign(entries, live.reset(), today, used),
    }
}

impl MonthStatus {
    /// What is left before this run.
    pub fn left(&self) -> MonthLeft {
        let BudgetLimit { name, limit } = self.month.cap.clone();
        MonthLeft {
            budget: name,
            limit,
            left: limit.saturating_sub(self.spent),
            reset: self.reset.to_string(),
        }
    }
}

/// Whether a budget needs to know what the month has left.
pub(crate) fn is_wanted(budget: &Budget) -> bool {
    budget.per_month.is_some() || budget.keep_free.is_some() || budget.pace
}

/// What is left by the usage that the workspace has just reported; `None` where no budget limits the month.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the ledger cannot be read.
pub(crate) fn left_after_asking(
    config: &RunConfig,
    store: &Store,
    live: &AccountLimits,
    today: NaiveDate,
) -> Result<Option<MonthLeft>> {
    if !is_wanted(&config.budget) {
        return Ok(None);
    }
    let entries = reservations::entries(store)?;
    let known = usage_from(live, &entries, today);
    Ok(
        sum_up(&config.budget, &entries, &known, today, &mut Vec::new())
            .map(|account| account.left()),
    )
}

/// The same as `crate::fetch::accounts::month_status` from what is remembered, without asking.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the ledger cannot be read.
pub(crate) fn remembered(
    config: &RunConfig,
    store: &Store,
    today: NaiveDate,
    notes: &mut Vec<String>,
) -> Result<Option<MonthStatus>> {
    if !is_wanted(&config.budget) {
        return Ok(None);
    }
    let workspace = Workspace::load(store, &config.source.base_url);
    Ok(sum_up(
        &config.budget,
        &reservations::entries(store)?,
        &workspace.month,
        today,
        notes,
    ))
}

pub(crate) fn sum_up(
    budget: &Budget,
    entries: &[Entry],
    known: &RememberedUsage,
    today: NaiveDate,
    notes: &mut Vec<String>,
) -> Option<MonthStatus> {
    let Some(cap) = cap(budget, known.limit) else {
        let what = if budget.pace {
            "`pace` has nothing to spread"
        } else {
            "`keep_free` keeps nothing"
        };
        notes.push(format!(
            "{what}: there is no `per_month`, and no limit of the workspace is known"
        ));
        return None;
    };
    if budget.keep_free.is_some() && known.limit.is_none() {
        notes.push("`keep_free` keeps nothing: no limit of the workspace is known".to_owned());
    }
    let foreign = match other_usage(known, today) {
        Some((units, _)) => units,
        None => 0,
    };
    Some(fold(
        entries,
        cap,
        next_reset(known.reset, today),
        foreign,
        today,
    ))
}

/// What others had spent when the workspace was last asked, and when that was; `None` if usage has begun at zero since.
pub(crate) fn other_usage(known: &RememberedUsage, today: NaiveDate) -> Option<(u64, NaiveDate)> {
    let reported_on = known.reported_on?;
    if reported_on < month_before(next_reset(known.reset, today)) {
        return None;
    }
    Some((known.foreign, reported_on))
}

/// Units that the workspace counts and the ledger does not know.
fn foreign(entries: &[Entry], reset: Option<NaiveDate>, today: NaiveDate, used: u64) -> u64 {
    let since = month_before(next_reset(reset, today));
    let mut known = 0_u64;
    for entry in entries {
        known = known.saturating_add(entry.certainly_spent(since));
    }
    used.saturating_sub(known)
}

/// The account from the ledger's files and what others have spent.
fn fold(
    entries: &[Entry],
    cap: BudgetLimit,
    reset: NaiveDate,
    foreign: u64,
    today: NaiveDate,
) -> MonthStatus {
    let since = month_before(reset);
    let (mut spent, mut spent_today) = (foreign, 0_u64);
    for entry in entries {
        let units = entry.units_counted(since);
        spent = spent.saturating_add(units);
        if entry.begun() == Some(today) {
            spent_today = spent_today.saturating_add(units);
        }
    }
    MonthStatus {
        reset,
        month: MonthBudget {
            cap,
            since,
            foreign,
        },
        spent,
        today: spent_today,
    }
}

/// The reset before a reset.
fn month_before(reset: NaiveDate) -> NaiveDate {
    reset.checked_sub_months(Months::new(1)).unwrap_or(reset)
}

/// The tighter of what may be spent a month and what must stay free.
fn cap(budget: &Budget, limit: Option<u64>) -> Option<BudgetLimit> {
    let own = budget.per_month.map(|limit| BudgetLimit {
        name: "[budget] per_month".to_owned(),
        limit,
    });
    let Some(usable) = spendable_units(budget, limit) else {
        return own;
    };
    let workspace = BudgetLimit {
        name: format!(
            "the workspace's limit of {}{}",
            format_count(limit.unwrap_or(usable)),
            if budget.keep_free.is_some() {
                ", less [budget] keep_free,"
            } else {
                ""
            }
        ),
        limit: usable,
    };
    match own {
        Some(own) if own.limit <= workspace.limit => Some(own),
        _ => Some(workspace),
    }
}

/// What a workspace's limit leaves to spend a month.
pub fn spendable_units(budget: &Budget, limit: Option<u64>) -> Option<u64> {
    let limit = limit?;
    let free = match budget.keep_free {
        Some(ReservedUnits::Units(units)) => units,
        // Rounded up: what must stay free does.
        Some(ReservedUnits::Percent(percent)) => {
            let hundredths = u128::from(limit) * u128::from(percent);
            u64::try_from(hundredths.div_ceil(100)).unwrap_or(limit)
        }
        None => 0,
    };
    Some(limit.saturating_sub(free))
}

/// The reset after a day: on the day of the month that the workspace reported, else on the first.
fn next_reset(reported: Option<NaiveDate>, today: NaiveDate) -> NaiveDate {
    /// A century, back and forth: the reported day may be long past, or further ahead than a month.
    const MONTHS: u32 = 1200;
    let day = match reported {
        Some(day) => day,
        None => today.with_day(1).unwrap_or(today),
    };
    for months in (1..MONTHS).rev() {
        match day.checked_sub_months(Months::new(months)) {
            Some(earlier) if earlier > today => return earlier,
            _ => {}
        }
    }
    for months in 0..MONTHS {
        match day.checked_add_months(Months::new(months)) {
            Some(later) if later > today => return later,
            _ => {}
        }
    }
    day
}

/// The budgets of single reports and targets, in the order that [`shares`] counts in.
pub(crate) fn share_caps(budget: &Budget) -> Vec<BudgetLimit> {
    let mut caps = Vec::new();
    for (name, limit) in &budget.per_report {
        caps.push(share_cap("per_report", name, *limit));
    }
    for (name, limit) in &budget.per_target {
        caps.push(share_cap("per_target", name, *limit));
    }
    caps
}

fn share_cap(key: &str, name: &str, limit: u64) -> BudgetLimit {
    BudgetLimit {
        name: format!("[budget] {key}.{name}"),
        limit,
    }
}

/// The shares that the requests of a task spend from.
pub(crate) fn shares(config: &RunConfig, job: &ScheduledTask) -> BudgetShares {
    let Budget {
        per_report,
        per_target,
        ..
    } = &config.budget;
    let mut shares = [None, None];
    if let Some(report) = config.reports.get(job.task.report) {
        shares[0] = per_report.keys().position(|name| *name == report.name);
    }
    let target = config.target_name(job.task.target);
    if let Some(index) = per_target.keys().position(|name| name == target) {
        shares[1] = Some(per_report.len() + index);
    }
    BudgetShares(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::reservations::RunReservation;
    use crate::model::RunId;

    fn day(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn entry(run: &str, promised: u64, settled: Option<u64>, spent: u64) -> Entry {
        Entry {
            run: RunId::new(run),
            reservation: RunReservation {
                reserved: promised,
                settled,
                spent,
                day: None,
            },
        }
    }

    #[test]
    fn the_month_counts_what_was_settled_promised_and_spent_elsewhere_since_the_reset() {
        let cap = BudgetLimit {
            name: "per_month".to_owned(),
            limit: 10_000,
        };
        let entries = [
            entry("20261031T230000Z-0", 700, Some(600), 600),
            entry("20261101T010000Z-0", 500, Some(400), 400),
            entry("20261123T010000Z-0", 900, Some(900), 0),
            entry("20261123T020000Z-0", 800, None, 300),
        ];
        let (reset, today) = (day("2026-12-01"), day("2026-11-23"));
        let of = |used| {
            fold(
                &entries,
                cap.clone(),
                reset,
                foreign(&entries, Some(reset), today, used),
                today,
            )
        };
        assert_eq!((of(0).spent, of(0).today), (400 + 900 + 800, 900 + 800));
        assert_eq!(of(1_600).spent, 2_100, "the ledger knows all of it");
        // 5,000 used: 1,600 of it are known to the ledger for certain, what is promised may still come.
        assert_eq!(
            (of(5_000).spent, of(5_000).month.foreign),
            (2_100 + 3_400, 3_400)
        );
        assert_eq!(of(0).month.since, day("2026-11-01"));
    }

    #[test]
    fn what_others_spent_is_remembered_until_the_reset() {
        let known = RememberedUsage {
            reset: Some(day("2026-12-05")),
            limit: Some(10_000),
            reported_on: Some(day("2026-11-20")),
            foreign: 700,
        };
        assert_eq!(
            other_usage(&known, day("2026-12-04")),
            Some((700, day("2026-11-20")))
        );
        assert_eq!(other_usage(&known, day("2026-12-05")), None);
        assert_eq!(
            other_usage(&RememberedUsage::default(), day("2026-12-05")),
            None
        );
    }

    #[test]
    fn a_run_across_the_reset_counts_in_the_new_month() {
        let cap = BudgetLimit {
            name: "per_month".to_owned(),
            limit: 10_000,
        };
        let mut crossing = entry("20261130T235000Z-0", 700, Some(600), 600);
        crossing.reservation.day = Some(day("2026-12-01"));
        let account = fold(&[crossing], cap, day("2027-01-01"), 0, day("2026-12-02"));
        assert_eq!((account.spent, account.today), (600, 0));
    }

    #[test]
    fn what_stays_free_is_taken_from_the_workspaces_limit() {
        let with = |keep_free| Budget {
            keep_free,
            ..Budget::default()
        };
        assert_eq!(
            spendable_units(&with(Some(ReservedUnits::Percent(10))), Some(2_000_001)),
            Some(1_800_000)
        );
        assert_eq!(
            spendable_units(&with(Some(ReservedUnits::Units(3))), Some(2)),
            Some(0)
        );
        assert_eq!(spendable_units(&with(None), Some(9)), Some(9));
        assert_eq!(
            spendable_units(&with(Some(ReservedUnits::Units(3))), None),
            None
        );
    }

    #[test]
    fn a_remembered_reset_day_rolls_on_and_without_one_the_calendar_counts() {
        let next = |told: Option<&str>, today| next_reset(told.map(day), day(today)).to_string();
        assert_eq!(next(Some("2026-09-17"), "2026-11-17"), "2026-12-17");
        assert_eq!(next(Some("2026-12-17"), "2026-11-17"), "2026-12-17");
        assert_eq!(next(Some("2026-10-31"), "2026-11-30"), "2026-12-31");
        assert_eq!(
            next(Some("2027-08-05"), "2026-11-30"),
            "2026-12-05",
            "a month at a time"
        );
        assert_eq!(next(None, "2026-12-31"), "2027-01-01");
    }
}
