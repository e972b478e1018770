//! What is left to be said and done when the work of a run has ended.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Datelike as _;

use crate::context::run_context::RunContext;
use crate::error::{ErrorCode, Result};
use crate::model::{SnapshotDate, TaskId};
use crate::publish::{coverage, system_tables};
use crate::run::report_builder::Unfinished;
use crate::schedule::run_plan;
use crate::state::names::{claim_name, partition_name};
use crate::state::night_record;
use crate::state::night_record::{OpenNight, PlannedTask};
use crate::state::periods;
use crate::state::task_state;
use crate::store::Lease;
use crate::table::manifest::{PartitionState, UnfinishedStatus, UnfinishedTask};

/// Says for every night that this run touched or found open what became of its tasks, brings the table of targets up to
/// date, closes finished nights and deletes old answers. Returns notes.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn finish_run(
    context: &RunContext,
    tonight: SnapshotDate,
    unfinished: Unfinished,
) -> Result<Vec<String>> {
    for ((night, report), tasks) in unfinished {
        unless_busy(context.store.record_unfinished(
            &report,
            &partition(context, &report, night)?,
            tasks,
            &context.who,
        ))?;
    }
    let begun = night_record::load_open_nights(&context.store)?;
    let mut needed: BTreeSet<(SnapshotDate, TaskId)> = BTreeSet::new();
    let mut touched: BTreeSet<SnapshotDate> = context
        .jobs
        .iter()
        .map(|job| job.night)
        .chain([tonight])
        .collect();
    for (night, record) in begun {
        touched.insert(night);
        needed.extend(
            settle(context, night, &record)?
                .into_iter()
                .map(|task| (night, task)),
        );
    }
    touched
        .iter()
        .try_for_each(|night| unless_busy(coverage::write(context, *night)))?;
    unless_busy(system_tables::write_targets(context))?;
    let days = context.config.run.resume_within.as_secs() / (24 * 3600);
    let oldest = context
        .clock
        .today()
        .checked_sub_days(chrono::Days::new(days))
        .map_or(tonight, SnapshotDate::new);
    context
        .store
        .sweep_claims(oldest.min(tonight), &context.who)?;
    expire(context, &needed)
}

/// Strikes off a night's tasks that are committed, or given up for their age. Gives those that are still open.
fn settle(
    context: &RunContext,
    night: SnapshotDate,
    record: &OpenNight,
) -> Result<BTreeSet<TaskId>> {
    // What others have begun or committed meanwhile counts.
    context.landing.invalidate(night);
    let is_given_up = !run_plan::is_resumed(&context.config, night, context.clock.today());
    let mut states: BTreeMap<&str, Option<PartitionState>> = BTreeMap::new();
    let (mut open, mut closed) = (BTreeSet::new(), BTreeSet::new());
    let mut given_up: BTreeMap<&str, Vec<UnfinishedTask>> = BTreeMap::new();
    for (task, planned) in &record.tasks {
        let table = planned.report.as_str();
        if !states.contains_key(table) {
            states.insert(
                table,
                context
                    .store
                    .partition(table, &partition(context, table, night)?)?,
            );
        }
        let state = states.get(table).and_then(Option::as_ref);
        let entry = task_state::committed_entry_in(&context.landing, state, night, task)?;
        if !task_state::is_unfinished(&context.landing, night, task, entry.as_ref())? {
            closed.insert(task.clone());
        } else if is_given_up {
            closed.insert(task.clone());
            let mut known = state
                .into_iter()
                .flat_map(|state| &state.unfinished)
                .filter(|known| known.task == *task);
            if !known.any(|known| known.night.is_none_or(|of| of >= night)) {
                let night = planned.window.map(|_| night);
                given_up.entry(table).or_default().push(UnfinishedTask {
                    night,
                    ..abandoned(context, task, planned)
                });
            }
        } else {
            open.insert(task.clone());
        }
    }
    for (table, tasks) in given_up {
        unless_busy(context.store.record_unfinished(
            table,
            &partition(context, table, night)?,
            tasks,
            &context.who,
        ))?;
    }
    night_record::remove_closed(&context.store, night, &closed)?;
    Ok(open)
}

/// Folder of the partition in which a table keeps a night.
fn partition(context: &RunContext, table: &str, night: SnapshotDate) -> Result<String> {
    let is_history = periods::is_history_table(&context.config, &context.store, table)?;
    Ok(if is_history {
        periods::period_name(night.date().year())
    } else {
        partition_name(night)
    })
}

/// What is said of a task that was never finished and will not be.
fn abandoned(context: &RunContext, task: &TaskId, planned: &PlannedTask) -> UnfinishedTask {
    UnfinishedTask {
        task: task.clone(),
        target: planned.target.clone(),
        params: planned.params.clone(),
        status: UnfinishedStatus::Stopped,
        reason: "not finished within `resume_within`".to_owned(),
        units: 0,
        run: context.run_id.clone(),
        at: context.clock.now().timestamp_micros(),
        night: None,
        due: None,
    }
}

/// Lets go of answers that are old and that nobody needs or works with.
fn expire(context: &RunContext, needed: &BTreeSet<(SnapshotDate, TaskId)>) -> Result<Vec<String>> {
    let guard = |night: SnapshotDate, task: &TaskId| {
        if needed.contains(&(night, task.clone())) {
            return Ok(None);
        }
        Ok(context
            .store
            .claim(
                &claim_name(night, task),
                context.run_id.as_str(),
                &context.who,
            )?
            .claimed())
    };
    let keep = context.config.destination.keep_responses;
    let expired = context
        .landing
        .expire(context.clock.now(), keep, guard, Lease::release)?;
    let note =
        format!("saved responses of {expired} tasks were older than `keep_responses` and are gone");
    Ok((expired > 0).then_some(note).into_iter().collect())
}

/// What another process holds is left as it is: whatever it does there, it says so itself.
fn unless_busy(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if error.code() == ErrorCode::Locked => {
            tracing::warn!(error = %error.one_line(), "left to another process");
            Ok(())
        }
        other => other,
    }
}
