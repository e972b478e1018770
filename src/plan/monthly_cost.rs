//! What a configuration costs in a month at its cadence, whether that can ever fit its budgets, and what would make it fit.
//!
//! Where the rows of a task are bounded, so are its units. Where they are not, only its minimum is known: the price of
//! one request. A plan whose minimum does not fit can never complete.

use std::collections::BTreeMap;

use super::history::steady_units;
use super::task::Task;
use crate::config::{Cadence, RunConfig};
use crate::error::{Error, ErrorCode, Errors};

/// Nights of the month that bills are told for.
pub const NIGHTS_A_MONTH: u64 = 30;

/// The longest cadence that is proposed.
const LONGEST_PERIOD: u64 = 366;

/// Units of some tasks in a month of [`NIGHTS_A_MONTH`] nights.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MonthlyCost {
    /// They cannot cost less.
    pub least: u64,
    /// They cannot cost more; `None`: the rows of some task have no bound.
    pub most: Option<u64>,
}

/// Units of one task, once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Least,
    Most,
}

/// The least that a task can cost at a time: one request, whatever it brings.
pub fn least_units(config: &RunConfig, task: &Task) -> u64 {
    let least = match config.reports.get(task.report) {
        Some(report) if !task.costs_nothing() => {
            report.endpoint.units_per_request(0, task.units_per_row)
        }
        _ => 0,
    };
    least.min(task.bound_units.unwrap_or(u64::MAX))
}

/// The bill of a month of these tasks, at the cadence of their reports.
pub fn monthly_cost(config: &RunConfig, tasks: &[&Task]) -> MonthlyCost {
    let unbounded = tasks.iter().any(|task| task.bound_units.is_none());
    let most = rounds(config, tasks, Bound::Most);
    MonthlyCost {
        least: sum_of_rounds(config, &rounds(config, tasks, Bound::Least)),
        most: if unbounded {
            None
        } else {
            Some(sum_of_rounds(config, &most))
        },
    }
}

/// What the first load of histories may cost beyond a usual night, once.
pub fn first_load(config: &RunConfig, tasks: &[Task]) -> u64 {
    let mut units = 0;
    for task in tasks {
        if let (Some(most), Some(steady)) = (task.bound_units, steady_units(config, task)) {
            units += most.saturating_sub(steady);
        }
    }
    units
}

/// Refuses a plan of which even the minimum does not fit a budget. `workspace` is what the workspace's own limit leaves
/// for a month, where that is known.
///
/// # Errors
/// [`ErrorCode::Budget`] for each budget that it can never keep to, with the smallest changes that make it fit.
pub fn refuse_impossible(
    config: &RunConfig,
    tasks: &[Task],
    workspace: Option<u64>,
) -> Result<(), Errors> {
    let mut errors = Errors::default();
    for budget in budgets(config, tasks, workspace) {
        let Budget {
            name,
            limit,
            nightly,
            tasks,
        } = &budget;
        let least = monthly_cost(config, tasks).least;
        let dearest = tasks
            .iter()
            .map(|task| least_units(config, task))
            .max()
            .unwrap_or(0);
        let (needs, has) = match nightly {
            Some(nightly) if dearest > *nightly => {
                (format!("a single request of {dearest} units"), *nightly)
            }
            _ if least > *limit => (
                format!("at least {least} units in {NIGHTS_A_MONTH} nights"),
                *limit,
            ),
            _ => continue,
        };
        let message =
            format!("the plan can never complete: it needs {needs}, and {name} allows {has}");
        let mut ways = changes(config, tasks, *limit, Bound::Least);
        let enough = nightly.map_or(least, |_| dearest.max(least.div_ceil(NIGHTS_A_MONTH)));
        ways.push(format!("raise {name} to {enough}"));
        errors.push(Error::new(ErrorCode::Budget, message).with_hint(ways.join(", or ")));
    }
    errors.or(())
}

/// What would keep the upper bound of the month within `limit`; empty where it is within, or where there is no bound.
pub fn ways_to_fit(config: &RunConfig, tasks: &[&Task], limit: u64) -> Vec<String> {
    match monthly_cost(config, tasks).most {
        Some(most) if most > limit => changes(config, tasks, limit, Bound::Most),
        _ => Vec::new(),
    }
}

/// A budget over a month, and the tasks that spend it.
struct Budget<'a> {
    name: String,
    limit: u64,
    /// The same for a single run, where there is such a limit.
    nightly: Option<u64>,
    tasks: Vec<&'a Task>,
}

fn budgets<'a>(config: &RunConfig, tasks: &'a [Task], workspace: Option<u64>) -> Vec<Budget<'a>> {
    let budget = &config.budget;
    let all: Vec<&Task> = tasks.iter().collect();
    let mut limits: Vec<Budget<'a>> = Vec::new();
    if let Some(limit) = budget.per_month {
        limits.push(monthly_budget("per_month", limit, all.clone()));
    }
    if let Some(limit) = workspace {
        let name = "the workspace's limit less keep_free";
        limits.push(monthly_budget(name, limit, all.clone()));
    }
    if let Some(limit) = budget.per_run {
        limits.push(nightly_budget("per_run", limit, all));
    }
    for (name, limit) in &budget.per_report {
        let mut own = Vec::new();
        for task in tasks {
            if report_name(config, task.report) == name {
                own.push(task);
            }
        }
        limits.push(nightly_budget(&format!("per_report.{name}"), *limit, own));
    }
    for (name, limit) in &budget.per_target {
        let mut own = Vec::new();
        for task in tasks {
            if config.target_name(task.target) == name {
                own.push(task);
            }
        }
        limits.push(nightly_budget(&format!("per_target.{name}"), *limit, own));
    }
    limits
}

fn monthly_budget<'a>(name: &str, limit: u64, tasks: Vec<&'a Task>) -> Budget<'a> {
    Budget {
        name: name.to_owned(),
        limit,
        nightly: None,
        tasks,
    }
}

fn nightly_budget<'a>(name: &str, limit: u64, tasks: Vec<&'a Task>) -> Budget<'a> {
    Budget {
        name: format!("{name} (each night)"),
        limit: limit.saturating_mul(NIGHTS_A_MONTH),
        nightly: Some(limit),
        tasks,
    }
}

fn report_name(config: &RunConfig, report: usize) -> &str {
    match config.reports.get(report) {
        Some(report) => &report.name,
        None => "",
    }
}

fn units(config: &RunConfig, task: &Task, bound: Bound) -> u64 {
    match bound {
        Bound::Least => least_of_task(config, task),
        Bound::Most => steady_units(config, task).or(task.bound_units).unwrap_or(0),
    }
}

/// The least that a task can cost with all parts of its keywords: a request of each, unless `max_rows` may end it earlier.
fn least_of_task(config: &RunConfig, task: &Task) -> u64 {
    let has_fuse = config
        .reports
        .get(task.report)
        .is_some_and(|report| report.max_rows.is_some());
    let requests = if has_fuse {
        1
    } else {
        u64::try_from(task.segments.len())
            .unwrap_or(u64::MAX)
            .max(1)
    };
    least_units(config, task)
        .saturating_mul(requests)
        .min(task.bound_units.unwrap_or(u64::MAX))
}

/// Units of each report's tasks, once.
fn rounds(config: &RunConfig, tasks: &[&Task], bound: Bound) -> BTreeMap<usize, u64> {
    let mut rounds: BTreeMap<usize, u64> = BTreeMap::new();
    for task in tasks {
        let round = rounds.entry(task.report).or_default();
        *round = round.saturating_add(units(config, task, bound));
    }
    rounds
}

fn sum_of_rounds(config: &RunConfig, rounds: &BTreeMap<usize, u64>) -> u64 {
    let mut sum = 0;
    for (report, round) in rounds {
        sum += monthly(config, *report, *round);
    }
    sum
}

fn monthly(config: &RunConfig, report: usize, round: u64) -> u64 {
    at(round, period(config, report))
}

fn period(config: &RunConfig, report: usize) -> u64 {
    config
        .reports
        .get(report)
        .map_or(1, |report| u64::from(report.every.nights()))
}

/// Units in a month of what costs `round` units in every `period` nights.
fn at(round: u64, period: u64) -> u64 {
    round.saturating_mul(NIGHTS_A_MONTH).div_ceil(period.max(1))
}

/// The shortest period at which `round` units fit into `room` a month.
fn fitting_period(round: u64, room: u64) -> Option<u64> {
    let period = round
        .saturating_mul(NIGHTS_A_MONTH)
        .div_ceil(room.max(1))
        .max(1);
    if room > 0 && period <= LONGEST_PERIOD {
        Some(period)
    } else {
        None
    }
}

/// The smallest changes of which each alone brings the month within `limit`.
fn changes(config: &RunConfig, tasks: &[&Task], limit: u64, bound: Bound) -> Vec<String> {
    let rounds = rounds(config, tasks, bound);
    let total = sum_of_rounds(config, &rounds);
    let mut ways = Vec::new();
    // The report whose period has to grow least.
    let mut least = None;
    for (report, round) in &rounds {
        let others = total.saturating_sub(monthly(config, *report, *round));
        let Some(room) = limit.checked_sub(others) else {
            continue;
        };
        if let Some(new) = fitting_period(*round, room) {
            let factor = new.div_ceil(period(config, *report));
            let way = (factor, new, *report);
            least = Some(least.map_or(way, |least| way.min(least)));
        }
    }
    if let Some((_, period, report)) = least {
        let (every, name) = (every(period), report_name(config, report));
        ways.push(format!("set every = \"{every}\" on the report `{name}`"));
    } else {
        let mut together = 0_u64;
        for round in rounds.values() {
            together = together.saturating_add(*round);
        }
        if let Some(period) = fitting_period(together, limit) {
            ways.push(format!("set every = \"{}\" on all reports", every(period)));
        }
    }
    ways.extend(fewer_targets(config, tasks, limit, bound));
    if bound == Bound::Most {
        ways.extend(fewer_rows(config, tasks, &rounds, limit));
    }
    ways
}

fn every(period: u64) -> Cadence {
    Cadence::Days(u32::try_from(period).unwrap_or(u32::MAX))
}

/// How many of the targets, the dearest first, would have to go.
fn fewer_targets(config: &RunConfig, tasks: &[&Task], limit: u64, bound: Bound) -> Option<String> {
    let mut targets: BTreeMap<Option<usize>, BTreeMap<usize, u64>> = BTreeMap::new();
    for task in tasks {
        *targets
            .entry(task.target)
            .or_default()
            .entry(task.report)
            .or_default() += units(config, task, bound);
    }
    let mut costs = Vec::with_capacity(targets.len());
    for rounds in targets.values() {
        costs.push(sum_of_rounds(config, rounds));
    }
    costs.sort_unstable();
    let (mut sum, mut kept) = (0_u64, 0);
    for cost in &costs {
        sum = sum.saturating_add(*cost);
        if sum > limit {
            break;
        }
        kept += 1;
    }
    let all = costs.len();
    if kept == 0 || kept == all {
        return None;
    }
    Some(format!("keep {kept} of the {all} targets"))
}

/// The `max_rows` of one report that would do: the report whose rows cost most.
fn fewer_rows(
    config: &RunConfig,
    tasks: &[&Task],
    rounds: &BTreeMap<usize, u64>,
    limit: u64,
) -> Option<String> {
    let total = sum_of_rounds(config, rounds);
    let (index, round) = rounds
        .iter()
        .max_by_key(|(report, round)| monthly(config, **report, **round))?;
    let report = config.reports.get(*index)?;
    report.endpoint.parameter("limit")?;
    let others = total.saturating_sub(monthly(config, *index, *round));
    let room = limit
        .checked_sub(others)?
        .saturating_mul(period(config, *index))
        / NIGHTS_A_MONTH;
    let own: Vec<&&Task> = tasks
        .iter()
        .filter(|task| task.report == *index && !task.costs_nothing())
        .collect();
    let each = room / u64::try_from(own.len()).unwrap_or(u64::MAX).max(1);
    let per_row = own
        .iter()
        .map(|task| task.units_per_row)
        .max()
        .filter(|units| *units > 0)?;
    // One more question, for keys that are null, may be asked of each task.
    let rows = each.checked_sub(least_units(config, own.first()?))? / per_row;
    (rows > 0 && rows < report.max_rows.unwrap_or(u64::MAX))
        .then(|| format!("set max_rows = {rows} on the report `{}`", report.name))
}
