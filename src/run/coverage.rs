//! The table `coverage`: what became of every task of a night, so that a missing row can be told from a missing night.
//!
//! It is made of the partitions' states alone, and can be made again from them at any time.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use arrow::datatypes::Date32Type;

use super::partition_name;
use super::stage::Stage;
use super::tables::{defect, is_of_program, json_text, publish, texts};
use crate::error::Result;
use crate::model::Night;
use crate::store::Store;
use crate::table::manifest::{PartitionState, TaskEntry, TaskStatus, UnfinishedStatus, UnfinishedTask};
use crate::table::{COVERAGE, ColumnType, ProgramColumn, TableSchema};

/// One task of a night: what the table holds of it, and what its last attempt came to where that was no commit.
struct Covered {
    report: String,
    target: String,
    /// As JSON text: also what tasks of a target are sorted by.
    parameters: String,
    held: Option<TaskEntry>,
    unfinished: Option<UnfinishedTask>,
}

/// Makes the night's partition of `coverage` say what the partitions' states say.
pub(super) fn write(stage: &Stage, night: Night) -> Result<()> {
    let schema = schema();
    publish(stage, &schema, &partition_name(night), |store| rows(&schema, night, &gather(store, night)?))
}

fn schema() -> TableSchema {
    let column = |name, kind, description| ProgramColumn { name, kind, description };
    TableSchema::of_program(
        COVERAGE,
        vec![
            column("_snapshot_date", ColumnType::Date, "the night"),
            column("report", ColumnType::Text, "the table"),
            column("target", ColumnType::Text, "name of the target"),
            column("parameters", ColumnType::Json, "what else the task is about: country…"),
            column("status", ColumnType::Text, "complete, capped, stopped, failed, deferred or skipped"),
            column("reason", ColumnType::Text, "why it is not complete, for a person"),
            column("evidence", ColumnType::Json, "what completeness rests on, or what is missing"),
            column("rows", ColumnType::Integer, "rows of the task in the table now"),
            column("duplicate_rows", ColumnType::Integer, "of these, rows that repeat another in every column"),
            column("units", ColumnType::Integer, "API units that these rows cost, or that were spent so far"),
            column("requests", ColumnType::Integer, "requests that were answered"),
            column("started_at", ColumnType::Timestamp, "when the first answer was received"),
            column("finished_at", ColumnType::Timestamp, "when the last answer was received, or the attempt ended"),
            column("run", ColumnType::Text, "the run that had the last word"),
            column("task", ColumnType::Text, "the task's id: the same on every night"),
        ],
        &["report", "target", "parameters"],
    )
}

/// Every task of a night of which anything is known, by table, target and parameters.
fn gather(store: &Store, night: Night) -> Result<Vec<Covered>> {
    let mut all = Vec::new();
    for table in store.tables()?.into_iter().filter(|table| !is_of_program(table)) {
        let Some(state) = store.partition(&table, &partition_name(night))? else { continue };
        all.extend(covered(&table, state)?);
    }
    Ok(all)
}

fn covered(table: &str, state: PartitionState) -> Result<Vec<Covered>> {
    let mut unfinished = state.unfinished;
    let mut all = Vec::new();
    for entry in state.committed.into_iter().flat_map(|committed| committed.tasks) {
        let place = unfinished.iter().position(|task| task.task == entry.task);
        let unfinished = place.map(|place| unfinished.remove(place));
        let (target, parameters) = (entry.target.clone(), json_text(&entry.params)?);
        all.push(Covered { report: table.to_owned(), target, parameters, held: Some(entry), unfinished });
    }
    for task in unfinished {
        let (target, parameters) = (task.target.clone(), json_text(&task.params)?);
        all.push(Covered { report: table.to_owned(), target, parameters, held: None, unfinished: Some(task) });
    }
    all.sort_by(|left, right| (&left.target, &left.parameters).cmp(&(&right.target, &right.parameters)));
    Ok(all)
}

impl Covered {
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
        let spent = self.unfinished.as_ref().filter(|_| self.held.is_none()).map(|task| task.units);
        self.number(|entry| entry.units).or_else(|| i64::try_from(spent?).ok())
    }
}

fn rows(schema: &TableSchema, night: Night, all: &[Covered]) -> Result<RecordBatch> {
    let evidence = |task: &Covered| task.held.as_ref().map(|entry| json_text(&entry.evidence)).transpose();
    let evidence = all.iter().map(evidence).collect::<Result<Vec<_>>>()?;
    let number = |of: fn(&Covered) -> Option<i64>| -> ArrayRef { Arc::new(all.iter().map(of).collect::<Int64Array>()) };
    let time = |of: fn(&Covered) -> Option<i64>| -> ArrayRef {
        Arc::new(all.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let date = Date32Type::from_naive_date(night);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from_value(date, all.len())),
        texts(all.iter().map(|task| Some(task.report.as_str()))),
        texts(all.iter().map(|task| Some(task.target.as_str()).filter(|name| !name.is_empty()))),
        texts(all.iter().map(|task| Some(task.parameters.as_str()))),
        texts(all.iter().map(|task| Some(task.status()))),
        texts(all.iter().map(|task| task.unfinished.as_ref().map(|task| task.reason.as_str()))),
        texts(evidence.iter().map(Option::as_deref)),
        number(|task| Some(task.number(|entry| entry.rows).unwrap_or(0))),
        number(|task| task.number(|entry| entry.duplicate_rows)),
        number(Covered::units),
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
            (_, Some(entry)) => Some(entry.task.0.as_str()),
            (task, None) => task.as_ref().map(|task| task.task.0.as_str()),
        })),
    ];
    RecordBatch::try_new(Arc::clone(schema.arrow()), columns).map_err(defect)
}
