//! Merges small files of a partition: the same rows, under the same commit protocol.
//!
//! A file is small if it has less than half of the configured file size. The small files of a folder are rewritten, task
//! by task in the order of tasks; the others are linked. If the number of files does not fall, nothing is changed.

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
use crate::table::manifest::{Committed, FileEntry, PartitionState};

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

/// Merges the small files of the selected partitions. Returns those that have fewer files now, and what could not be merged.
///
/// # Errors
/// What keeps anything from being merged: the destination or the selection.
pub fn compact(
    config: RunConfig,
    clock: SharedClock,
    selection: &Selection,
) -> Result<(Vec<Compacted>, Errors)> {
    let config = Arc::new(config);
    // An empty destination stays as it is.
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
            let outcome = match state {
                Ok(state) if has_small_files(&context, &state) => {
                    compact_partition(&context, table, &partition)
                }
                Ok(_) => Ok(None),
                Err(error) => Err(error),
            };
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

/// Whether a folder of the partition has several small files.
fn has_small_files(context: &RunContext, state: &PartitionState) -> bool {
    match &state.committed {
        Some(committed) => !small_file_groups(context, committed).is_empty(),
        None => false,
    }
}

/// The small files of each folder that has several.
fn small_file_groups(
    context: &RunContext,
    committed: &Committed,
) -> BTreeMap<String, Vec<FileEntry>> {
    let limit = context.config.destination.file_size_bytes;
    let mut groups: BTreeMap<String, Vec<FileEntry>> = BTreeMap::new();
    for file in &committed.files {
        if file.bytes.saturating_mul(2) < limit {
            let folder = file_folder(&file.name).to_owned();
            groups.entry(folder).or_default().push(file.clone());
        }
    }
    groups.retain(|_, files| files.len() > 1);
    groups
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
    let groups = small_file_groups(context, &before);
    if !opened.committing.can_link_files() {
        // The partition is one object: it cannot have fewer.
        return Ok(None);
    }
    let mut writer = opened.writer(context, &before.responses_hash, &BTreeSet::new())?;
    let mut merged = BTreeSet::new();
    for group in groups.values() {
        let mut files = Vec::with_capacity(group.len());
        for file in group {
            merged.insert(file.name.as_str());
            files.push((file.clone(), whole_file(&opened.committing, file)?));
        }
        let sources = TaskRowIndex::index(
            opened.committing.commit(),
            &before.tasks,
            files,
            opened.schema.parameters(),
        )?;
        sources.write(&opened.partition_by, &mut writer)?;
    }
    for file in &before.files {
        if !merged.contains(file.name.as_str()) {
            opened.committing.link_existing(&file.name)?;
            opened.kept.push(file.clone());
        }
    }
    if opened.kept.is_empty() && !writer.has_rows() {
        return Ok(None);
    }
    writer.start_sorted_run(&[])?;
    if writer.num_files() >= merged.len() {
        tracing::debug!(
            table,
            partition,
            "merging the small files would not reduce their number"
        );
        return Ok(None);
    }
    failpoint::hit("compact.written");
    let hash = before.responses_hash.clone();
    let after = opened.publish(writer, &BTreeSet::new(), &[], hash)?;
    Ok(Some(Compacted {
        path: format!("{table}/{partition}"),
        files_before: file_count(&before),
        files_after: file_count(&after),
        bytes_before: byte_count(&before),
        bytes_after: byte_count(&after),
    }))
}

fn file_count(committed: &Committed) -> u64 {
    u64::try_from(committed.files.len()).unwrap_or(u64::MAX)
}

fn byte_count(committed: &Committed) -> u64 {
    committed.files.iter().map(|file| file.bytes).sum()
}
