//! `HistoryAnswers` of a history, taken apart: the rows of each year on their own, on disk where they are many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use chrono::{DateTime, Datelike as _, NaiveDate};

use crate::config::Report;
use crate::context::fetched_task::FetchedTask;
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::model::TaskId;
use crate::plan::ScheduledTask;
use crate::publish::history::rows::{Digester, complete, days, unfit};
use crate::publish::partition::{folder, has_ended};
use crate::sink::{SorterOptions, TaskColumns, TaskSorter};
use crate::state::schema::table_schema;
use crate::table::manifest::{HistoryEntry, TaskEntry};
use crate::table::{DateRange, TableSchema, parameter_column};

/// Rows of a period in memory; several periods may be open at a time.
const SORT_MEMORY_BYTES: usize = 8 << 20;

/// One answer of a task, without its rows.
pub(crate) struct Answer {
    pub job: usize,
    pub columns: TaskColumns,
    /// The days that it speaks for: those that were asked for, and those of its rows.
    pub window: DateRange,
    /// As it will be committed, but for what a period holds.
    pub entry: TaskEntry,
    pub responses_hash: String,
}

/// The answers that are merged, by task; the latest last.
pub(crate) struct HistoryAnswers {
    pub tasks: BTreeMap<TaskId, Vec<Answer>>,
    /// The columns of their rows.
    pub schema: TableSchema,
    /// The column that dates rows.
    pub dated: &'static str,
}

impl HistoryAnswers {
    /// Divides the rows of finished tasks by period.
    ///
    /// # Errors
    /// [`ErrorCode::Value`] for a row without a day, [`ErrorCode::Destination`] if rows cannot be put on disk.
    pub fn collect(
        context: &RunContext,
        report: &Report,
        finished: Vec<FetchedTask>,
        only: Option<i32>,
    ) -> Result<(Self, BTreeMap<i32, TaskSorter>)> {
        let recorded = context.store.table(&report.name)?.columns;
        let schema = table_schema(report)?.evolved_from(&recorded)?;
        let dated = report
            .endpoint
            .history_column()
            .map(|column| column.name.as_str());
        let dated = dated.ok_or_else(|| {
            Error::new(
                ErrorCode::Internal,
                format!("{} is no history", report.name),
            )
        })?;
        let mut periods = YearPartitioner {
            order: order(&context.config.partition_by(report), &schema),
            digester: Digester::new(&schema)?,
            schema,
            scratch: context
                .scratch
                .join(format!("history-{:016x}", fastrand::u64(..))),
            only,
            sorters: BTreeMap::new(),
        };
        // A period that is made again may get another layout, also where no answer of it is left.
        only.map_or(Ok(()), |year| periods.sorter(year).map(|_| ()))?;
        let mut tasks: BTreeMap<TaskId, Vec<Answer>> = BTreeMap::new();
        for finished in finished {
            let answer = periods.take(context, finished, dated)?;
            tasks
                .entry(answer.entry.task.clone())
                .or_default()
                .push(answer);
        }
        for answers in tasks.values_mut() {
            answers.sort_by_key(|answer| answer.entry.exported_at);
        }
        Ok((
            Self {
                tasks,
                schema: periods.schema,
                dated,
            },
            periods.sorters,
        ))
    }
}

/// The rows of answers, by year.
struct YearPartitioner {
    schema: TableSchema,
    order: Vec<String>,
    digester: Digester,
    scratch: PathBuf,
    only: Option<i32>,
    sorters: BTreeMap<i32, TaskSorter>,
}

impl YearPartitioner {
    fn take(&mut self, context: &RunContext, finished: FetchedTask, dated: &str) -> Result<Answer> {
        let (job, report) = context.job(finished.job)?;
        let columns = task_columns(context, job, report, &finished)?;
        let mut window = finished
            .window
            .ok_or_else(|| Error::new(ErrorCode::Internal, "an answer without days"))?;
        let mut rows = 0_u64;
        for batch in finished.rows.finish()? {
            let batch = batch?;
            rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
            let days = days(&batch, dated)?;
            window = days
                .iter()
                .fold(window, |window, day| window.extended_to(*day));
            let batch = complete(&self.schema, &batch, Some(&columns))?;
            for year in days.iter().map(NaiveDate::year).collect::<BTreeSet<_>>() {
                let mask: BooleanArray = days.iter().map(|day| Some(day.year() == year)).collect();
                self.push(year, &filter_record_batch(&batch, &mask).map_err(unfit)?)?;
            }
        }
        if rows != finished.num_rows {
            let message = format!(
                "{} rows were accepted and {rows} came out",
                finished.num_rows
            );
            return Err(
                Error::new(ErrorCode::Internal, message).with_context("target", columns.target)
            );
        }
        window
            .years()
            .try_for_each(|year| self.sorter(year).map(|_| ()))?;
        let (status, evidence) = has_ended(&finished.evidence)?;
        let asked = finished.window.unwrap_or(window);
        let entry = TaskEntry {
            task: columns.task.clone(),
            target: columns.target.clone(),
            params: columns.parameters.clone(),
            status,
            evidence,
            rows,
            duplicate_rows: 0,
            duplicate_identities: None,
            units: finished.units,
            requests: finished.evidence.requests,
            run: finished.run,
            started_at: finished.started_at,
            exported_at: finished.exported_at,
            attempt: finished.attempt,
            spec: finished.spec,
            history: Some(HistoryEntry {
                night: job.night,
                window: asked,
                covered: Vec::new(),
            }),
        };
        Ok(Answer {
            job: finished.job,
            columns,
            window,
            entry,
            responses_hash: finished.responses_hash,
        })
    }

    fn push(&mut self, year: i32, batch: &RecordBatch) -> Result<()> {
        let digests = self.digester.digests(batch)?;
        self.sorter(year)?
            .map_or(Ok(()), |sorter| sorter.push(batch, &digests))
    }

    /// The rows of a year; `None` if it is not to be touched.
    fn sorter(&mut self, year: i32) -> Result<Option<&mut TaskSorter>> {
        if self.only.is_some_and(|only| only != year) {
            return Ok(None);
        }
        match self.sorters.entry(year) {
            std::collections::btree_map::Entry::Occupied(known) => Ok(Some(known.into_mut())),
            std::collections::btree_map::Entry::Vacant(new) => {
                let scratch = self.scratch.join(year.to_string());
                std::fs::create_dir_all(&scratch).map_err(|error| {
                    let message = format!("cannot create the folder {}", scratch.display());
                    Error::new(ErrorCode::Destination, message).with_source(error)
                })?;
                let options = SorterOptions {
                    memory_bytes: SORT_MEMORY_BYTES,
                    ..SorterOptions::new(scratch)
                };
                Ok(Some(new.insert(TaskSorter::new(
                    self.schema.arrow(),
                    &self.order,
                    options,
                )?)))
            }
        }
    }
}

/// What the rows of a period are sorted by: folder, then as every file.
fn order(partition_by: &[String], schema: &TableSchema) -> Vec<String> {
    let mut order: Vec<String> = Vec::new();
    for name in partition_by
        .iter()
        .map(|key| parameter_column(key))
        .chain(schema.file_order())
    {
        if !order.contains(&name) {
            order.push(name);
        }
    }
    order
}

fn task_columns(
    context: &RunContext,
    job: &ScheduledTask,
    report: &Report,
    finished: &FetchedTask,
) -> Result<TaskColumns> {
    let target = context.target_name(&job.task).to_owned();
    let parameters: BTreeMap<String, String> = job.task.parameters.iter().cloned().collect();
    let exported_at = DateTime::from_timestamp_micros(finished.exported_at).ok_or_else(|| {
        Error::new(
            ErrorCode::Internal,
            format!("{} is no time", finished.exported_at),
        )
    })?;
    Ok(TaskColumns {
        task: job.task.id.clone(),
        folder: folder(&context.config.partition_by(report), &target, &parameters),
        target,
        snapshot_date: job.night.date(),
        exported_at,
        run_id: finished.run.clone(),
        parameters,
    })
}
