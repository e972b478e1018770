//! Reports of changes: since when a night asks, with which filter, and what each row of it is.
//!
//! The first complete night of a task brings all live rows (`base`). A later one asks for what came or went since the last
//! complete night, which committed states tell, less an overlap. The day is kept with the task's first answer, so that a
//! task that is resumed goes on with it, and with its committed rows. Of the nights added up, the latest word on a row
//! (by the operation's identity) is what it is: all that are not `lost` are live.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::Schema;
use chrono::{Days, NaiveDate, NaiveTime};

use super::agenda;
use super::stage::{Job, Stage};
use super::tables::defect;
use crate::catalog::Endpoint;
use crate::config::Report;
use crate::error::{Code, Error, Result};
use crate::filter::{Comparison, Filter};
use crate::model::{Night, Value};
use crate::plan::Task;
use crate::table::manifest::TaskStatus;
use crate::table::{CHANGE, ColumnType, parse_segment};

/// Days before the last complete night from which changes are asked for: a night is a UTC date that its task may have
/// begun to read a day later or the source have dated a day earlier, and a row may be found after the day it is dated.
const OVERLAP_DAYS: u64 = 2;

/// The parameter that shows rows that are lost by now.
const HISTORY: &str = "history";

/// The day since when a task asks for changes; `None` where it begins with a base: no earlier night is complete, the last
/// one answers another configuration, or a new base is wanted. A night that is fetched again asks since the same day.
pub(super) fn since(stage: &Stage, report: &Report, job: &Job) -> Result<Option<NaiveDate>> {
    if report.changes.is_none() || stage.config.run.new_base {
        return Ok(None);
    }
    let partitions = stage.store.partitions(&report.name)?;
    let night =
        |name: &String| parse_segment(name).and_then(|(_, value)| value.parse::<Night>().ok());
    let mut nights: Vec<Night> = partitions
        .iter()
        .filter_map(night)
        .filter(|night| *night < job.night)
        .collect();
    nights.sort_unstable();
    for night in nights.into_iter().rev() {
        let state = agenda::held(&stage.store, night, report)?;
        let entry = state.as_ref().and_then(|state| state.task(&job.task.id));
        if let Some(entry) = entry.filter(|entry| entry.status == TaskStatus::Complete) {
            let is_answered = job.task.unanswered_by(&entry.asked, false).is_empty();
            return Ok(night
                .checked_sub_days(Days::new(OVERLAP_DAYS))
                .filter(|_| is_answered));
        }
    }
    Ok(None)
}

/// The filter of the rows that came or went since that day.
pub(super) fn filter(endpoint: &Endpoint, since: NaiveDate) -> Option<Filter> {
    let changes = endpoint.changes.as_ref()?;
    let start = Value::Time(since.and_time(NaiveTime::MIN).and_utc().timestamp_micros());
    let from = |column: &String| Filter::Is(column.clone(), Comparison::Gte, start.clone());
    Some(Filter::Or(vec![from(&changes.new), from(&changes.lost)]))
}

/// The task as it asks for changes since that day: lost rows are shown too.
pub(super) fn task(task: &Task, since: Option<NaiveDate>) -> Task {
    let mut task = task.clone();
    if let Some(since) = since {
        for (_, value) in task.query.iter_mut().filter(|(name, _)| name == HISTORY) {
            *value = format!("since:{since}");
        }
    }
    task
}

/// The rows with what each of them is: `base`, or `lost` where it is gone, else `new`. One that came and went within the
/// window is lost.
pub(super) fn mark(batch: &RecordBatch, endpoint: &Endpoint, is_base: bool) -> Result<RecordBatch> {
    let words: StringArray = if is_base {
        (0..batch.num_rows()).map(|_| Some("base")).collect()
    } else {
        let lost = endpoint
            .changes
            .as_ref()
            .and_then(|changes| batch.column_by_name(&changes.lost));
        let lost = lost.ok_or_else(|| {
            Error::new(
                Code::Internal,
                "rows of changes lack the date of their loss",
            )
        })?;
        (0..batch.num_rows())
            .map(|row| Some(if lost.is_null(row) { "new" } else { "lost" }))
            .collect()
    };
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(ColumnType::Text.field(CHANGE)));
    let mut columns = batch.columns().to_vec();
    columns.push(Arc::new(words) as ArrayRef);
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(defect)
}

#[cfg(test)]
mod tests {
    use arrow::array::TimestampMicrosecondArray;

    use super::*;
    use crate::catalog::Catalog;

    /// A row tells how things are when it is read: one that was lost within the window and found again is live, and `new`
    /// where it is dated anew; one whose first date lies before the window does not match the filter, unless it is lost.
    #[test]
    fn a_row_is_lost_if_it_is_gone_when_it_is_read_and_new_otherwise() {
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .expect("a known endpoint");
        let lost = &endpoint.changes.as_ref().expect("dated").lost;
        let field = ColumnType::Timestamp.field(lost);
        let dates = TimestampMicrosecondArray::from(vec![None, Some(1), None]).with_timezone("UTC");
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![Arc::new(dates)])
            .expect("a batch");
        let words = |is_base| {
            let marked = mark(&batch, endpoint, is_base).expect("marked");
            let column = marked.column_by_name(CHANGE).expect("there").clone();
            let column = column
                .as_any()
                .downcast_ref::<StringArray>()
                .expect("text")
                .clone();
            column
                .iter()
                .map(|word| word.unwrap_or_default().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(words(false), ["new", "lost", "new"]);
        assert_eq!(words(true), ["base"; 3]);
        let filter = filter(endpoint, "2026-11-21".parse().expect("a date"))
            .expect("dated")
            .to_json()
            .to_string();
        // On the first day of the window, too: a date that equals it is within.
        for part in [
            "first_seen_link",
            "last_seen",
            "\"gte\",\"2026-11-21T00:00:00Z\"",
        ] {
            assert!(filter.contains(part), "{part}: {filter}");
        }
    }
}
