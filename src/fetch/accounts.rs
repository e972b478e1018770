//! Asks the API for the limits and the usage of the workspace: a free request.

use serde::Deserialize;

use crate::api::{BodyCheck, Client, Quote};
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::context::client::{TimingOverrides, client};
use crate::error::{Error, ErrorCode, Result};
use crate::fetch::body::{decompressed_without_key, run_blocking};
use crate::ledger::account::AccountLimits;
use crate::ledger::month::{MonthStatus, is_wanted, other_usage, sum_up, usage_from};
use crate::ledger::reservations;
use crate::limits::UnitMeter;
use crate::model::{Answer, Method, Request};
use crate::report::format_count;
use crate::state::open;
use crate::state::workspace::Workspace;
use crate::store::Store;

/// The free operation with limits and usage.
const LIMITS: &str = "subscription-info/limits-and-usage";

/// Checks the key, with a free request for the workspace's limits, and the destination; with a warning about the
/// destination, if there is one.
///
/// # Errors
/// Every fault that was found: of the key, of the API, of the destination.
pub async fn check(
    config: &RunConfig,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> (Result<AccountLimits>, Result<Option<&'static str>>) {
    let live = fetch_account_limits(config, clock, tuning).await;
    let owned = config.clone();
    let destination = run_blocking(move || open::open_for_writing(&owned)?.probe()).await;
    (live, destination)
}

/// Requests the limits and the usage of the workspace with a client of its own. Free.
///
/// # Errors
/// Whatever keeps it from answering.
pub(crate) async fn fetch_account_limits(
    config: &RunConfig,
    clock: SharedClock,
    tuning: TimingOverrides,
) -> Result<AccountLimits> {
    request_account_limits(
        &client(config, UnitMeter::new(Some(0), 0), &clock, tuning)
            .await?
            .free_only(),
    )
    .await
}

/// Requests the limits and the usage of the workspace. Free.
///
/// # Errors
/// As [`Client::send`].
pub(crate) async fn request_account_limits(client: &Client) -> Result<AccountLimits> {
    #[derive(Deserialize)]
    struct Body {
        limits_and_usage: AccountLimits,
    }
    let request = Request {
        endpoint: LIMITS.to_owned(),
        method: Method::Get,
        query: Vec::new(),
        body: None,
    };
    let keys = client.keys();
    let read = |answer: Answer| async move {
        let body = decompressed_without_key(&answer, keys)?;
        serde_json::from_slice::<Body>(&body)
            .map(|body| body.limits_and_usage)
            .map_err(|error| {
                BodyCheck::Retry(
                    Error::new(
                        ErrorCode::Body,
                        "the answer is not what the catalog describes",
                    )
                    .with_source(error),
                )
            })
    };
    client
        .send(&request, Quote::default(), read)
        .await
        .map(|sent| sent.value)
}

/// Requests the usage of the workspace, which is free, and sums up the ledger; `None` where no budget needs it or nothing limits the month.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the ledger cannot be read.
pub(crate) async fn month_status(
    client: &Client,
    config: &RunConfig,
    store: &Store,
    clock: &SharedClock,
    notes: &mut Vec<String>,
) -> Result<Option<MonthStatus>> {
    if !is_wanted(&config.budget) {
        return Ok(None);
    }
    let today = clock.today();
    // The ledger first: what others spend in between then counts twice, never not at all.
    let entries = reservations::entries(store)?;
    let mut workspace = Workspace::load(store, &config.source.base_url);
    match request_account_limits(client).await {
        Ok(live) => {
            notes.extend(live.expiry_warning(today));
            let known = usage_from(&live, &entries, today);
            if workspace.month != known {
                workspace.month = known;
                workspace.save(store, &config.source.base_url)?;
            }
        }
        Err(error) => {
            let others = other_usage(&workspace.month, today).map(|(units, day)| {
                format!(
                    " and the {} units that others had spent by {day}",
                    format_count(units)
                )
            });
            notes.push(format!(
                "the workspace could not be asked for its usage ({}): the month is counted by this destination's own \
                 ledger alone{}",
                error.one_line(),
                others.unwrap_or_default()
            ));
        }
    }
    Ok(sum_up(
        &config.budget,
        &entries,
        &workspace.month,
        today,
        notes,
    ))
}
