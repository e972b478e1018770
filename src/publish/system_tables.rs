//! Tables that the program fills itself: one small file each, published by the same protocol as any other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use sha2::{Digest as _, Sha256};

use crate::config::Target;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::model::hex;
use crate::publish::partition::output;
use crate::sink::{PartitionWriter, WriterOptions};
use crate::state::system_tables::{KnownTarget, known_targets, targets_schema};
use crate::state::tombstone;
use crate::store::{
    Commit, KnownFiles, PartitionCommit, STAGED_SUFFIX, Store, UNPARTITIONED, verify_files,
};
use crate::table::TableSchema;
use crate::table::manifest::{Committed, PartitionState};

/// These tables are small: a process that holds one for longer was stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Publishes what `make` makes of what readers see now, if that is anything new. `make` may be called twice: the second
/// time while nobody else can change the partition.
///
/// # Errors
/// [`ErrorCode::Destination`] or [`ErrorCode::Locked`]; readers then see what they saw before.
pub(crate) fn publish(
    context: &RunContext,
    schema: &TableSchema,
    partition: &str,
    make: impl Fn(&Store) -> Result<RecordBatch>,
) -> Result<()> {
    let (store, table) = (&context.store, schema.name());
    let known = store
        .partition(table, partition)?
        .filter(|state| state.pending.is_none());
    // A file that was damaged since is written again.
    let is_whole = known
        .as_ref()
        .map_or(Ok(true), |state| is_whole(store, state))?;
    let known = known
        .and_then(|state| state.committed)
        .map(|committed| committed.responses_hash);
    if is_whole && known == Some(content_hash(&make(store)?)?) {
        return Ok(());
    }
    store.record_columns(table, schema.endpoint(), &schema.recorded_columns(), &[])?;
    let commit = Commit {
        report: table.to_owned(),
        partition: partition.to_owned(),
        id: context.commit_id(),
    };
    let committing = store.begin_commit_within(commit, &context.who, PATIENCE)?;
    let batch = make(store)?;
    let responses_hash = content_hash(&batch)?;
    if is_whole
        && committing
            .committed()
            .is_some_and(|committed| committed.responses_hash == responses_hash)
    {
        return Ok(());
    }
    let files = write(context, schema, &committing, &batch, &responses_hash)?;
    let (commit_id, columns) = (committing.commit().id.clone(), schema.recorded_columns());
    committing.publish(Committed {
        commit_id,
        files,
        tasks: Vec::new(),
        columns,
        responses_hash,
    })?;
    Ok(())
}

fn is_whole(store: &Store, state: &PartitionState) -> Result<bool> {
    let findings = verify_files(store, state, &KnownFiles::default())?;
    Ok(findings.iter().all(|finding| finding.is_foreign))
}

fn write(
    context: &RunContext,
    schema: &TableSchema,
    committing: &PartitionCommit,
    batch: &RecordBatch,
    responses_hash: &str,
) -> Result<Vec<crate::table::manifest::FileEntry>> {
    let options = WriterOptions {
        responses_hash: responses_hash.to_owned(),
        base_generation: committing.base_generation(),
        run_id: context.run_id.clone(),
        zstd_level: context.config.destination.zstd_level,
        staged_suffix: STAGED_SUFFIX.to_owned(),
        ..WriterOptions::new(committing.commit().id.clone())
    };
    let mut writer = PartitionWriter::new(output(committing)?, schema.clone(), options);
    writer.write(batch)?;
    writer.close()
}

/// A hash of the rows: equal rows are not published again.
fn content_hash(batch: &RecordBatch) -> Result<String> {
    let mut bytes = Vec::new();
    let mut writer =
        arrow::ipc::writer::StreamWriter::try_new(&mut bytes, &batch.schema()).map_err(defect)?;
    writer
        .write(batch)
        .and_then(|()| writer.finish())
        .map_err(defect)?;
    drop(writer);
    Ok(hex(&Sha256::digest(&bytes)))
}

pub(crate) fn defect(error: arrow::error::ArrowError) -> Error {
    Error::new(
        ErrorCode::Internal,
        "the rows of a table of the program do not fit together",
    )
    .with_source(error)
}

/// A column of text.
pub(crate) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.into_iter().collect::<StringArray>())
}

/// JSON text.
pub(crate) fn json_text(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorCode::Internal, "a value cannot be written as JSON").with_source(error)
    })
}

/// Brings the table of targets up to date: those of this configuration as they are now, and those that other
/// configurations or earlier nights brought, since their rows are still there. A target that was forgotten comes back with
/// its first task, not before.
pub(crate) fn write_targets(context: &RunContext) -> Result<()> {
    publish_targets(context, |rows| {
        for (
            index,
            Target {
                name,
                url,
                mode,
                protocol,
                labels,
            },
        ) in context.config.targets.iter().enumerate()
        {
            let has_task = || {
                context
                    .jobs
                    .iter()
                    .any(|job| job.task.target == Some(index))
            };
            if rows.contains_key(name)
                || has_task()
                || tombstone::read(&context.store, name)?.is_none()
            {
                rows.insert(
                    name.clone(),
                    KnownTarget {
                        url: url.clone(),
                        mode: mode.clone(),
                        protocol: protocol.clone(),
                        labels: json_text(labels)?,
                    },
                );
            }
        }
        Ok(())
    })
}

/// Takes a target out of the table of targets.
pub(crate) fn remove_target(context: &RunContext, name: &str) -> Result<()> {
    publish_targets(context, |rows| {
        rows.remove(name);
        Ok(())
    })
}

fn publish_targets(
    context: &RunContext,
    change: impl Fn(&mut BTreeMap<String, KnownTarget>) -> Result<()>,
) -> Result<()> {
    let schema = targets_schema();
    publish(context, &schema, UNPARTITIONED, |store| {
        let mut rows = known_targets(store)?;
        change(&mut rows)?;
        let columns = vec![
            texts(rows.keys().map(|name| Some(name.as_str()))),
            texts(rows.values().map(|row| Some(row.url.as_str()))),
            texts(rows.values().map(|row| Some(row.mode.as_str()))),
            texts(rows.values().map(|row| Some(row.protocol.as_str()))),
            texts(rows.values().map(|row| Some(row.labels.as_str()))),
        ];
        RecordBatch::try_new(Arc::clone(schema.arrow()), columns).map_err(defect)
    })
}
