//! `estimate --probe`: pays for the row counts of tasks whose size is unknown, within the budgets.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;

use crate::api::{BodyCheck, KeyRing, Quote};
use crate::catalog::{Endpoint, Shape};
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::{TimingOverrides, client, new_run_id};
use crate::context::run_context::RunContext;
use crate::costs::row_counts::{CountQuery, PurchasedCount, count_query, count_source, keep};
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::accounts::month_status;
use crate::fetch::body::decompressed_without_key;
use crate::ledger::request_log::RequestLabels;
use crate::ledger::{month, reservations};
use crate::limits::{BudgetShares, ReservationStore, UnitMeter};
use crate::model::{Answer, Method, Request, SnapshotDate};
use crate::plan::{FREE_BUDGET_UNITS, Selection};

/// The outcome of a probe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProbeResult {
    /// Units that it cost.
    pub units: u64,
    /// Counts that were bought.
    pub bought: u64,
    /// What is worth knowing.
    pub notes: Vec<String>,
}

/// One count to buy.
struct CountToBuy {
    endpoint: &'static Endpoint,
    request: Request,
    question: CountQuery,
    target: usize,
    units: u64,
}

/// Buys the counts that the due tasks of a selection lack, within the budgets. Counts that are known are not bought again.
///
/// # Errors
/// As [`crate::schedule::plan_run`]; whatever keeps the API from answering.
pub async fn probe(
    config: &RunConfig,
    selection: &Selection,
    clock: SharedClock,
    timing: TimingOverrides,
) -> Result<ProbeResult> {
    let today = clock.today();
    let wanted = wanted(config, selection, today)?;
    let mut probed = ProbeResult::default();
    if wanted.is_empty() {
        return Ok(probed);
    }
    let store = crate::state::open::open_for_writing(config)?;
    let run = new_run_id(&clock);
    let ledger = Arc::new(reservations::ReservationLog::new(&store, &run, &clock));
    let promises = Arc::clone(&ledger) as Arc<dyn ReservationStore>;
    let without = if config.budget.per_month.is_some() {
        u64::MAX
    } else {
        FREE_BUDGET_UNITS
    };
    let budget = config.budget.per_run.unwrap_or(without);
    let meter = UnitMeter::with_store(Some(budget), month::share_caps(&config.budget), promises);
    let client = client(config, meter, &clock, timing).await?;
    if let Some(account) = month_status(&client, config, &store, &clock, &mut probed.notes).await? {
        ledger.limit_to_month(account.month);
    }
    let context = RunContext::open(
        Arc::new(config.clone()),
        run,
        Vec::new(),
        Some(client),
        clock,
        Arc::default(),
    )?;
    let mut outcome = Ok(());
    for one in &wanted {
        outcome = buy(&context, one, today).await;
        match &outcome {
            Ok(()) => probed.bought += 1,
            Err(error) if error.code() == ErrorCode::Budget => {
                let left = wanted.len() - usize::try_from(probed.bought).unwrap_or(0);
                probed.notes.push(format!(
                    "{left} counts were not bought: {}",
                    error.one_line()
                ));
                outcome = Ok(());
                break;
            }
            Err(_) => break,
        }
    }
    let meter = context.client()?.meter();
    probed.units = meter.spent().saturating_add(meter.assumed());
    ledger.settle(probed.units)?;
    context.spending.close()?;
    context.close()?;
    outcome.map(|()| probed).map_err(|error| {
        error.with_hint("run estimate without --probe, or again: what was bought is kept")
    })
}

/// The counts that would replace a guess: of tasks that are due, unfiltered and never fetched, unless their own bound is
/// hardly costs more than the question.
fn wanted(config: &RunConfig, selection: &Selection, today: NaiveDate) -> Result<Vec<CountToBuy>> {
    /// A bound so many times the price of the question is worth asking about.
    const WORTH: u64 = 10;
    let guessed = crate::costs::estimate::tasks_without_estimate(config, today, selection)?;
    let mut all: BTreeMap<CountQuery, CountToBuy> = BTreeMap::new();
    for task in guessed {
        let (Some(report), Some(target)) = (config.reports.get(task.report), task.target) else {
            continue;
        };
        let Some((_, endpoint)) = count_source(report, &task) else {
            continue;
        };
        let columns = endpoint.columns.iter().map(|column| column.name.as_str());
        let units = if task.is_free_target {
            0
        } else {
            endpoint.units_per_request(1, endpoint.units_per_row(columns))
        };
        if endpoint.shape != Shape::Record
            || task.bound_units.is_some_and(|bound| bound < units * WORTH)
        {
            continue;
        }
        let question = count_query(endpoint, &task);
        let request = request(endpoint, &question, SnapshotDate::new(today));
        all.entry(question.clone()).or_insert(CountToBuy {
            endpoint,
            request,
            question,
            target,
            units,
        });
    }
    Ok(all.into_values().collect())
}

fn request(endpoint: &Endpoint, (_, asked): &CountQuery, night: SnapshotDate) -> Request {
    let mut query = Vec::new();
    for parameter in &endpoint.parameters {
        let value = match parameter.name.as_str() {
            "date" => night.to_string(),
            "output" => "json".to_owned(),
            other => match asked.iter().find(|(known, _)| known == other) {
                Some((_, value)) => value.clone(),
                None => continue,
            },
        };
        query.push((parameter.name.clone(), value));
    }
    Request {
        endpoint: endpoint.name.clone(),
        method: Method::Get,
        query,
        body: None,
    }
}

/// The whole numbers of the one record of an answer.
fn numbers(
    answer: &Answer,
    keys: &KeyRing,
    response_key: &str,
) -> std::result::Result<BTreeMap<String, u64>, BodyCheck> {
    let body = decompressed_without_key(answer, keys)?;
    let answer: serde_json::Value = serde_json::from_slice(&body).map_err(|error| {
        let message = "the answer is not what the catalog describes";
        BodyCheck::Retry(Error::new(ErrorCode::Body, message).with_source(error))
    })?;
    let mut numbers = BTreeMap::new();
    if let Some(serde_json::Value::Object(record)) = answer.get(response_key) {
        for (name, value) in record {
            if let Some(number) = value.as_u64() {
                numbers.insert(name.clone(), number);
            }
        }
    }
    Ok(numbers)
}

async fn buy(context: &RunContext, wanted: &CountToBuy, today: NaiveDate) -> Result<()> {
    let CountToBuy {
        endpoint,
        request,
        question,
        target,
        units,
    } = wanted;
    let Some(target) = context.config.targets.get(*target) else {
        return Ok(());
    };
    let account = RequestLabels::of_probe(&endpoint.name, &target.name);
    let budget = &context.config.budget;
    let of_target = budget
        .per_target
        .keys()
        .position(|name| *name == target.name);
    let shares = BudgetShares([None, of_target.map(|index| budget.per_report.len() + index)]);
    let client = context.client()?;
    let keys = client.keys();
    let read = |answer: Answer| std::future::ready(numbers(&answer, keys, &endpoint.response_key));
    let note = |attempted| context.note(&account, attempted);
    let sent = client
        .send_recorded(
            request,
            Quote {
                worst: *units,
                shares,
            },
            &note,
            read,
        )
        .await?;
    let count = PurchasedCount {
        endpoint: question.0.clone(),
        asked: question.1.clone(),
        day: Some(today),
        values: sent.value,
    };
    keep(&context.store, target, count)
}
