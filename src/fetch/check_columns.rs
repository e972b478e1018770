//! Asks the API, on a free target, for the columns that each report wants: one that was removed, or never comes, is named
//! before a night is built on it. 0 units.

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

/// Asks for the columns of every report; says in one line what came of it.
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
    let mut spared = Vec::new();
    for (index, report) in config.reports.iter().enumerate() {
        let Some(task) = tasks.iter().find(|task| task.report == index) else {
            continue;
        };
        // Nothing promises that a request for many targets is free where all of them are.
        if !task.costs_nothing() || report.endpoint.method != Method::Get {
            skipped += 1;
            continue;
        }
        match missing(&client, report, task).await {
            Ok(Found { columns, has_rows }) => {
                asked += 1;
                empty += u64::from(!has_rows);
                for (column, how) in columns {
                    if matches!(how, How::Refused) && report.on_removed_column == OnMismatch::Null {
                        spared.push(format!("{}.{column}", report.name));
                    } else if named.insert((&report.endpoint.name, column.clone())) {
                        errors.push(lacks(report, &column, how));
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
        (skipped, "cannot be asked for nothing"),
    ] {
        if number > 0 {
            line = format!("{line}; {number} {what}");
        }
    }
    if !spared.is_empty() {
        line = format!("{line}; refused and will be null: {}", spared.join(", "));
    }
    Ok(format!("{line} (0 units)"))
}

/// Columns that a report does not get, and how that showed.
struct Found {
    columns: Vec<(String, How)>,
    has_rows: bool,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Refused,
    NotSent,
}

/// Asks until the API answers, without the columns that it refuses by name.
async fn missing(client: &Client, report: &Report, task: &Task) -> Result<Found> {
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
                        .map(|column| (column, How::NotSent)),
                );
                return Ok(Found { columns, has_rows });
            }
            Err(error) if error.code() == ErrorCode::Refused => {
                let refused = error.context_value("column").map(str::to_owned);
                let place = wanted
                    .iter()
                    .position(|column| Some(column) == refused.as_ref());
                match place {
                    Some(place) if wanted.len() > 1 => {
                        columns.push((wanted.remove(place), How::Refused));
                    }
                    Some(_) | None => return Err(error),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

fn lacks(report: &Report, column: &str, how: How) -> Error {
    let (code, how) = match how {
        How::Refused => (ErrorCode::Refused, "is refused by the API"),
        How::NotSent => (ErrorCode::Body, "is not sent by the API"),
    };
    Error::new(
        code,
        format!("{}: the column `{column}` {how}", report.endpoint.name),
    )
    .with_context("report", &report.name)
    .with_hint(format!(
        "take it out: columns = [..., \"-{column}\"] in the report"
    ))
}
