//! Removes a target from everything that a destination holds.
//!
//! First the claims on its tasks, so that no process fetches them meanwhile; then, durably, the tombstone, after which
//! nothing uses its saved responses. Every later step can be interrupted and repeated: what names the target is removed last.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::new_run_id;
use crate::context::progress::Progress;
use crate::context::run_context::RunContext;
use crate::costs::row_counts;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::failpoint;
use crate::fetch::batch_split;
use crate::ledger::recovery::close_dead_run_logs;
use crate::ledger::request_log;
use crate::maintain::forget::scrub;
use crate::maintain::forget::target_data::TargetData;
use crate::model::{SnapshotDate, TaskId};
use crate::publish::partition::PartitionRewrite;
use crate::publish::{coverage, system_tables};
use crate::state::names::claim_name;
use crate::state::night_record;
use crate::state::selection::{targets_in_destination, unknown_target};
use crate::state::tombstone;
use crate::state::tombstone::Tombstone;
use crate::store::{ClaimResult, Lease};
use crate::table::{COVERAGE, TARGETS, parse_segment};

/// Claims that are held to the end, the newest nights first; of older nights it is only checked that no process works on them.
/// Each is an open file, of which a process may have a thousand.
const MAX_CLAIMS: usize = 512;

/// What was removed.
#[derive(Debug, Default)]
pub struct Forgotten {
    /// Rows of tables.
    pub rows: u64,
    /// Partitions that were rewritten without them.
    pub partitions: u64,
    /// Saved responses.
    pub responses: u64,
    /// Tables that held rows of the target, now or when it was forgotten before: a warehouse may still hold them.
    pub tables: BTreeSet<String>,
    /// The configuration still names the target.
    pub is_configured: bool,
    /// What could not be rewritten: it is unchanged.
    pub errors: Errors,
}

/// Removes a target from everything that the destination holds.
///
/// # Errors
/// [`ErrorCode::Target`] for an unknown name; [`ErrorCode::Locked`] if a process works on one of its tasks: then nothing was
/// changed; [`ErrorCode::Destination`].
pub fn forget(config: RunConfig, clock: SharedClock, target: &str) -> Result<Forgotten> {
    let config = Arc::new(config);
    let store = crate::state::open::open_read_only(&config)?;
    let named = targets_in_destination(&store)?;
    let is_configured = config.targets.iter().any(|known| known.name == target);
    let earlier = tombstone::read(&store, target);
    if !named.contains_key(target) && !is_configured && matches!(earlier, Ok(None)) {
        return Err(unknown_target(&config, &named, target));
    }
    let run = new_run_id(&clock);
    let context = RunContext::open(
        config,
        run,
        Vec::new(),
        None,
        clock,
        Arc::new(Progress::default()),
    )?;
    // An answer to a batch that is not split yet may hold rows of the target.
    batch_split::split_leftover_batches(&context)?;
    // The ledgers of killed runs name it until they are closed.
    close_dead_run_logs(&context.recovery())?;
    let mut data = TargetData::find(&context, target)?;
    let claims = claim(&context, target, &data)?;
    if !context.landing.batches()?.is_empty() {
        // The process that held the claims until now was killed and left a batch.
        batch_split::split_leftover_batches(&context)?;
        data = TargetData::find(&context, target)?;
    }
    let mut tables = data.tables();
    if let Ok(Some(earlier)) = earlier {
        tables.extend(earlier.tables);
    }
    let forgotten_at = context.clock.now().timestamp_micros();
    let tombstone = Tombstone {
        target: target.to_owned(),
        forgotten_at,
        tables: tables.clone(),
    };
    tombstone::write(&context.store, &tombstone)?;
    let mut forgotten = Forgotten {
        tables,
        is_configured,
        ..Forgotten::default()
    };
    for (night, task) in &data.saved {
        forgotten.responses += context.landing.forget(*night, task)?;
        failpoint::hit("forget.responses");
    }
    scrub::run_reports(&context.store, &data.words)?;
    scrub::bad_values(&context.store, &data.words)?;
    request_log::forget(&context.store, target)?;
    row_counts::forget(&context.store, target)?;
    remove_partitions(&context, target, &data, &mut forgotten)?;
    remove_mentions(&context, target)?;
    release_claims(claims)?;
    context.close()?;
    Ok(forgotten)
}

/// Removes the rows of a target from every partition that holds some.
fn remove_partitions(
    context: &RunContext,
    target: &str,
    data: &TargetData,
    forgotten: &mut Forgotten,
) -> Result<()> {
    for (table, partition) in &data.partitions {
        match remove_rows(context, table, partition, target) {
            Ok(None) => {}
            Ok(Some(rows)) => {
                forgotten.rows += rows;
                forgotten.partitions += 1;
            }
            Err(error) => forgotten
                .errors
                .push(error.with_context("partition", format!("{table}/{partition}"))),
        }
        failpoint::hit("forget.partition");
        context.store.remove_unfinished(
            table,
            partition,
            |task| task.target == target,
            &context.who,
        )?;
        failpoint::hit("forget.unfinished");
    }
    Ok(())
}

/// Takes the claims on the target's tasks.
///
/// # Errors
/// [`ErrorCode::Locked`] naming the task and the process that works on it.
fn claim(context: &RunContext, target: &str, data: &TargetData) -> Result<Vec<Lease>> {
    let mut claims = Vec::new();
    for (night, task) in data.claims.iter().rev() {
        let name = claim_name(*night, task);
        match context
            .store
            .claim(&name, context.run_id.as_str(), &context.who)?
        {
            ClaimResult::Claimed(claim) if claims.len() < MAX_CLAIMS => claims.push(claim),
            ClaimResult::Claimed(claim) => claim.release()?,
            ClaimResult::HeldBy(holder) => {
                let message =
                    format!("a task of {target} is being fetched: night {night}, by {holder}");
                return Err(Error::new(ErrorCode::Locked, message).with_context("claim", name).with_hint(
                    "wait for that process or end it, then run the same command again; nothing was changed",
                ));
            }
        }
    }
    Ok(claims)
}

/// Rewrites a partition without the target's rows. Returns how many were removed; `None` if it holds no task of the target.
fn remove_rows(
    context: &RunContext,
    table: &str,
    partition: &str,
    target: &str,
) -> Result<Option<u64>> {
    let mut opened = PartitionRewrite::recorded(context, table, partition)?;
    let Some(before) = opened.before.clone() else {
        return Ok(None);
    };
    let mut tasks: BTreeSet<TaskId> = BTreeSet::new();
    let mut rows = 0;
    for entry in &before.tasks {
        if entry.target == target {
            tasks.insert(entry.task.clone());
            rows += entry.rows;
        }
    }
    if tasks.is_empty() {
        return Ok(None);
    }
    let mut writer = opened.writer(context, &before.responses_hash, &tasks)?;
    opened.keep_all_but(&tasks, &mut writer)?;
    opened.publish(writer, &tasks, &[], before.responses_hash)?;
    Ok(Some(rows))
}

/// Removes the target from the system tables and from the records of nights.
fn remove_mentions(context: &RunContext, target: &str) -> Result<()> {
    for partition in context.store.partitions(COVERAGE)? {
        let Some((_, value)) = parse_segment(&partition) else {
            continue;
        };
        let Ok(night) = value.parse::<SnapshotDate>() else {
            continue;
        };
        coverage::write(context, night)?;
        failpoint::hit("forget.coverage");
    }
    if !context.store.partitions(TARGETS)?.is_empty() {
        system_tables::remove_target(context, target)?;
        failpoint::hit("forget.targets");
    }
    for (night, record) in night_record::load_open_nights(&context.store)? {
        let mut tasks = BTreeSet::new();
        for (task, planned) in record.tasks {
            if planned.target == target {
                tasks.insert(task);
            }
        }
        night_record::remove_closed(&context.store, night, &tasks)?;
        failpoint::hit("forget.nights");
    }
    Ok(())
}

/// Releases the claims.
fn release_claims(claims: Vec<Lease>) -> Result<()> {
    for claim in claims {
        claim.release()?;
        failpoint::hit("forget.claims");
    }
    Ok(())
}
