//! Small files of a partition become few: the same rows under the same commit protocol.
//!
//! A file is small if it has less than half of the size at which files end. The small ones of a folder are written anew,
//! task by task in the order of tasks; the others are linked. If that makes no fewer files, nothing is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::new_run_id;
use crate::context::progress::Progress;
use crate::context::run_context::RunContext;
use crate::error::{Errors, Result};
use crate::failpoint;
use crate::plan::Selection;
use crate::publish::merge_sources::TaskRowIndex;
use crate::publish::partition::PartitionRewrite;
use crate::publish::rewrite::{file_folder, whole_file};
use crate::state::selection::ResolvedSelection;
use crate::table::is_system_table;
use crate::table::manifest::{Committed, FileEntry};

/// A partition before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compacted {
    /// Folder, from the destination's root.
    pub path: String,
    /// Files before.
    pub files_before: u64,
    /// Files after.
    pub files_after: u64,
    /// Bytes before.
    pub bytes_before: u64,
    /// Bytes after.
    pub bytes_after: u64,
}

/// Merges the small files of the selected partitions. Gives those that have fewer now, and what could not be merged.
///
/// # Errors
/// What keeps anything from being merged: the destination or the selection.
pub fn compact(
    config: RunConfig,
    clock: SharedClock,
    selection: &Selection,
) -> Result<(Vec<Compacted>, Errors)> {
    let config = Arc::new(config);
    // Nothing is created where there is nothing yet.
    ResolvedSelection::new(
        &config,
        &crate::state::open::open_read_only(&config)?,
        selection,
    )?;
    let context = RunContext::open(
        Arc::clone(&config),
        new_run_id(&clock),
        Vec::new(),
        None,
        clock,
        Arc::new(Progress::default()),
    )?;
    let chosen = ResolvedSelection::new(&config, &context.store, selection)?;
    let (mut compacted, mut errors) = (Vec::new(), Errors::default());
    for table in chosen.tables.iter().filter(|table| !is_system_table(table)) {
        for (partition, state) in chosen.states(table)? {
            let outcome = state.and_then(|state| {
                let is_worth_it = state
                    .committed
                    .is_some_and(|held| !crowds(&context, &held).is_empty());
                if is_worth_it {
                    compact_partition(&context, table, &partition)
                } else {
                    Ok(None)
                }
            });
            match outcome {
                Ok(done) => compacted.extend(done),
                Err(error) => {
                    errors.push(error.with_context("partition", format!("{table}/{partition}")));
                }
            }
        }
    }
    context.close()?;
    Ok((compacted, errors))
}

/// The small files of each folder that has several.
fn crowds(context: &RunContext, committed: &Committed) -> BTreeMap<String, Vec<FileEntry>> {
    let limit = context.config.destination.file_size_bytes;
    let mut crowds: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    for file in committed
        .files
        .iter()
        .filter(|file| file.bytes.saturating_mul(2) < limit)
    {
        crowds
            .entry(file_folder(&file.name).to_owned())
            .or_default()
            .push(file.clone());
    }
    crowds.retain(|_, files| files.len() > 1);
    crowds
}

fn compact_partition(
    context: &RunContext,
    table: &str,
    partition: &str,
) -> Result<Option<Compacted>> {
    let mut opened = PartitionRewrite::recorded(context, table, partition)?;
    let Some(before) = opened.before.clone() else {
        return Ok(None);
    };
    let crowds = crowds(context, &before);
    if !opened.committing.can_link_files() {
        // One object: nothing could be fewer.
        return Ok(None);
    }
    let mut writer = opened.writer(context, &before.responses_hash, &BTreeSet::new())?;
    let mut merged = 0;
    for files in crowds.values() {
        merged += files.len();
        let files = files
            .iter()
            .map(|file| Ok((file.clone(), whole_file(&opened.committing, file)?)));
        let sources = TaskRowIndex::index(
            opened.committing.commit(),
            &before.tasks,
            files.collect::<Result<_>>()?,
            opened.schema.parameters(),
        )?;
        sources.write(&opened.partition_by, &mut writer)?;
    }
    for file in &before.files {
        if !crowds
            .values()
            .flatten()
            .any(|merged| merged.name == file.name)
        {
            opened.committing.link_existing(&file.name)?;
            opened.kept.push(file.clone());
        }
    }
    if opened.kept.is_empty() && !writer.has_rows() {
        return Ok(None);
    }
    writer.start_sorted_run(&[])?;
    if writer.num_files() >= merged {
        tracing::debug!(table, partition, "its small files cannot be fewer");
        return Ok(None);
    }
    failpoint::hit("compact.written");
    let hash = before.responses_hash.clone();
    let after = opened.publish(writer, &BTreeSet::new(), &[], hash)?;
    let number = |committed: &Committed| u64::try_from(committed.files.len()).unwrap_or(u64::MAX);
    let bytes = |committed: &Committed| committed.files.iter().map(|file| file.bytes).sum();
    Ok(Some(Compacted {
        path: format!("{table}/{partition}"),
        files_before: number(&before),
        files_after: number(&after),
        bytes_before: bytes(&before),
        bytes_after: bytes(&after),
    }))
}
