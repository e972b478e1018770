//! The table `coverage`: what became of every task of a night, so that a missing row can be told from a missing night.
//!
//! It is made of the partitions' states, and can be made again from them at any time; but for histories, whose states tell of
//! the last night of a task alone: what the table says of their earlier nights stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Date32Array, Int64Array, RecordBatch,
    TimestampMicrosecondArray,
};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use chrono::Datelike as _;

use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::publish::system_tables::{defect, json_text, publish, texts};
use crate::sink::read_batches;
use crate::state::names::partition_name;
use crate::state::periods;
use crate::state::system_tables::coverage_schema;
use crate::state::tombstone;
use crate::store::Store;
use crate::table::manifest::{
    PartitionState, TaskEntry, TaskStatus, UnfinishedStatus, UnfinishedTask,
};
use crate::table::{COVERAGE, TableSchema, is_system_table};

/// One task of a night: what the table holds of it, and what its last attempt came to where that was no commit.
struct CoverageRow {
    report: String,
    target: String,
    /// As JSON text: also what tasks of a target are sorted by.
    parameters: String,
    held: Option<TaskEntry>,
    unfinished: Option<UnfinishedTask>,
}

/// Makes the night's partition of `coverage` say what the partitions' states say.
pub(crate) fn write(context: &RunContext, night: SnapshotDate) -> Result<()> {
    let schema = coverage_schema();
    publish(context, &schema, &partition_name(night), |store| {
        let all = gather(context, store, night)?;
        let now = rows(&schema, night, &all)?;
        let told = told_before(store, &schema, night, &all)?;
        if told.num_rows() == 0 {
            Ok(now)
        } else {
            sorted(&schema, &[told, now])
        }
    })
}

/// Every task of a night of which anything is known, by table, target and parameters.
fn gather(context: &RunContext, store: &Store, night: SnapshotDate) -> Result<Vec<CoverageRow>> {
    let mut all = Vec::new();
    for table in store
        .tables()?
        .into_iter()
        .filter(|table| !is_system_table(table))
    {
        if periods::is_history_table(&context.config, store, &table)? {
            all.extend(covered_by_history(store, &table, night)?);
            continue;
        }
        let Some(state) = store.partition(&table, &partition_name(night))? else {
            continue;
        };
        all.extend(covered(&table, state)?);
    }
    Ok(all)
}

fn covered(table: &str, state: PartitionState) -> Result<Vec<CoverageRow>> {
    let mut unfinished = state.unfinished;
    let mut all = Vec::new();
    for entry in state
        .committed
        .into_iter()
        .flat_map(|committed| committed.tasks)
    {
        let place = unfinished.iter().position(|task| task.task == entry.task);
        let unfinished = place.map(|place| unfinished.remove(place));
        let (target, parameters) = (entry.target.clone(), json_text(&entry.params)?);
        all.push(CoverageRow {
            report: table.to_owned(),
            target,
            parameters,
            held: Some(entry),
            unfinished,
        });
    }
    for task in unfinished {
        let (target, parameters) = (task.target.clone(), json_text(&task.params)?);
        all.push(CoverageRow {
            report: table.to_owned(),
            target,
            parameters,
            held: None,
            unfinished: Some(task),
        });
    }
    all.sort_by(|left, right| {
        (&left.target, &left.parameters).cmp(&(&right.target, &right.parameters))
    });
    Ok(all)
}

/// The tasks of a history of which this night had the last word.
fn covered_by_history(store: &Store, table: &str, night: SnapshotDate) -> Result<Vec<CoverageRow>> {
    let mut rows: BTreeMap<TaskId, u64> = BTreeMap::new();
    for partition in store.partitions(table)? {
        let committed = store
            .partition(table, &partition)?
            .and_then(|state| state.committed);
        for entry in committed.into_iter().flat_map(|committed| committed.tasks) {
            *rows.entry(entry.task).or_default() += entry.rows;
        }
    }
    let Some(state) = store.partition(table, &periods::period_name(night.date().year()))? else {
        return Ok(Vec::new());
    };
    let mut all = covered(table, state)?;
    all.retain_mut(|task| {
        task.unfinished
            .take_if(|unfinished| unfinished.night != Some(night));
        let of = task
            .held
            .as_ref()
            .and_then(|entry| entry.history.as_ref())
            .map(|history| history.night);
        if let Some(held) = &mut task.held {
            held.rows = rows.get(&held.task).copied().unwrap_or(0);
        }
        of == Some(night) || task.unfinished.is_some()
    });
    Ok(all)
}

/// What the table says of tasks of histories whose last word came on a later night; not of targets that were forgotten since.
fn told_before(
    store: &Store,
    schema: &TableSchema,
    night: SnapshotDate,
    now: &[CoverageRow],
) -> Result<RecordBatch> {
    let partition = partition_name(night);
    let held = store
        .partition(COVERAGE, &partition)?
        .and_then(|state| state.committed);
    let mut told = Vec::new();
    for file in held.into_iter().flat_map(|held| held.files) {
        let Some(local) = store.table_file(COVERAGE, &partition, &file.name)? else {
            continue;
        };
        match read_batches(local.path(), None).and_then(Iterator::collect::<Result<Vec<_>>>) {
            Ok(batches) => told.extend(
                batches
                    .into_iter()
                    .filter(|batch| batch.schema() == *schema.arrow()),
            ),
            Err(error) => {
                tracing::warn!(error = %error.one_line(), "what coverage said of histories is lost");
            }
        }
    }
    // Most rows are of the same few tables.
    let mut histories: BTreeMap<String, bool> = BTreeMap::new();
    let mut kept = Vec::with_capacity(told.len());
    for batch in told {
        let text = |name: &str, row: usize| {
            let column = batch
                .column_by_name(name)
                .and_then(|column| column.as_string_opt::<i32>());
            column
                .filter(|column| !column.is_null(row))
                .map(|column| column.value(row).to_owned())
                .unwrap_or_default()
        };
        let ended = batch.column_by_name("finished_at");
        let ended = ended.and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
        let mut mask = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let (table, task) = (text("report", row), TaskId::new(text("task", row)));
            let is_history = if let Some(known) = histories.get(&table) {
                *known
            } else {
                let is_history = store
                    .partitions(&table)?
                    .iter()
                    .any(|name| periods::period_of(name).is_some());
                *histories.entry(table.clone()).or_insert(is_history)
            };
            let is_told = now
                .iter()
                .any(|known| known.report == table && known.task() == Some(&task));
            let at = ended
                .filter(|ended| !ended.is_null(row))
                .map_or(0, |ended| ended.value(row));
            mask.push(
                is_history
                    && !is_told
                    && !tombstone::is_forgotten_at(store, &text("target", row), at)?,
            );
        }
        kept.push(filter_record_batch(&batch, &BooleanArray::from(mask)).map_err(defect)?);
    }
    concat_batches(schema.arrow(), &kept).map_err(defect)
}

/// Rows in the order of the table.
fn sorted(schema: &TableSchema, parts: &[RecordBatch]) -> Result<RecordBatch> {
    let all = concat_batches(schema.arrow(), parts).map_err(defect)?;
    let by = schema
        .sort_key()
        .iter()
        .filter_map(|name| all.column_by_name(name));
    let by: Vec<SortColumn> = by
        .map(|values| SortColumn {
            values: Arc::clone(values),
            options: None,
        })
        .collect();
    take_record_batch(&all, &lexsort_to_indices(&by, None).map_err(defect)?).map_err(defect)
}

impl CoverageRow {
    fn task(&self) -> Option<&TaskId> {
        let unfinished = self.unfinished.as_ref().map(|task| &task.task);
        self.held.as_ref().map(|entry| &entry.task).or(unfinished)
    }

    fn status(&self) -> &'static str {
        match (&self.unfinished, &self.held) {
            (Some(task), _) => match task.status {
                UnfinishedStatus::Stopped => "stopped",
                UnfinishedStatus::Failed => "failed",
                UnfinishedStatus::Deferred => "deferred",
                UnfinishedStatus::Skipped => "skipped",
            },
            (None, Some(entry)) => match entry.status {
                TaskStatus::Complete => "complete",
                TaskStatus::Capped => "capped",
            },
            (None, None) => "skipped",
        }
    }

    /// Numbers come from what is held; where nothing is, from the attempt.
    fn number(&self, of: impl Fn(&TaskEntry) -> u64) -> Option<i64> {
        i64::try_from(self.held.as_ref().map(of)?).ok()
    }

    fn units(&self) -> Option<i64> {
        let spent = self
            .unfinished
            .as_ref()
            .filter(|_| self.held.is_none())
            .map(|task| task.units);
        self.number(|entry| entry.units)
            .or_else(|| i64::try_from(spent?).ok())
    }
}

fn rows(schema: &TableSchema, night: SnapshotDate, all: &[CoverageRow]) -> Result<RecordBatch> {
    let evidence = |task: &CoverageRow| {
        task.held
            .as_ref()
            .map(|entry| json_text(&entry.evidence))
            .transpose()
    };
    let evidence = all.iter().map(evidence).collect::<Result<Vec<_>>>()?;
    let number = |of: fn(&CoverageRow) -> Option<i64>| -> ArrayRef {
        Arc::new(all.iter().map(of).collect::<Int64Array>())
    };
    let time = |of: fn(&CoverageRow) -> Option<i64>| -> ArrayRef {
        Arc::new(
            all.iter()
                .map(of)
                .collect::<TimestampMicrosecondArray>()
                .with_timezone("UTC"),
        )
    };
    let date = Date32Type::from_naive_date(night.date());
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_value(date, all.len())),
        texts(all.iter().map(|task| Some(task.report.as_str()))),
        texts(
            all.iter()
                .map(|task| Some(task.target.as_str()).filter(|name| !name.is_empty())),
        ),
        texts(all.iter().map(|task| Some(task.parameters.as_str()))),
        texts(all.iter().map(|task| Some(task.status()))),
        texts(
            all.iter()
                .map(|task| task.unfinished.as_ref().map(|task| task.reason.as_str())),
        ),
        texts(evidence.iter().map(Option::as_deref)),
        number(|task| Some(task.number(|entry| entry.rows).unwrap_or(0))),
        number(|task| task.number(|entry| entry.duplicate_rows)),
        number(CoverageRow::units),
        number(|task| task.number(|entry| entry.requests)),
        time(|task| task.held.as_ref().map(|entry| entry.started_at)),
        time(|task| {
            let ended = task.unfinished.as_ref().map(|task| task.at);
            ended.or_else(|| task.held.as_ref().map(|entry| entry.exported_at))
        }),
        texts(all.iter().map(|task| match (&task.unfinished, &task.held) {
            (Some(task), _) => Some(task.run.as_str()),
            (None, entry) => entry.as_ref().map(|entry| entry.run.as_str()),
        })),
        texts(all.iter().map(|task| match (&task.unfinished, &task.held) {
            (_, Some(entry)) => Some(entry.task.as_str()),
            (task, None) => task.as_ref().map(|task| task.task.as_str()),
        })),
    ];
    RecordBatch::try_new(Arc::clone(schema.arrow()), columns).map_err(defect)
}
