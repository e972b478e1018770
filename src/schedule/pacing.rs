//! Pacing: which of tonight's tasks are deferred, so that what is left of the month reaches to its end.

use std::collections::BTreeMap;

use crate::config::RunConfig;
use crate::error::Result;
use crate::landing::ResponseStore;
use crate::ledger::month;
use crate::ledger::month::MonthStatus;
use crate::model::SnapshotDate;
use crate::plan::ScheduledTask;
use crate::plan::{self, Allowance, Candidate, Purchase, Task, admit, least_units};
use crate::report::format_count;
use crate::schedule::run_plan::{DueTask, RunPlan};
use chrono::NaiveDate;

/// A task that is deferred.
#[derive(Debug, Clone)]
pub(crate) struct DeferredTask {
    /// The task.
    pub job: ScheduledTask,
    /// Since when it is due.
    pub due: SnapshotDate,
    /// Units that it is expected to cost.
    pub units: u64,
    /// Why, for a person.
    pub reason: String,
}

impl RunPlan {
    /// Takes out of the plan what a run that began now would defer, by what this destination remembers of the month:
    /// nothing is sent. Gives a line for each, and adds what is worth knowing to the notes.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if the ledger or saved responses cannot be read.
    pub fn defer(
        &mut self,
        config: &RunConfig,
        today: NaiveDate,
        per_run: u64,
    ) -> Result<Vec<String>> {
        let store = crate::state::open::open_read_only(config)?;
        let account = month::remembered(config, &store, today, &mut self.notes)?;
        let deferred = defer_unaffordable(
            config,
            self,
            account.as_ref(),
            &crate::state::open::response_store(config, &store),
            today,
            per_run,
        )?;
        Ok(deferred.iter().map(|task| task.describe(config)).collect())
    }
}

impl DeferredTask {
    fn describe(&self, config: &RunConfig) -> String {
        let Self {
            job, due, units, ..
        } = self;
        let report = config.reports.get(job.task.report);
        let report_name = report.map_or("", |report| report.name.as_str());
        let target = config.target_name(job.task.target);
        let varying = job.task.parameters.iter();
        let label = plan::task_label(
            report_name,
            target,
            varying.map(|(name, value)| (name, value)),
        );
        format!(
            "{label}: about {} units, due since {due}",
            format_count(*units)
        )
    }
}

/// Takes out of the plan what tonight cannot afford. What an earlier run or night began goes on, and so does what was
/// asked for by name.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if saved responses cannot be read.
pub(crate) fn defer_unaffordable(
    config: &RunConfig,
    run_plan: &mut RunPlan,
    account: Option<&MonthStatus>,
    landing: &ResponseStore,
    today: NaiveDate,
    per_run: u64,
) -> Result<Vec<DeferredTask>> {
    let Some(account) = account else {
        return Ok(Vec::new());
    };
    if !config.budget.pace || run_plan.is_forced || run_plan.is_range {
        return Ok(Vec::new());
    }
    let allowance = allowance(account, today, per_run);
    let candidates = candidates(config, run_plan, landing)?;
    let admitted = admit(&candidates, allowance);
    let mut deferred = Vec::new();
    let mut kept = Vec::new();
    let jobs = std::mem::take(&mut run_plan.jobs);
    for ((job, candidate), is_admitted) in jobs.into_iter().zip(candidates).zip(admitted) {
        if is_admitted {
            kept.push(job);
            continue;
        }
        let reason = format!(
            "deferred by `pace`: about {} units, due since {}; tonight may spend {} of the {} that are left until the \
             reset on {}",
            format_count(candidate.cost),
            candidate.due,
            format_count(allowance.tonight),
            format_count(allowance.month),
            account.reset
        );
        deferred.push(DeferredTask {
            job,
            due: candidate.due,
            units: candidate.cost,
            reason,
        });
    }
    run_plan.jobs = kept;
    if !deferred.is_empty() {
        run_plan.notes.push(format!(
            "`pace`: tonight may spend {} units of the {} that are left until {}; {} of the due tasks are deferred and \
             come first the next night",
            format_count(allowance.tonight),
            format_count(allowance.month),
            account.reset,
            format_count(u64::try_from(deferred.len()).unwrap_or(u64::MAX))
        ));
    }
    Ok(deferred)
}

/// What competes for tonight's units.
fn candidates(
    config: &RunConfig,
    run_plan: &RunPlan,
    landing: &ResponseStore,
) -> Result<Vec<Candidate>> {
    let mut candidates = Vec::with_capacity(run_plan.jobs.len());
    let mut questions: BTreeMap<(SnapshotDate, String), usize> = BTreeMap::new();
    // Of each question, the cost for the task that is the first to ask it.
    let mut costs: BTreeMap<usize, u64> = BTreeMap::new();
    for job in &run_plan.jobs {
        let due_task = run_plan.due_tasks.get(&job.task.id);
        let DueTask { since, history } = due_task.cloned().unwrap_or_default();
        let next = questions.len();
        let key = (job.night, plan::question_fingerprint(config, &job.task));
        let question = *questions.entry(key).or_insert(next);
        let least = least_units(config, &job.task);
        let expected = history.units.or(job.task.bound_units).unwrap_or(0);
        if job.task.purchase != Purchase::Shared {
            costs.insert(question, expected.max(least));
        }
        candidates.push(Candidate {
            report: job.task.report,
            task: job.task.id.clone(),
            due: since,
            periods_late: periods_late(config, &job.task, since, run_plan.tonight),
            deferrals: history.deferred_on.len(),
            cost: 0,
            question,
            is_begun: is_begun(run_plan, job, landing)?,
        });
    }
    for candidate in &mut candidates {
        candidate.cost = costs.get(&candidate.question).copied().unwrap_or(0);
    }
    Ok(candidates)
}

/// Whether an earlier night or an answer began it. An attempt without an answer has cost nothing yet: a budget may have
/// stopped it.
fn is_begun(run_plan: &RunPlan, job: &ScheduledTask, landing: &ResponseStore) -> Result<bool> {
    if job.night != run_plan.tonight {
        return Ok(true);
    }
    let latest = landing.latest_listed(job.night, &job.task.id)?;
    Ok(latest.is_some_and(|(_, has_answer)| has_answer))
}

/// Whole periods of its report for which a task has been due.
fn periods_late(
    config: &RunConfig,
    task: &Task,
    since: SnapshotDate,
    tonight: SnapshotDate,
) -> u64 {
    let mut period = 1;
    if let Some(report) = config.reports.get(task.report) {
        period = u64::from(report.every.nights());
    }
    u64::try_from(tonight.days_since(since)).unwrap_or(0) / period.max(1)
}

/// What is left of the month when the night began, spread over its nights, less what the night has spent already.
fn allowance(account: &MonthStatus, today: NaiveDate, per_run: u64) -> Allowance {
    let month = account.month.cap.limit.saturating_sub(account.spent);
    let nights = u64::try_from((account.reset - today).num_days())
        .unwrap_or(0)
        .max(1);
    let tonight = (month.saturating_add(account.today) / nights).saturating_sub(account.today);
    Allowance {
        tonight: tonight.min(month).min(per_run),
        month: month.min(per_run),
        is_untouched: account.today == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::reservations::MonthBudget;
    use crate::limits::BudgetLimit;

    #[test]
    fn what_is_left_is_spread_over_the_nights_to_the_reset_tonight_included() {
        let day = |text: &str| text.parse::<NaiveDate>().expect("a date");
        let account = |spent, today| MonthStatus {
            reset: day("2026-12-01"),
            month: MonthBudget {
                cap: BudgetLimit {
                    name: String::new(),
                    limit: 2_000,
                },
                since: day("2026-11-01"),
                foreign: 0,
            },
            spent,
            today,
        };
        let tonight =
            |spent, today, night| allowance(&account(spent, today), day(night), u64::MAX).tonight;
        assert_eq!(tonight(0, 0, "2026-11-21"), 200);
        assert_eq!(tonight(1_000, 0, "2026-11-21"), 100);
        assert_eq!(tonight(1_000, 0, "2026-11-30"), 1_000);
        // A second run of the same night gets what the first has left of it.
        assert_eq!(tonight(150, 150, "2026-11-21"), 50);
        assert_eq!(tonight(230, 230, "2026-11-21"), 0);
        assert_eq!(tonight(2_500, 0, "2026-11-21"), 0);
    }
}
