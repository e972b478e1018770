//! Re-reads what was committed: files against the manifest, then rows and schema against what it says of them.

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, SortField};
use chrono::NaiveDate;

use crate::error::{Code, Error, Result};
use crate::sink::read_batches;
use crate::store::{Finding, Store, verify_files};
use crate::table::manifest::{Committed, PartitionState};
use crate::table::{TARGET, parameter_column, parse_segment};

/// What was looked at, and what is wrong.
#[derive(Debug, Default)]
pub struct Verified {
    /// Partitions read.
    pub partitions: u64,
    /// Files read.
    pub files: u64,
    /// Rows read.
    pub rows: u64,
    /// What is wrong; empty if nothing is.
    pub findings: Vec<Finding>,
}

/// Task of a row: its target and parameters.
type TaskKey = (String, Vec<String>);

/// Verifies every committed partition of the named tables (all if none is named), of one night or all.
///
/// # Errors
/// [`Code::Destination`] if there is no destination or it cannot be read; [`Code::Usage`] for a table that is not there.
pub fn verify(root: &Path, reports: &[String], night: Option<NaiveDate>) -> Result<Verified> {
    let store = Store::at(root);
    let tables = store.tables()?;
    if tables.is_empty() {
        return Err(Error::new(Code::Destination, format!("nothing was ever committed in {}", root.display()))
            .with_next("backhaul run"));
    }
    for report in reports {
        if !tables.contains(report) {
            return Err(Error::new(Code::Usage, format!("the destination has no table `{report}`"))
                .with_context("tables", tables.join(", "))
                .with_next("backhaul verify --report NAME, with a name from above"));
        }
    }
    let mut verified = Verified::default();
    for table in tables.iter().filter(|table| reports.is_empty() || reports.contains(table)) {
        for partition in store.partitions(table)? {
            let is_meant = night
                .is_none_or(|night| parse_segment(&partition).is_some_and(|(_, value)| value == night.to_string()));
            if let (true, Some(state)) = (is_meant, store.partition(table, &partition)?) {
                verify_partition(&store, &state, &mut verified)?;
            }
        }
    }
    Ok(verified)
}

fn verify_partition(store: &Store, state: &PartitionState, verified: &mut Verified) -> Result<()> {
    let findings = verify_files(store, state)?;
    let Some(committed) = &state.committed else {
        verified.findings.extend(findings);
        return Ok(());
    };
    verified.partitions += 1;
    let damaged: Vec<&str> = findings.iter().filter_map(|finding| finding.file.as_deref()).collect();
    let folder = store.partition_folder(&state.report, &state.partition);
    let mut tasks: BTreeMap<TaskKey, u64> = BTreeMap::new();
    let mut duplicates = 0;
    let mut problems = Vec::new();
    for file in &committed.files {
        if damaged.contains(&file.name.as_str()) {
            continue;
        }
        verified.files += 1;
        match read_file(&folder.join(&file.name), committed, &mut tasks, &mut duplicates) {
            Ok(rows) if rows == file.rows => verified.rows += rows,
            Ok(rows) => {
                problems.push((Some(&file.name), format!("holds {rows} rows, the manifest says {}", file.rows)));
            }
            Err(error) => problems.push((Some(&file.name), error.one_line())),
        }
    }
    if damaged.is_empty() && problems.is_empty() {
        problems.extend(task_problems(committed, &tasks, duplicates).into_iter().map(|problem| (None, problem)));
    }
    verified.findings.extend(findings.iter().cloned());
    verified.findings.extend(problems.into_iter().map(|(file, problem)| Finding {
        report: state.report.clone(),
        partition: state.partition.clone(),
        file: file.cloned(),
        problem,
    }));
    Ok(())
}

/// Rows of each task, and repeated rows, against the manifest.
fn task_problems(committed: &Committed, tasks: &BTreeMap<TaskKey, u64>, duplicates: u64) -> Vec<String> {
    let mut problems = Vec::new();
    let mut left = tasks.clone();
    for entry in &committed.tasks {
        let key = (entry.target.clone(), entry.params.values().cloned().collect());
        let rows = left.remove(&key).unwrap_or(0);
        if rows != entry.rows {
            problems.push(format!("{} has {rows} rows, the manifest says {}", entry.target, entry.rows));
        }
    }
    problems.extend(left.iter().map(|((target, _), rows)| format!("{rows} rows of {target}, which no task brought")));
    let known: u64 = committed.tasks.iter().map(|entry| entry.duplicate_rows).sum();
    if duplicates != known {
        problems.push(format!("{duplicates} rows repeat another, the source itself repeats {known}"));
    }
    problems
}

/// Reads one file; counts rows by task and rows equal to the one before: equal rows of a task stand together.
fn read_file(
    path: &Path,
    committed: &Committed,
    tasks: &mut BTreeMap<TaskKey, u64>,
    duplicates: &mut u64,
) -> Result<u64> {
    let batches = read_batches(path, None)?;
    check_schema(&batches, committed)?;
    let fields = batches.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    let converter = RowConverter::new(fields).map_err(unreadable)?;
    let mut last: Option<OwnedRow> = None;
    let mut rows = 0;
    for batch in batches {
        let batch = batch?;
        count_tasks(&batch, committed, tasks)?;
        let encoded = converter.convert_columns(batch.columns()).map_err(unreadable)?;
        for row in &encoded {
            if last.as_ref().is_some_and(|last| last.row() == row) {
                *duplicates += 1;
            } else {
                last = Some(row.owned());
            }
        }
        rows += u64::try_from(batch.num_rows()).unwrap_or(u64::MAX);
    }
    Ok(rows)
}

fn check_schema(batches: &crate::sink::Batches, committed: &Committed) -> Result<()> {
    let fields = batches.schema().fields();
    // A file of an earlier commit may lack columns that were added since, at the end.
    for (field, column) in fields.iter().zip(&committed.columns) {
        if *field.name() != column.name {
            return Err(Error::new(
                Code::Corrupt,
                format!("has column `{}` where the manifest says `{}`", field.name(), column.name),
            ));
        }
        let wanted = crate::table::ColumnType::parse(&column.kind).map(|kind| kind.field(&column.name));
        if wanted.is_some_and(|wanted| wanted.data_type() != field.data_type()) {
            let kind = field.data_type();
            return Err(Error::new(
                Code::Corrupt,
                format!("column `{}` is {kind} instead of {}", column.name, column.kind),
            ));
        }
    }
    if fields.len() > committed.columns.len() {
        return Err(Error::new(Code::Corrupt, "has more columns than the manifest says"));
    }
    Ok(())
}

fn count_tasks(batch: &RecordBatch, committed: &Committed, tasks: &mut BTreeMap<TaskKey, u64>) -> Result<()> {
    if committed.tasks.is_empty() {
        // A table that the program fills itself.
        return Ok(());
    }
    let parameters: Vec<String> = committed
        .tasks
        .first()
        .map(|entry| entry.params.keys().map(|name| parameter_column(name)).collect())
        .unwrap_or_default();
    let text = |name: &str| {
        let column = batch.column_by_name(name).ok_or_else(|| Error::new(Code::Corrupt, format!("lacks `{name}`")))?;
        cast(column, &DataType::Utf8).map_err(unreadable)
    };
    let target = text(TARGET)?;
    let parameters = parameters.iter().map(|name| text(name)).collect::<Result<Vec<_>>>()?;
    for row in 0..batch.num_rows() {
        let value = |column: &arrow::array::ArrayRef| column.as_string::<i32>().value(row).to_owned();
        *tasks.entry((value(&target), parameters.iter().map(value).collect())).or_default() += 1;
    }
    Ok(())
}

fn unreadable(error: arrow::error::ArrowError) -> Error {
    Error::new(Code::Corrupt, "its rows cannot be compared").with_source(error)
}
