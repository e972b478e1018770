//! `FetchedTask` tasks → one commit of a partition: rows of other tasks stay, those of the same tasks give way, what is new is
//! added.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, NaiveDate};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use crate::catalog::Catalog;
use crate::config::Report;
use crate::context::cpu_pool::run_on_cpu_pool;
use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::body::run_blocking;
use crate::landing::AnswerOrigin;
use crate::model::{RunId, SnapshotDate, TaskId, hex};
use crate::paging::{Evidence, Status};
use crate::publish::carry_over::CarriedRows;
use crate::publish::change_marks;
use crate::publish::history;
use crate::publish::rewrite::keep_others;
use crate::report::PartitionSummary;
use crate::sink::{IdentityCounter, Output, PartitionWriter, TaskColumns, WriterOptions};
use crate::state::names::partition_name;
use crate::state::periods;
use crate::store::{Commit, PartitionCommit, STAGED_SUFFIX, Staging};
use crate::table::FetchMode;
use crate::table::manifest::{Committed, FileEntry, TaskEntry, TaskStatus};
use crate::table::{TableSchema, segment};

/// Rows that are written within seconds. After an interrupt, more than these are left to the next run, for which all is
/// saved.
const INTERRUPTIBLE_ROWS: u64 = 200_000;

/// What a commit left, and the tasks that it added.
pub struct Assembled {
    /// The partitions as they are now: one, but of a history.
    pub partitions: Vec<PartitionSummary>,
    /// The tasks that this commit added.
    pub added: Vec<TaskEntry>,
}

/// Adds finished tasks to a night's partition of a report, given by its index; those of a history to its periods. The partition's lock is waited for on a thread
/// that may wait; the rows are written on one of the few that work.
///
/// # Errors
/// [`ErrorCode::Destination`], [`ErrorCode::Schema`], [`ErrorCode::Locked`] or [`ErrorCode::Interrupted`]; readers then see what they saw
/// before.
pub async fn assemble(
    context: &Arc<RunContext>,
    night: SnapshotDate,
    report: usize,
    finished: Vec<FetchedTask>,
    cancel: &CancellationToken,
) -> Result<Assembled> {
    if periods::is_history(context.report(report)?) {
        return history::assemble(context, report, finished, cancel).await;
    }
    let opening = Arc::clone(context);
    let opened = move || {
        PartitionRewrite::open(
            &opening,
            opening.report(report)?,
            &partition_name(night),
            Layout::AsRecorded,
        )
    };
    let opened = run_blocking(opened).await?;
    let (context, cancel) = (Arc::clone(context), cancel.clone());
    let turn = Arc::clone(&context.writing);
    let _turn = turn.lock().await;
    run_on_cpu_pool(move || {
        opened.assemble(
            &context,
            context.report(report)?,
            &partition_name(night),
            finished,
            &cancel,
        )
    })
    .await
    .flatten()
}

impl PartitionRewrite {
    /// Writes finished tasks and what stays of the others, and publishes the whole.
    pub fn assemble(
        mut self,
        context: &RunContext,
        report: &Report,
        partition: &str,
        finished: Vec<FetchedTask>,
        cancel: &CancellationToken,
    ) -> Result<Assembled> {
        let opened = &mut self;
        let hashes = finished.iter().map(|task| task.responses_hash.as_str());
        let responses_hash = responses_hash(opened.before.as_ref(), hashes);
        let placed = placed(context, report, &opened.partition_by, finished)?;
        let replaced: BTreeSet<TaskId> = placed
            .iter()
            .map(|(columns, _)| columns.task.clone())
            .collect();
        let mut writer = opened.writer(context, &responses_hash, &replaced)?;
        let rows: u64 = placed.iter().map(|(_, finished)| finished.num_rows).sum();
        let stop = (rows > INTERRUPTIBLE_ROWS).then_some(cancel);
        let mut added = Vec::with_capacity(placed.len());
        for (columns, finished) in placed {
            opened.carry_before(&columns, &mut writer)?;
            added.push(write_task(
                &mut writer,
                context,
                report,
                columns,
                finished,
                stop,
            )?);
        }
        opened.keep_all_but(&replaced, &mut writer)?;
        let committed = self.publish(writer, &replaced, &added, responses_hash)?;
        Ok(Assembled {
            partitions: vec![summary(report, partition, &committed)],
            added,
        })
    }
}

/// By which keys a partition is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// By those of the configuration, which must be those that are recorded for the table.
    AsRecorded,
    /// By those of the configuration, whatever is recorded: all partitions of the table are being laid out again.
    Anew,
}

/// A partition that is being replaced.
pub(crate) struct PartitionRewrite {
    pub committing: PartitionCommit,
    pub before: Option<Committed>,
    pub schema: TableSchema,
    pub partition_by: Vec<String>,
    /// Files that are carried over as they are.
    pub kept: Vec<FileEntry>,
    /// Rows that are rewritten among the new ones, where files cannot be carried over.
    carried: Option<CarriedRows>,
}

impl PartitionRewrite {
    /// Locks the partition and settles what its table looks like.
    pub fn open(
        context: &RunContext,
        report: &Report,
        partition: &str,
        layout: Layout,
    ) -> Result<Self> {
        let wanted = crate::state::schema::table_schema(report)?;
        let partition_by = context.config.partition_by(report);
        let (name, endpoint) = (&report.name, &report.endpoint.name);
        let commit = Commit {
            report: name.clone(),
            partition: partition.to_owned(),
            id: context.commit_id(),
        };
        let committing = context.store.begin_commit(commit, &context.who)?;
        // Under the lock: another process may have brought columns while it was waited for.
        let recorded_keys = match layout {
            Layout::AsRecorded => partition_by.clone(),
            Layout::Anew => context.store.table(name)?.partition_by,
        };
        let recorded = context.store.record_columns(
            name,
            endpoint,
            &wanted.recorded_columns(),
            &recorded_keys,
        )?;
        context.store.record_presets(name, &report.presets())?;
        let schema = wanted.evolved_from(&recorded)?;
        let before = committing.committed().cloned();
        Ok(Self {
            committing,
            before,
            schema,
            partition_by,
            kept: Vec::new(),
            carried: None,
        })
    }

    /// Locks a partition of a table that need not be in the configuration, as it is recorded.
    pub fn recorded(context: &RunContext, table: &str, partition: &str) -> Result<Self> {
        let commit = Commit {
            report: table.to_owned(),
            partition: partition.to_owned(),
            id: context.commit_id(),
        };
        let committing = context.store.begin_commit(commit, &context.who)?;
        let record = context.store.table(table)?;
        let schema = TableSchema::from_recorded(table, &record.endpoint, &record.columns)?;
        let before = committing.committed().cloned();
        Ok(Self {
            committing,
            before,
            schema,
            partition_by: record.partition_by,
            kept: Vec::new(),
            carried: None,
        })
    }

    /// A writer of what the partition will hold without these tasks.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`], or [`ErrorCode::Corrupt`] if rows that stay cannot be read.
    pub fn writer(
        &mut self,
        context: &RunContext,
        responses_hash: &str,
        replaced: &BTreeSet<TaskId>,
    ) -> Result<PartitionWriter> {
        let options = WriterOptions {
            responses_hash: responses_hash.to_owned(),
            base_generation: self.committing.base_generation(),
            run_id: context.run_id.clone(),
            zstd_level: context.config.destination.zstd_level,
            file_bytes: context.config.destination.file_size_bytes,
            bloom_columns: lookup_columns(&self.schema),
            staged_suffix: STAGED_SUFFIX.to_owned(),
            ..WriterOptions::new(self.committing.commit().id.clone())
        };
        let mut writer =
            PartitionWriter::new(output(&self.committing)?, self.schema.clone(), options);
        if let (false, Some(before)) = (self.committing.can_link_files(), &self.before) {
            let carried = CarriedRows::new(&self.committing, before, replaced, &self.schema)?;
            writer.start_sorted_run(&carried.sorted_by)?;
            self.carried = Some(carried);
        }
        Ok(writer)
    }

    /// Writes the carried rows that come before a task.
    pub fn carry_before(
        &mut self,
        columns: &TaskColumns,
        writer: &mut PartitionWriter,
    ) -> Result<()> {
        let place = columns.sort_position(&self.schema);
        self.carried.as_mut().map_or(Ok(()), |carried| {
            carried.write_before(Some(&place), &self.partition_by, writer)
        })
    }

    /// Carries over the rows of all other tasks: whole files as they are, mixed ones without the rows that give way.
    pub fn keep_all_but(
        &mut self,
        replaced: &BTreeSet<TaskId>,
        writer: &mut PartitionWriter,
    ) -> Result<()> {
        if let Some(carried) = &mut self.carried {
            return carried.finish(&self.partition_by, writer);
        }
        let Some(before) = &self.before else {
            return Ok(());
        };
        self.kept = keep_others(
            &self.committing,
            before,
            replaced,
            &self.partition_by,
            &self.schema,
            writer,
        )?;
        Ok(())
    }

    /// A task without rows and without a name, in the folder that readers take for missing values.
    fn nobody(&self) -> TaskColumns {
        let none = BTreeMap::new();
        TaskColumns {
            task: TaskId::default(),
            folder: folder(&self.partition_by, "", &none),
            target: String::new(),
            snapshot_date: NaiveDate::default(),
            exported_at: DateTime::default(),
            run_id: RunId::default(),
            parameters: none,
        }
    }

    /// Publishes what was kept and what was written.
    pub fn publish(
        self,
        mut writer: PartitionWriter,
        replaced: &BTreeSet<TaskId>,
        added: &[TaskEntry],
        responses_hash: String,
    ) -> Result<Committed> {
        // Without a row there is one empty file, so that readers find the table; with one, empty files go.
        if self.kept.is_empty() && !writer.has_rows() && !writer.has_task() {
            writer.begin_task(self.nobody())?;
        }
        let mut files = self.kept;
        if files.is_empty() || writer.has_rows() {
            files.extend(writer.close()?);
        }
        let mut tasks = self.before.map(|before| before.tasks).unwrap_or_default();
        tasks.retain(|entry| !replaced.contains(&entry.task));
        tasks.extend(added.iter().cloned());
        tasks.sort_by(|left, right| {
            (&left.target, &left.params).cmp(&(&right.target, &right.params))
        });
        let (commit_id, columns) = (
            self.committing.commit().id.clone(),
            self.schema.recorded_columns(),
        );
        self.committing.publish(Committed {
            commit_id,
            files,
            tasks,
            columns,
            responses_hash,
        })
    }
}

/// Where a commit's files go.
///
/// # Errors
/// [`ErrorCode::Internal`] if the commit is over: a defect.
pub(crate) fn output(committing: &PartitionCommit) -> Result<Output> {
    Ok(match committing.staging()? {
        Staging::Folder(folder) => Output::Folder(folder),
        Staging::Object(name, writer) => Output::Object(name.to_owned(), Box::new(writer)),
    })
}

/// `FetchedTask` tasks with what their rows share, in the order of the partition.
fn placed(
    context: &RunContext,
    report: &Report,
    partition_by: &[String],
    finished: Vec<FetchedTask>,
) -> Result<Vec<(TaskColumns, FetchedTask)>> {
    let schema = crate::state::schema::table_schema(report)?;
    let mut placed = Vec::with_capacity(finished.len());
    for finished in finished {
        let (job, _) = context.job(finished.job)?;
        let target = context.target_name(&job.task).to_owned();
        let parameters: BTreeMap<String, String> = job.task.parameters.iter().cloned().collect();
        let exported_at =
            DateTime::from_timestamp_micros(finished.exported_at).ok_or_else(|| {
                Error::new(
                    ErrorCode::Internal,
                    format!("{} is no time", finished.exported_at),
                )
            })?;
        let columns = TaskColumns {
            task: job.task.id.clone(),
            folder: folder(partition_by, &target, &parameters),
            target,
            snapshot_date: job.night.date(),
            exported_at,
            run_id: finished.run.clone(),
            parameters,
        };
        placed.push((columns, finished));
    }
    placed.sort_by_cached_key(|(columns, _)| columns.sort_position(&schema));
    Ok(placed)
}

/// Folder of a task's files inside the partition: `target=acme/country=us`.
pub(crate) fn folder(
    partition_by: &[String],
    target: &str,
    parameters: &BTreeMap<String, String>,
) -> String {
    let value = |key: &String| {
        if key == "target" {
            target
        } else {
            parameters.get(key).map_or("", String::as_str)
        }
    };
    partition_by
        .iter()
        .map(|key| segment(key, value(key)))
        .collect::<Vec<_>>()
        .join("/")
}

/// Name of the day since when changes were fetched, in the evidence of a task.
const CHANGES_SINCE: &str = "changes_since";

fn write_task(
    writer: &mut PartitionWriter,
    context: &RunContext,
    report: &Report,
    columns: TaskColumns,
    finished: FetchedTask,
    stop: Option<&CancellationToken>,
) -> Result<TaskEntry> {
    writer.begin_task(columns.clone())?;
    let is_base = match finished.spec.mode {
        FetchMode::Changes { since } => Some(since.is_none()),
        FetchMode::All | FetchMode::Top { .. } => None,
    };
    let mut sorted = finished.rows.finish()?;
    let identity = &report.endpoint.identity;
    let has_identity = !identity.is_empty()
        && identity
            .iter()
            .all(|name| sorted.schema().index_of(name).is_ok());
    let mut identities =
        has_identity.then(|| IdentityCounter::new(identity, || Ok(context.scratch.clone())));
    let mut rows = 0_u64;
    for batch in &mut sorted {
        if stop.is_some_and(CancellationToken::is_cancelled) {
            return Err(Error::new(
                ErrorCode::Interrupted,
                "interrupted before the rows were written",
            ));
        }
        let batch = batch?;
        rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
        if let Some(identities) = &mut identities {
            identities.push(0, &batch)?;
        }
        match is_base {
            None => writer.write(&batch)?,
            Some(is_base) => {
                writer.write(&change_marks::mark(&batch, report.endpoint, is_base)?)?;
            }
        }
    }
    let identities = identities.map(IdentityCounter::finish).transpose()?;
    if rows != finished.num_rows {
        let message = format!(
            "{} rows were accepted and {rows} came out",
            finished.num_rows
        );
        return Err(Error::new(ErrorCode::Internal, message).with_context("target", columns.target));
    }
    let (status, mut evidence) = has_ended(&finished.evidence)?;
    if let (FetchMode::Changes { since }, Some(evidence)) =
        (&finished.spec.mode, evidence.as_object_mut())
    {
        let since = since.map_or_else(|| "base".to_owned(), |since| since.to_string());
        evidence.insert(CHANGES_SINCE.to_owned(), since.into());
    }
    if let (Some(source), Some(evidence)) = (&finished.source, evidence.as_object_mut()) {
        let (name, what) = told(source);
        evidence.insert(name.to_owned(), what);
    }
    Ok(TaskEntry {
        task: columns.task,
        target: columns.target,
        params: columns.parameters,
        status,
        evidence,
        rows,
        duplicate_rows: sorted.num_duplicates(),
        duplicate_identities: identities.map(|repeats| repeats.values().sum()),
        units: finished.units,
        requests: finished.evidence.requests,
        run: finished.run,
        started_at: finished.started_at,
        exported_at: finished.exported_at,
        attempt: finished.attempt,
        spec: finished.spec,
        history: None,
    })
}

/// What is said of an answer that was not received for its task alone. No names of targets: they may be forgotten.
fn told(source: &AnswerOrigin) -> (&'static str, serde_json::Value) {
    match source {
        AnswerOrigin::SameAs(task) => ("answers_of_task", task.as_str().into()),
        AnswerOrigin::Batch {
            operation,
            targets,
            is_counted: _,
        } => (
            "batch",
            serde_json::json!({ "operation": operation, "targets": targets }),
        ),
    }
}

/// How complete a task is, and what that rests on.
pub(crate) fn has_ended(evidence: &Evidence) -> Result<(TaskStatus, serde_json::Value)> {
    let status = match evidence.status {
        Status::Complete => TaskStatus::Complete,
        Status::Capped(_) => TaskStatus::Capped,
    };
    let evidence = serde_json::to_value(evidence).map_err(|error| {
        Error::new(ErrorCode::Internal, "evidence cannot be written").with_source(error)
    })?;
    Ok((status, evidence))
}

fn lookup_columns(schema: &TableSchema) -> Vec<String> {
    let endpoint = Catalog::embedded().endpoint(schema.endpoint());
    let is_looked_up = |name: &str| {
        endpoint
            .and_then(|of| of.column(name))
            .is_some_and(|column| column.lookup)
    };
    let names = schema.columns().iter().map(|column| column.name.clone());
    names.filter(|name| is_looked_up(name)).collect()
}

/// Hash of the bodies that a partition rests on: those of before, and those of these tasks.
pub(crate) fn responses_hash<'a>(
    before: Option<&Committed>,
    hashes: impl Iterator<Item = &'a str>,
) -> String {
    let mut hash = Sha256::new();
    if let Some(before) = before {
        hash.update(&before.responses_hash);
    }
    for task in hashes {
        hash.update(task);
    }
    hex(&hash.finalize())
}

/// What a report of the run says of a partition.
pub(crate) fn summary(report: &Report, partition: &str, committed: &Committed) -> PartitionSummary {
    PartitionSummary {
        path: format!("{}/{partition}", report.name),
        rows: committed.files.iter().map(|file| file.rows).sum(),
        bytes: committed.files.iter().map(|file| file.bytes).sum(),
        files: u64::try_from(committed.files.len()).unwrap_or(u64::MAX),
    }
}
