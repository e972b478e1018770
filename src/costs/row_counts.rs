//! How many rows a task has, by another operation, without fetching them: a number that a table holds already, or one that
//! `estimate --probe` paid for. What was paid for is kept, one file a target, so that it is paid for once.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Endpoint, RowCount};
use crate::config::{Report, RunConfig, Target};
use crate::error::Result;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Selection, Task};
use crate::sink::read_batches;
use crate::state::names::partition_name;
use crate::state::task_state;
use crate::store::{Store, to_json};
use crate::table::manifest::TaskEntry;

/// Folder of what was bought, below `_backhaul/`.
const FOLDER: &str = "counts";

/// Days for which a count is believed: sites grow slowly.
const KEPT_DAYS: u64 = 35;

/// Partitions of a table of counts that are looked through, the newest first.
const NIGHTS_BACK: usize = 40;

/// What was asked: the operation and its parameters, without its date.
pub(super) type CountQuery = (String, Vec<(String, String)>);

/// A count that was bought.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PurchasedCount {
    pub endpoint: String,
    pub asked: Vec<(String, String)>,
    #[serde(default)]
    pub day: Option<NaiveDate>,
    pub values: BTreeMap<String, u64>,
}

/// The counts that are known, of tables and bought.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    known: BTreeMap<CountQuery, BTreeMap<String, u64>>,
}

impl Counts {
    /// Reads what is known of the targets of a configuration.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] or [`crate::error::ErrorCode::Corrupt`] if a table or a file cannot be read.
    pub fn read(config: &RunConfig, store: &Store, today: NaiveDate) -> Result<Self> {
        let mut counts = Self::default();
        let oldest = today
            .checked_sub_days(Days::new(KEPT_DAYS))
            .unwrap_or(today);
        for target in &config.targets {
            for bought in purchased(store, target)? {
                if bought.day < Some(oldest) {
                    continue;
                }
                counts
                    .known
                    .entry((bought.endpoint, bought.asked))
                    .or_default()
                    .extend(bought.values);
            }
        }
        let mut sources = BTreeSet::new();
        for report in &config.reports {
            for count in &report.endpoint.row_counts {
                sources.insert(count.endpoint.as_str());
            }
        }
        for report in &config.reports {
            if sources.contains(report.endpoint.name.as_str()) {
                counts.add_table(config, store, report, today, oldest)?;
            }
        }
        Ok(counts)
    }

    /// Rows of a task, where a count is known.
    pub fn of(&self, report: &Report, task: &Task) -> Option<u64> {
        let (count, endpoint) = count_source(report, task)?;
        let values = self.known.get(&count_query(endpoint, task))?;
        values.get(&count.column).copied()
    }

    /// The newest numbers of a table of counts.
    fn add_table(
        &mut self,
        config: &RunConfig,
        store: &Store,
        report: &Report,
        today: NaiveDate,
        oldest: NaiveDate,
    ) -> Result<()> {
        let selection = Selection {
            reports: vec![report.name.clone()],
            ..Selection::default()
        };
        let mut missing: Vec<Task> =
            plan::tasks_of_any_night(config, SnapshotDate::new(today), &selection)?;
        for night in today
            .iter_days()
            .rev()
            .take_while(|night| *night >= oldest)
            .take(NIGHTS_BACK)
        {
            if missing.is_empty() {
                break;
            }
            let night = SnapshotDate::new(night);
            let state = task_state::partition_state_for(store, night, report)?;
            let Some(committed) = state.and_then(|state| state.committed) else {
                continue;
            };
            let mut found: BTreeMap<TaskId, BTreeMap<String, u64>> = BTreeMap::new();
            for file in &committed.files {
                let partition = partition_name(night);
                if let Some(local) = store.table_file(&report.name, &partition, &file.name)? {
                    found.extend(rows_of(local.path(), &committed.tasks)?);
                }
            }
            missing.retain(|task| {
                let Some(values) = found.remove(&task.id) else {
                    return true;
                };
                let query = count_query(report.endpoint, task);
                self.known.entry(query).or_default().extend(values);
                false
            });
        }
        Ok(())
    }
}

/// The whole numbers of a file of one row a task, by task.
fn rows_of(
    path: &std::path::Path,
    tasks: &[TaskEntry],
) -> Result<BTreeMap<TaskId, BTreeMap<String, u64>>> {
    let mut found = BTreeMap::new();
    for batch in read_batches(path, None)? {
        let batch = batch?;
        for row in 0..batch.num_rows() {
            for task in tasks {
                if is_row_of(&batch, row, task) {
                    found.insert(task.task.clone(), numbers_of_row(&batch, row));
                    break;
                }
            }
        }
    }
    Ok(found)
}

fn is_row_of(batch: &RecordBatch, row: usize, task: &TaskEntry) -> bool {
    if text(batch, "_target", row) != Some(&task.target) {
        return false;
    }
    for (name, value) in &task.params {
        if text(batch, &format!("_{name}"), row) != Some(value) {
            return false;
        }
    }
    true
}

fn text<'a>(batch: &'a RecordBatch, name: &str, row: usize) -> Option<&'a str> {
    let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
    if column.is_valid(row) {
        Some(column.value(row))
    } else {
        None
    }
}

fn numbers_of_row(batch: &RecordBatch, row: usize) -> BTreeMap<String, u64> {
    let mut numbers = BTreeMap::new();
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some(column) = column.as_primitive_opt::<Int64Type>() else {
            continue;
        };
        if column.is_valid(row)
            && let Ok(number) = u64::try_from(column.value(row))
        {
            numbers.insert(field.name().clone(), number);
        }
    }
    numbers
}

/// The operation and column that say how many rows a task has; none where the report wants only some of them.
pub(super) fn count_source(
    report: &Report,
    task: &Task,
) -> Option<(&'static RowCount, &'static Endpoint)> {
    if report.filter.is_some() {
        return None;
    }
    let query: BTreeMap<&String, &String> = task
        .query
        .iter()
        .map(|(name, value)| (name, value))
        .collect();
    for count in &report.endpoint.row_counts {
        let mut conditions = count.when.iter();
        if conditions.all(|(name, wanted)| query.get(name) == Some(&wanted)) {
            let endpoint = Catalog::embedded().endpoint(&count.endpoint)?;
            return Some((count, endpoint));
        }
    }
    None
}

/// What is asked of an operation to learn the rows of a task.
pub(super) fn count_query(endpoint: &Endpoint, task: &Task) -> CountQuery {
    let mut asked = task.query.clone();
    asked.retain(|(name, _)| {
        !matches!(name.as_str(), "date" | "output") && endpoint.parameter(name).is_some()
    });
    asked.sort();
    (endpoint.name.clone(), asked)
}

fn file(target: &str) -> String {
    format!("{target}.json")
}

pub(super) fn purchased(store: &Store, target: &Target) -> Result<Vec<PurchasedCount>> {
    Ok(store
        .files(FOLDER)
        .load_json(&file(&target.name))?
        .unwrap_or_default())
}

/// Deletes the counts that were bought for a target.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn forget(store: &Store, target: &str) -> Result<()> {
    store.files(FOLDER).remove(&file(target))
}

/// Keeps a count that was paid for.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(super) fn keep(store: &Store, target: &Target, count: PurchasedCount) -> Result<()> {
    let mut kept = purchased(store, target)?;
    kept.retain(|known| (&known.endpoint, &known.asked) != (&count.endpoint, &count.asked));
    kept.push(count);
    store
        .files(FOLDER)
        .replace(&file(&target.name), to_json(&kept)?.into())
}
