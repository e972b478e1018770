//! Requests, on a free target, the columns of each report: one that was removed, or is not sent, is reported before a night
//! depends on it. 0 units.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use crate::api::{Client, Quote};
use crate::catalog::FREE_ROWS;
use crate::clock::SharedClock;
use crate::config::{OnMismatch, Report, RunConfig};
use crate::context::client::TimingOverrides;
use crate::decode::{Decoder, OnBadValue, PageSchema};
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::fetch::body::decode;
use crate::fetch::request::request;
use crate::limits::UnitMeter;
use crate::model::{Method, SnapshotDate};
use crate::paging::{PageRequest, Purpose};
use crate::plan::{self, Selection, Task};

/// Requests the columns of every report; the result in one line.
///
/// # Errors
/// [`ErrorCode::Refused`] or [`ErrorCode::Body`] for each column that is refused or missing, named once; whatever else keeps the API from answering.
pub async fn check_columns(
    config: &RunConfig,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> Result<String, Errors> {
    let config = config.sample();
    let client =
        crate::context::client::client(&config, UnitMeter::new(Some(0), 0), &clock, tuning)
            .await?
            .free_only();
    let tasks = plan::tasks_of_any_night(
        &config,
        SnapshotDate::new(clock.today()),
        &Selection::default(),
    )?;
    let (mut errors, mut named) = (Errors::default(), BTreeSet::new());
    let (mut asked, mut empty, mut skipped) = (0_u64, 0_u64, 0_u64);
    let mut nulled = Vec::new();
    for (index, report) in config.reports.iter().enumerate() {
        let Some(task) = tasks.iter().find(|task| task.report == index) else {
            continue;
        };
        // A request for many targets may cost units even where all of them are free.
        if !task.costs_nothing() || report.endpoint.method != Method::Get {
            skipped += 1;
            continue;
        }
        match missing_columns(&client, report, task).await {
            Ok(MissingColumns { columns, has_rows }) => {
                asked += 1;
                empty += u64::from(!has_rows);
                for (column, reason) in columns {
                    if matches!(reason, MissingReason::Refused)
                        && report.on_removed_column == OnMismatch::Null
                    {
                        nulled.push(format!("{}.{column}", report.name));
                    } else if named.insert((&report.endpoint.name, column.clone())) {
                        errors.push(missing_column_error(report, &column, reason));
                    }
                }
            }
            Err(error) => errors.push(error.with_context("report", &report.name)),
        }
    }
    if !errors.0.is_empty() {
        return Err(errors);
    }
    let mut line = format!("{asked} reports were answered with every column");
    for (number, what) in [
        (empty, "had no row to show it"),
        (skipped, "cannot be requested for free"),
    ] {
        if number > 0 {
            line = format!("{line}; {number} {what}");
        }
    }
    if !nulled.is_empty() {
        line = format!("{line}; refused and will be null: {}", nulled.join(", "));
    }
    Ok(format!("{line} (0 units)"))
}

/// Columns that a report does not get, and why.
struct MissingColumns {
    columns: Vec<(String, MissingReason)>,
    has_rows: bool,
}

#[derive(Debug, Clone, Copy)]
enum MissingReason {
    Refused,
    NotSent,
}

/// Requests until the API answers, without the columns that it refuses by name.
async fn missing_columns(client: &Client, report: &Report, task: &Task) -> Result<MissingColumns> {
    let has_limit = report.endpoint.parameter("limit").is_some();
    let ask = PageRequest {
        filter: report.filter.clone(),
        order_by: Vec::new(),
        is_descending: false,
        limit: has_limit.then_some(FREE_ROWS),
        key_columns: Vec::new(),
        purpose: Purpose::Page,
    };
    let mut wanted = report.columns.clone();
    let mut columns = Vec::new();
    loop {
        let schema = PageSchema::new(report.endpoint, &wanted, &[], OnBadValue::Null)?;
        let decoder = Arc::new(Mutex::new(Decoder::new(schema)));
        let request = request(report, task, &wanted, &ask);
        let keys = client.keys();
        let check = |answer| decode(Arc::clone(&decoder), Arc::clone(keys), answer);
        match client.send(&request, Quote::default(), check).await {
            Ok(sent) => {
                let (page, _) = sent.value;
                let has_rows = page.batch.num_rows() > 0;
                columns.extend(
                    page.notes
                        .missing_columns
                        .into_keys()
                        .map(|column| (column, MissingReason::NotSent)),
                );
                return Ok(MissingColumns { columns, has_rows });
            }
            Err(error) if error.code() == ErrorCode::Refused => {
                let refused = error.context_value("column").map(str::to_owned);
                let position = wanted
                    .iter()
                    .position(|column| Some(column) == refused.as_ref());
                match position {
                    Some(position) if wanted.len() > 1 => {
                        columns.push((wanted.remove(position), MissingReason::Refused));
                    }
                    Some(_) | None => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn missing_column_error(report: &Report, column: &str, reason: MissingReason) -> Error {
    let (code, what) = match reason {
        MissingReason::Refused => (ErrorCode::Refused, "is refused by the API"),
        MissingReason::NotSent => (ErrorCode::Body, "is not sent by the API"),
    };
    Error::new(
        code,
        format!("{}: the column `{column}` {what}", report.endpoint.name),
    )
    .with_context("report", &report.name)
    .with_hint(format!(
        "remove it: columns = [..., \"-{column}\"] in the report"
    ))
}
