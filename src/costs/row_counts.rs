//! How many rows a task has, told by another operation without fetching them: a number that a table holds already, or one
//! that `estimate --probe` bought. What was bought is kept, one file a target, so that it is bought once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use chrono::{Days, NaiveDate};
use serde::{Deserialize, Serialize};

use crate::api::{BodyCheck, Quote};
use crate::catalog::{Catalog, Endpoint, RowCount, Shape};
use crate::clock::SharedClock;
use crate::config::{Report, RunConfig, Target};
use crate::context::client::TimingOverrides;
use crate::context::client::{client, run_id};
use crate::context::run_context::RunContext;
use crate::error::{Error, ErrorCode, Result};
use crate::ledger::{month, reservations};
use crate::limits::{BudgetShares, ReservationStore, UnitMeter};
use crate::model::{Answer, Method, Request, SnapshotDate, TaskId};
use crate::plan::{self, FREE_BUDGET_UNITS, Selection, Task};
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

/// What was asked, without its date.
type CountQuery = (String, Vec<(String, String)>);

/// A count that was bought.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PurchasedCount {
    endpoint: String,
    asked: Vec<(String, String)>,
    #[serde(default)]
    day: Option<NaiveDate>,
    values: BTreeMap<String, u64>,
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
    /// [`ErrorCode::Destination`] or [`ErrorCode::Corrupt`] if a table or a file cannot be read.
    pub fn read(config: &RunConfig, store: &Store, today: NaiveDate) -> Result<Self> {
        let mut counts = Self::default();
        let oldest = today
            .checked_sub_days(Days::new(KEPT_DAYS))
            .unwrap_or(today);
        for target in &config.targets {
            for bought in bought(store, target)?
                .into_iter()
                .filter(|bought| bought.day >= Some(oldest))
            {
                counts
                    .known
                    .entry((bought.endpoint, bought.asked))
                    .or_default()
                    .extend(bought.values);
            }
        }
        let telling: BTreeSet<&str> = config
            .reports
            .iter()
            .flat_map(|report| &report.endpoint.row_counts)
            .map(|count| count.endpoint.as_str())
            .collect();
        let tables = config
            .reports
            .iter()
            .enumerate()
            .filter(|(_, of)| telling.contains(of.endpoint.name.as_str()));
        for (_, report) in tables {
            counts.add_table(config, store, report, today, oldest)?;
        }
        Ok(counts)
    }

    /// Rows of a task, if anything tells.
    pub fn of(&self, report: &Report, task: &Task) -> Option<u64> {
        let (count, endpoint) = source(report, task)?;
        self.known
            .get(&question(endpoint, task))?
            .get(&count.column)
            .copied()
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
            let Some(committed) = task_state::partition_state_for(store, night, report)?
                .and_then(|state| state.committed)
            else {
                continue;
            };
            let mut found = Vec::new();
            for file in &committed.files {
                if let Some(local) =
                    store.table_file(&report.name, &partition_name(night), &file.name)?
                {
                    found.extend(rows_of(local.path(), &committed.tasks)?);
                }
            }
            missing.retain(|task| {
                let values = found
                    .iter()
                    .find(|(known, _)| *known == task.id)
                    .map(|(_, values)| values.clone());
                let is_missing = values.is_none();
                self.known
                    .entry(question(report.endpoint, task))
                    .or_default()
                    .extend(values.unwrap_or_default());
                is_missing
            });
        }
        Ok(())
    }
}

/// The whole numbers of a file of one row a task, by task.
fn rows_of(
    path: &std::path::Path,
    tasks: &[TaskEntry],
) -> Result<Vec<(TaskId, BTreeMap<String, u64>)>> {
    let mut found = Vec::new();
    for batch in read_batches(path, None)? {
        let batch = batch?;
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name)?.as_string_opt::<i32>()?;
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        for row in 0..batch.num_rows() {
            let is_own = |task: &&TaskEntry| {
                text("_target", row).as_deref() == Some(&task.target)
                    && task
                        .params
                        .iter()
                        .all(|(name, value)| text(&format!("_{name}"), row).as_ref() == Some(value))
            };
            let Some(task) = tasks.iter().find(is_own) else {
                continue;
            };
            let schema = batch.schema();
            let number = |(index, field): (usize, &Arc<arrow::datatypes::Field>)| {
                let column = batch.column(index).as_primitive_opt::<Int64Type>()?;
                let value = column.is_valid(row).then(|| column.value(row))?;
                Some((field.name().clone(), u64::try_from(value).ok()?))
            };
            found.push((
                task.task.clone(),
                schema
                    .fields()
                    .iter()
                    .enumerate()
                    .filter_map(number)
                    .collect(),
            ));
        }
    }
    Ok(found)
}

/// The operation and column that tell how many rows a task has; none where the report wants only some of them.
fn source(report: &Report, task: &Task) -> Option<(&'static RowCount, &'static Endpoint)> {
    if report.filter.is_some() {
        return None;
    }
    let value = |name: &str| {
        task.query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    };
    let applies = |count: &&RowCount| {
        count
            .when
            .iter()
            .all(|(name, wanted)| value(name) == Some(wanted))
    };
    let count = report.endpoint.row_counts.iter().find(applies)?;
    let endpoint = Catalog::embedded().endpoint(&count.endpoint)?;
    Some((count, endpoint))
}

/// What is asked of an operation to learn of a task.
fn question(endpoint: &Endpoint, task: &Task) -> CountQuery {
    let is_meant =
        |name: &str| !matches!(name, "date" | "output") && endpoint.parameter(name).is_some();
    let mut asked: Vec<(String, String)> = task
        .query
        .iter()
        .filter(|(name, _)| is_meant(name))
        .cloned()
        .collect();
    asked.sort();
    (endpoint.name.clone(), asked)
}

fn file(target: &str) -> String {
    format!("{target}.json")
}

fn bought(store: &Store, target: &Target) -> Result<Vec<PurchasedCount>> {
    Ok(store
        .files(FOLDER)
        .load_json(&file(&target.name))?
        .unwrap_or_default())
}

/// Lets go of what was bought for a target.
///
/// # Errors
/// [`ErrorCode::Destination`].
pub(crate) fn forget(store: &Store, target: &str) -> Result<()> {
    store.files(FOLDER).remove(&file(target))
}

/// What a probe came to.
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
/// As [`run_plan::RunPlan::make`]; whatever keeps the API from answering.
pub async fn probe(
    config: &RunConfig,
    selection: &Selection,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> Result<ProbeResult> {
    let today = clock.today();
    let wanted = wanted(config, selection, today)?;
    let mut probed = ProbeResult::default();
    if wanted.is_empty() {
        return Ok(probed);
    }
    let store = crate::state::open::open_for_writing(config)?;
    let run = run_id(&clock);
    let ledger = Arc::new(reservations::ReservationLog::new(&store, &run, &clock));
    let promises = Arc::clone(&ledger) as Arc<dyn ReservationStore>;
    let without = if config.budget.per_month.is_some() {
        u64::MAX
    } else {
        FREE_BUDGET_UNITS
    };
    let budget = config.budget.per_run.unwrap_or(without);
    let meter = UnitMeter::with_store(Some(budget), month::share_caps(&config.budget), promises);
    let client = client(config, meter, &clock, tuning).await?;
    if let Some(account) =
        crate::fetch::accounts::month_status(&client, config, &store, &clock, &mut probed.notes)
            .await?
    {
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
/// hardly dearer than the question.
fn wanted(config: &RunConfig, selection: &Selection, today: NaiveDate) -> Result<Vec<CountToBuy>> {
    /// A bound so many times the price of the question is worth asking about.
    const WORTH: u64 = 10;
    let guessed = crate::costs::estimate::tasks_without_estimate(config, today, selection)?;
    let mut all: BTreeMap<CountQuery, CountToBuy> = BTreeMap::new();
    for task in guessed {
        let (Some(report), Some(target)) = (config.reports.get(task.report), task.target) else {
            continue;
        };
        let Some((_, endpoint)) = source(report, &task) else {
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
        let question = question(endpoint, &task);
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
    let value = |name: &str| match name {
        "date" => Some(night.to_string()),
        "output" => Some("json".to_owned()),
        other => asked
            .iter()
            .find(|(known, _)| known == other)
            .map(|(_, value)| value.clone()),
    };
    let query = endpoint
        .parameters
        .iter()
        .filter_map(|parameter| Some((parameter.name.clone(), value(&parameter.name)?)));
    Request {
        endpoint: endpoint.name.clone(),
        method: Method::Get,
        query: query.collect(),
        body: None,
    }
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
    let account = crate::ledger::request_log::RequestLabels::of_probe(&endpoint.name, &target.name);
    let budget = &context.config.budget;
    let of_target = budget
        .per_target
        .keys()
        .position(|name| *name == target.name);
    let shares = BudgetShares([None, of_target.map(|index| budget.per_report.len() + index)]);
    let client = context.client()?;
    let keys = client.keys();
    let read = |answer: Answer| async move {
        let body = crate::fetch::body::decompressed_without_key(&answer, keys)?;
        let told: serde_json::Value = serde_json::from_slice(&body).map_err(|error| {
            BodyCheck::Retry(
                Error::new(
                    ErrorCode::Body,
                    "the answer is not what the catalog describes",
                )
                .with_source(error),
            )
        })?;
        let record = told
            .get(&endpoint.response_key)
            .and_then(serde_json::Value::as_object);
        let numbers = record
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.clone(), value.as_u64()?)));
        Ok(numbers.collect::<BTreeMap<String, u64>>())
    };
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
    let mut kept = bought(&context.store, target)?;
    kept.retain(|known| (&known.endpoint, &known.asked) != (&question.0, &question.1));
    kept.push(PurchasedCount {
        endpoint: question.0.clone(),
        asked: question.1.clone(),
        day: Some(today),
        values: sent.value,
    });
    context
        .store
        .files(FOLDER)
        .replace(&file(&target.name), to_json(&kept)?.into())
}
