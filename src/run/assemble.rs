//! Finished tasks → one commit of a partition: what is there already stays, what is new is added.

use std::collections::BTreeMap;

use chrono::DateTime;
use sha2::{Digest as _, Sha256};

use super::fetch::Finished;
use super::partition_name;
use super::stage::Stage;
use crate::config::Report;
use crate::error::{Code, Error, Result};
use crate::model::hex;
use crate::paging::Status;
use crate::report::PartitionSummary;
use crate::sink::{Compression, PartitionWriter, TaskColumns, WriterOptions};
use crate::store::{Commit, STAGED_SUFFIX};
use crate::table::manifest::{Committed, TaskEntry, TaskStatus};

/// What a commit left, and the tasks that it added.
pub struct Assembled {
    /// The partition as it is now.
    pub partition: PartitionSummary,
    /// The tasks that this commit added.
    pub added: Vec<TaskEntry>,
}

/// Adds finished tasks to the night's partition of a report. Blocking: runs on a thread of its own.
///
/// # Errors
/// [`Code::Destination`], [`Code::Schema`] or [`Code::Locked`]; readers then see what they saw before.
pub fn assemble(stage: &Stage, report: &Report, mut finished: Vec<Finished>) -> Result<Assembled> {
    let wanted = super::table_schema(report)?;
    let recorded = stage.store.record_columns(&report.name, &report.endpoint.name, &wanted.recorded())?;
    let schema = wanted.over(&recorded)?;
    let partition = partition_name(stage.night);
    let commit = Commit { report: report.name.clone(), partition: partition.clone(), id: commit_id() };
    let committing = stage.store.begin(commit, &format!("run {}", stage.run_id))?;
    let before = committing.committed().cloned();
    for file in before.iter().flat_map(|committed| &committed.files) {
        committing.keep(&file.name)?;
    }
    finished.sort_by_cached_key(|task| place(stage, task));
    let responses_hash = responses_hash(before.as_ref(), &finished);
    let options = WriterOptions {
        responses_hash: responses_hash.clone(),
        base_generation: committing.base_generation(),
        run_id: stage.run_id.clone(),
        compression: Compression::Zstd(stage.config.destination.zstd_level),
        file_bytes: stage.config.destination.file_size_bytes,
        bloom_columns: lookup_columns(report),
        staged_suffix: STAGED_SUFFIX.to_owned(),
        ..WriterOptions::new(committing.commit().id.clone())
    };
    let mut writer = PartitionWriter::new(committing.staging(), schema.clone(), options);
    let mut added = Vec::with_capacity(finished.len());
    for task in finished {
        added.push(write_task(stage, &mut writer, task)?);
    }
    let new_files = writer.close()?;
    let (mut files, mut tasks) = before.map(|before| (before.files, before.tasks)).unwrap_or_default();
    // An empty file of an earlier commit exists only so that readers find the table: it stays, it counts nothing.
    files.extend(new_files);
    tasks.extend(added.iter().cloned());
    let commit_id = committing.commit().id.clone();
    let committed =
        committing.publish(Committed { commit_id, files, tasks, columns: schema.recorded(), responses_hash })?;
    Ok(Assembled { partition: summary(report, &partition, &committed), added })
}

/// Rows of a partition are in this order of tasks.
fn place(stage: &Stage, finished: &Finished) -> (String, Vec<(String, String)>) {
    match stage.task(finished.task) {
        Ok((task, _)) => (stage.target_name(task).to_owned(), task.parameters.clone()),
        Err(_) => Default::default(),
    }
}

fn write_task(stage: &Stage, writer: &mut PartitionWriter, finished: Finished) -> Result<TaskEntry> {
    let (task, _) = stage.task(finished.task)?;
    let target = stage.target_name(task).to_owned();
    let params: BTreeMap<String, String> = task.parameters.iter().cloned().collect();
    let exported_at = DateTime::from_timestamp_micros(finished.exported_at)
        .ok_or_else(|| Error::new(Code::Internal, format!("{} is no time", finished.exported_at)))?;
    writer.begin_task(TaskColumns {
        target: target.clone(),
        snapshot_date: stage.night,
        exported_at,
        run_id: finished.run.clone(),
        parameters: params.clone(),
    })?;
    let mut sorted = finished.rows.finish()?;
    let mut rows = 0_u64;
    for batch in &mut sorted {
        let batch = batch?;
        rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        writer.write(&batch)?;
    }
    if rows != finished.num_rows {
        return Err(Error::new(
            Code::Internal,
            format!("{} rows were accepted and {rows} came out", finished.num_rows),
        )
        .with_context("target", target));
    }
    let status = match finished.evidence.status {
        Status::Complete => TaskStatus::Complete,
        Status::Capped(_) => TaskStatus::Capped,
    };
    let evidence = serde_json::to_value(&finished.evidence)
        .map_err(|error| Error::new(Code::Internal, "evidence cannot be written").with_source(error))?;
    Ok(TaskEntry {
        task: task.id.clone(),
        target,
        params,
        status,
        evidence,
        rows,
        duplicate_rows: sorted.num_duplicates(),
        units: finished.units,
        run: finished.run,
    })
}

fn lookup_columns(report: &Report) -> Vec<String> {
    report
        .columns
        .iter()
        .filter(|name| report.endpoint.column(name).is_some_and(|column| column.lookup))
        .cloned()
        .collect()
}

fn responses_hash(before: Option<&Committed>, finished: &[Finished]) -> String {
    let mut hash = Sha256::new();
    if let Some(before) = before {
        hash.update(&before.responses_hash);
    }
    for task in finished {
        hash.update(&task.responses_hash);
    }
    hex(&hash.finalize())
}

fn summary(report: &Report, partition: &str, committed: &Committed) -> PartitionSummary {
    PartitionSummary {
        path: format!("{}/{partition}", report.name),
        rows: committed.files.iter().map(|file| file.rows).sum(),
        bytes: committed.files.iter().map(|file| file.bytes).sum(),
        files: u64::try_from(committed.files.len()).unwrap_or(u64::MAX),
    }
}

/// Unique for ever: it stands in file names, and a name is never used twice.
fn commit_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}
