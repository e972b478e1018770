//! Changes of the configuration with which every run fits into a number of units, the ones that lose least first: a slower
//! cadence keeps all rows and columns, then columns go, then rows, at last all three. Every proposal is estimated again
//! before it is made.

use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};

use crate::catalog::{FREE_ROWS, Presets, Pricing};
use crate::config::{Cadence, Report, RunConfig};
use crate::costs::estimate::{estimate, of_all_tasks};
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::ScheduledTask;
use crate::plan::{self, Cost, Selection, Task};
use crate::report::{Change, ColumnShare, Fit, Proposal};

/// The cadences that are proposed, the fastest first.
const CADENCES: [Cadence; 7] = [
    Cadence::DAY,
    Cadence::Days(2),
    Cadence::Days(3),
    Cadence::Days(7),
    Cadence::Days(10),
    Cadence::Days(14),
    Cadence::Month,
];

/// Nights that are looked at, in periods of the slowest report: slots repeat.
const PERIODS: u32 = 3;

/// Looks for changes that fit.
///
/// # Errors
/// As [`estimate`].
pub fn fit(
    config: &RunConfig,
    today: NaiveDate,
    selection: &Selection,
    wanted: u64,
) -> Result<Fit> {
    let search = BudgetFit {
        today,
        selection,
        wanted,
    };
    let now = search.bill(config)?;
    let columns = shares(config, &now);
    let mut proposals = Vec::new();
    if !search.fits(&now) {
        let slower = search.slower(config, &now)?;
        let narrower = search.narrower(config, &now)?;
        let shorter = search.shorter(config, &now)?;
        for (loses, changed) in [
            ("freshness: every row and column stays", &slower),
            ("columns: every row stays, as often as now", &narrower),
            ("rows: what is behind the last one is not fetched", &shorter),
        ] {
            proposals.extend(search.proposal(config, changed, loses)?);
        }
        if !proposals.iter().any(|proposal| proposal.fits) {
            let narrower = search.narrower(&slower, &search.bill(&slower)?)?;
            let all = search.shorter(&narrower, &search.bill(&narrower)?)?;
            let all = search.proposal(config, &all, "freshness, columns and rows together")?;
            proposals.retain(|proposal| proposal.later <= wanted);
            proposals
                .extend(all.filter(|all| !proposals.iter().any(|one| one.changes == all.changes)));
        }
        proposals.sort_by_key(|proposal| !proposal.fits);
    }
    Ok(Fit {
        wanted,
        units: now.next,
        later: now.later,
        fits: search.fits(&now),
        columns,
        proposals,
    })
}

/// What a configuration comes to.
struct Bill {
    /// Units of the next run.
    next: u64,
    /// Units of the dearest night after it.
    later: u64,
    /// What each task costs when it is due.
    costs: Vec<(Task, Cost)>,
    /// The night of these prices.
    night: SnapshotDate,
}

impl Bill {
    /// Units of a night on which all tasks of a report are due.
    fn of(&self, report: usize) -> u64 {
        self.costs
            .iter()
            .filter(|(task, _)| task.report == report)
            .map(|(_, cost)| cost.units)
            .sum()
    }

    /// Indices of the reports, the dearest first; `weight` is what a report's units are divided by.
    fn dearest(&self, config: &RunConfig, weight: impl Fn(&Report) -> u64) -> Vec<usize> {
        let mut reports: Vec<(u64, usize)> = config
            .reports
            .iter()
            .enumerate()
            .map(|(index, report)| (self.of(index) / weight(report).max(1), index))
            .filter(|(units, _)| *units > 0)
            .collect();
        reports.sort_by_key(|(units, index)| (std::cmp::Reverse(*units), *index));
        reports.into_iter().map(|(_, index)| index).collect()
    }
}

struct BudgetFit<'a> {
    today: NaiveDate,
    selection: &'a Selection,
    wanted: u64,
}

impl BudgetFit<'_> {
    fn bill(&self, config: &RunConfig) -> Result<Bill> {
        let costs = of_all_tasks(config, self.today, self.selection)?;
        let later = self.later(config, &costs)?;
        Ok(Bill {
            next: self.next(config)?,
            later,
            costs,
            night: SnapshotDate::new(self.today),
        })
    }

    fn next(&self, config: &RunConfig) -> Result<u64> {
        Ok(estimate(config, self.today, self.selection, false)?.units)
    }

    /// Units of the dearest night after tonight, once what is due tonight is there.
    fn later(&self, config: &RunConfig, costs: &[(Task, Cost)]) -> Result<u64> {
        let run_plan = crate::schedule::plan_run(config, self.today, self.selection, false)?;
        let due =
            |job: &ScheduledTask| (job.night == run_plan.tonight).then(|| job.task.id.clone());
        let due: std::collections::BTreeSet<TaskId> =
            run_plan.jobs.iter().filter_map(due).collect();
        let slowest = config
            .reports
            .iter()
            .map(|report| report.every.nights())
            .max()
            .unwrap_or(1);
        let end = self.today + Days::new(u64::from(slowest * PERIODS));
        let mut nights: BTreeMap<SnapshotDate, u64> = BTreeMap::new();
        for (task, cost) in costs {
            let every = config
                .reports
                .get(task.report)
                .map_or(Cadence::DAY, |report| report.every);
            // What is not due comes to its slot, which is where its past would have led it to.
            let back = if due.contains(&task.id) {
                0
            } else {
                u64::from(every.nights() * PERIODS)
            };
            let mut night = SnapshotDate::new(self.today - Days::new(back));
            while night.date() < end {
                night = plan::next_due(every, &task.cadence_key(), night);
                if night.date() > self.today {
                    *nights.entry(night).or_default() += cost.units;
                }
            }
        }
        Ok(nights.into_values().max().unwrap_or(0))
    }

    fn fits(&self, bill: &Bill) -> bool {
        bill.next.max(bill.later) <= self.wanted
    }

    /// The same with slower cadences: the reports that cost most a night are stretched first, and none further than needed.
    fn slower(&self, config: &RunConfig, now: &Bill) -> Result<RunConfig> {
        let mut changed = config.clone();
        let mut enough: Option<RunConfig> = None;
        loop {
            if self.later(&changed, &now.costs)? <= self.wanted {
                if self.next(&changed)? <= self.wanted {
                    return self.no_slower_than_needed(config, changed, &now.costs);
                }
                // What was never fetched is due at once, at any cadence: the nights after it count.
                enough.get_or_insert_with(|| changed.clone());
            }
            let dearest = now.dearest(&changed, |report| u64::from(report.every.nights()));
            if !dearest
                .into_iter()
                .any(|report| step(&mut changed, report, Step::Slower))
            {
                return match enough {
                    Some(enough) => self.no_slower_than_needed(config, enough, &now.costs),
                    None => Ok(changed),
                };
            }
        }
    }

    /// Takes back what was stretched in vain.
    fn no_slower_than_needed(
        &self,
        config: &RunConfig,
        mut changed: RunConfig,
        costs: &[(Task, Cost)],
    ) -> Result<RunConfig> {
        let next = self.next(&changed)?.max(self.wanted);
        for index in 0..config.reports.len() {
            let own = config
                .reports
                .get(index)
                .map(|report| report.every.nights());
            loop {
                let mut faster = changed.clone();
                let is_stretched = changed
                    .reports
                    .get(index)
                    .map(|report| report.every.nights())
                    > own;
                if !is_stretched || !step(&mut faster, index, Step::Faster) {
                    break;
                }
                if faster
                    .reports
                    .get(index)
                    .map(|report| report.every.nights())
                    < own
                {
                    break;
                }
                if self.later(&faster, costs)? > self.wanted || self.next(&faster)? > next {
                    break;
                }
                changed = faster;
            }
        }
        Ok(changed)
    }

    /// The same with fewer columns: the dearest go first, those of the smallest preset last.
    fn narrower(&self, config: &RunConfig, now: &Bill) -> Result<RunConfig> {
        let mut changed = config.clone();
        let mut fits = self.fits(now);
        let mut bill: Option<Bill> = None;
        while !fits && drop_columns(&mut changed, bill.as_ref().unwrap_or(now)) {
            let after = self.bill(&changed)?;
            fits = self.fits(&after);
            bill = Some(after);
        }
        Ok(changed)
    }

    /// The same with fewer rows of the dearest reports: a shorter ranking, or a fuse.
    fn shorter(&self, config: &RunConfig, now: &Bill) -> Result<RunConfig> {
        let mut changed = config.clone();
        for report in now.dearest(config, |_| 1) {
            if self.fits(&self.bill(&changed)?) {
                break;
            }
            let rows = now
                .costs
                .iter()
                .filter(|(task, _)| task.report == report)
                .map(|(_, cost)| cost.rows)
                .max();
            self.limit_rows(&mut changed, report, rows.unwrap_or(0))?;
        }
        Ok(changed)
    }

    /// Limits a report to the most rows a task with which all fits, in hundreds; if none does, to the fewest.
    fn limit_rows(&self, config: &mut RunConfig, index: usize, rows: u64) -> Result<()> {
        let step = u64::from(FREE_ROWS);
        let has_limit = |report: &Report| report.endpoint.parameter("limit").is_some();
        if !config.reports.get(index).is_some_and(has_limit) || rows <= step {
            return Ok(());
        }
        let (mut fits, mut fails) = (1_u64, rows.div_ceil(step).max(2));
        while fails - fits > 1 {
            let middle = fits.midpoint(fails);
            let mut tried = config.clone();
            set_rows(&mut tried, index, middle * step);
            if self.fits(&self.bill(&tried)?) {
                fits = middle;
            } else {
                fails = middle;
            }
        }
        set_rows(config, index, fits * step);
        Ok(())
    }

    fn proposal(
        &self,
        config: &RunConfig,
        changed: &RunConfig,
        loses: &str,
    ) -> Result<Option<Proposal>> {
        let changes: Vec<Change> = config
            .reports
            .iter()
            .zip(&changed.reports)
            .filter_map(|(old, new)| change(old, new))
            .collect();
        if changes.is_empty() {
            return Ok(None);
        }
        let bill = self.bill(changed)?;
        let (units, later, fits) = (bill.next, bill.later, self.fits(&bill));
        Ok(Some(Proposal {
            loses: loses.to_owned(),
            units,
            later,
            fits,
            changes,
        }))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Slower,
    Faster,
}

/// Sets a report's cadence to the next one of [`CADENCES`]. False if there is none.
fn step(config: &mut RunConfig, report: usize, step: Step) -> bool {
    let Some(report) = config.reports.get_mut(report) else {
        return false;
    };
    let nights = report.every.nights();
    let next = match step {
        Step::Slower => CADENCES.iter().find(|every| every.nights() > nights),
        Step::Faster => CADENCES.iter().rev().find(|every| every.nights() < nights),
    };
    next.is_some_and(|next| {
        report.every = *next;
        true
    })
}

/// What each column costs a night on which all of its report is due, the dearest first; columns that only paging needs stand
/// for themselves.
fn shares(config: &RunConfig, now: &Bill) -> Vec<ColumnShare> {
    let mut shares = Vec::new();
    for (index, report) in config.reports.iter().enumerate() {
        let (price, own) = (plan::price_per_row(report, now.night), now.of(index));
        if price == 0 || own == 0 {
            continue;
        }
        let mut named: Vec<(String, u64)> = report
            .columns
            .iter()
            .map(|column| {
                (
                    column.clone(),
                    report.endpoint.units_per_row([column.as_str()]),
                )
            })
            .collect();
        let selected: u64 = named.iter().map(|(_, units)| units).sum();
        named.push((
            "(filter and paging)".to_owned(),
            price.saturating_sub(selected),
        ));
        shares.extend(named.into_iter().filter(|(_, units)| *units > 0).map(
            |(column, units_per_row)| ColumnShare {
                report: report.name.clone(),
                column,
                units_per_row,
                units: own.saturating_mul(units_per_row) / price,
            },
        ));
    }
    shares.sort_by_key(|share| std::cmp::Reverse(share.units));
    shares
}

/// Takes the column out that saves most; those of the smallest preset only when no others are left. False if none is left.
fn drop_columns(config: &mut RunConfig, now: &Bill) -> bool {
    for spares_the_least in [true, false] {
        let mut best: Option<(u64, usize, usize)> = None;
        for (place, report) in config.reports.iter().enumerate() {
            if !report.endpoint.has_select()
                || report.endpoint.pricing != Pricing::PerRow
                || report.columns.len() < 2
            {
                continue;
            }
            let least = report
                .endpoint
                .presets
                .get(Presets::NAMES[0])
                .unwrap_or_default();
            let (own, before) = (now.of(place), plan::price_per_row(report, now.night));
            for (at, column) in report.columns.iter().enumerate() {
                if least.contains(column)
                    && (spares_the_least || report.endpoint.identity.contains(column))
                    || is_of_changes(report, column)
                {
                    continue;
                }
                let saved =
                    before.saturating_sub(plan::price_per_row(&without(report, at), now.night));
                let units = own.saturating_mul(saved) / before.max(1);
                if units > 0 && best.is_none_or(|(most, _, _)| units > most) {
                    best = Some((units, place, at));
                }
            }
        }
        if let Some((_, place, at)) = best
            && let Some(report) = config.reports.get_mut(place)
        {
            *report = without(report, at);
            return true;
        }
    }
    false
}

/// Whether a report of changes cannot do without a column: it would be added again.
fn is_of_changes(report: &Report, column: &str) -> bool {
    let dates =
        |changes: &&crate::catalog::Changes| changes.new == column || changes.lost == column;
    report.changes.is_some_and(|changes| {
        dates(&changes) || report.endpoint.identity.iter().any(|own| own == column)
    })
}

fn without(report: &Report, at: usize) -> Report {
    let mut report = report.clone();
    report.columns.remove(at);
    report
}

fn set_rows(config: &mut RunConfig, place: usize, rows: u64) {
    let Some(report) = config.reports.get_mut(place) else {
        return;
    };
    match &mut report.top {
        Some(top) => top.rows = top.rows.min(rows),
        None => report.max_rows = Some(report.max_rows.map_or(rows, |most| most.min(rows))),
    }
}

fn change(old: &Report, new: &Report) -> Option<Change> {
    let dropped: Vec<String> = old
        .columns
        .iter()
        .filter(|column| !new.columns.contains(column))
        .cloned()
        .collect();
    let change = Change {
        report: old.name.clone(),
        every: (old.every != new.every).then(|| new.every.to_string()),
        columns: if dropped.is_empty() {
            Vec::new()
        } else {
            new.columns.clone()
        },
        dropped,
        top: new
            .top
            .as_ref()
            .filter(|top| old.top.as_ref() != Some(*top))
            .map(|top| (top.by.clone(), top.rows)),
        max_rows: new.max_rows.filter(|rows| old.max_rows != Some(*rows)),
    };
    let Change {
        report: _,
        every,
        columns: _,
        dropped,
        top,
        max_rows,
    } = &change;
    let is_something =
        every.is_some() || !dropped.is_empty() || top.is_some() || max_rows.is_some();
    is_something.then_some(change)
}
