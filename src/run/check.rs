//! What `check` finds out by asking: the key and the workspace (a free request), and the destination (a probe).

use chrono::NaiveDate;
use serde::Deserialize;

use super::Tuning;
use super::bodies::{blocking, plain_body};
use super::place;
use super::stage::client;
use crate::api::{Client, Quote, Rejected};
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::error::{Code, Error, Result};
use crate::limits::UnitMeter;
use crate::model::{Answer, Method, Request};

/// The free operation that tells limits and usage.
const LIMITS: &str = "subscription-info/limits-and-usage";

/// What the workspace says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Live {
    /// The plan's name.
    #[serde(default)]
    pub subscription: String,
    /// When usage starts again at zero.
    #[serde(default)]
    pub usage_reset_date: String,
    /// Units a month of the workspace; none where there is no limit.
    pub units_limit_workspace: Option<u64>,
    /// Units used of them.
    pub units_usage_workspace: Option<u64>,
    /// Units a month of the key; none where it has no limit of its own.
    pub units_limit_api_key: Option<u64>,
    /// Units used of them.
    pub units_usage_api_key: Option<u64>,
    /// When the key dies.
    #[serde(default)]
    pub api_key_expiration_date: String,
}

/// Days before a key dies from which on that is said.
const EXPIRY_WARNING_DAYS: i64 = 30;

impl Live {
    /// The day on which usage starts again at zero.
    pub fn reset(&self) -> Option<NaiveDate> {
        day(&self.usage_reset_date)
    }

    /// The day on which the key dies.
    pub fn expires(&self) -> Option<NaiveDate> {
        day(&self.api_key_expiration_date)
    }

    /// What is to be said of the key's life, if it ends within 30 days.
    pub fn expiry_warning(&self, today: NaiveDate) -> Option<String> {
        let expires = self.expires()?;
        let next = "make a new one and put it behind the old one in [source] api_key";
        match (expires - today).num_days() {
            days if days > EXPIRY_WARNING_DAYS => None,
            days if days < 0 => Some(format!("the key has expired on {expires}: {next}")),
            0 => Some(format!("the key expires today: {next}")),
            days => Some(format!(
                "the key expires on {expires}, in {days} days: {next}"
            )),
        }
    }
}

/// The date of a date or date-time.
fn day(text: &str) -> Option<NaiveDate> {
    text.get(..10)?.parse().ok()
}

/// Asks the API who we are, for nothing, and tries out the destination; says what of that one has to know.
///
/// # Errors
/// Every fault that was found: of the key, of the API, of the destination.
pub async fn check(
    config: &RunConfig,
    clock: SharedClock,
    tuning: Tuning,
) -> (Result<Live>, Result<Option<&'static str>>) {
    let live = live(config, clock, tuning).await;
    let owned = config.clone();
    let destination = blocking(move || place::open(&owned)?.probe()).await;
    (live, destination)
}

/// Asks the API who we are, for nothing.
///
/// # Errors
/// Whatever keeps it from answering.
pub(super) async fn live(config: &RunConfig, clock: SharedClock, tuning: Tuning) -> Result<Live> {
    ask_limits(
        &client(config, UnitMeter::new(Some(0), 0), &clock, tuning)
            .await?
            .free_only(),
    )
    .await
}

/// Asks the API for the workspace's limits and usage, for nothing.
///
/// # Errors
/// As [`Client::send`].
pub(super) async fn ask_limits(client: &Client) -> Result<Live> {
    #[derive(Deserialize)]
    struct Body {
        limits_and_usage: Live,
    }
    let request = Request {
        endpoint: LIMITS.to_owned(),
        method: Method::Get,
        query: Vec::new(),
        body: None,
    };
    let keys = client.keys();
    let read = |answer: Answer| async move {
        let body = plain_body(&answer, keys)?;
        serde_json::from_slice::<Body>(&body)
            .map(|body| body.limits_and_usage)
            .map_err(|error| {
                Rejected::Damaged(
                    Error::new(Code::Body, "the answer is not what the catalog describes")
                        .with_source(error),
                )
            })
    };
    client
        .send(&request, Quote::default(), read)
        .await
        .map(|sent| sent.value)
}
