//! Limits, usage and expiry of a workspace and its key.

use chrono::NaiveDate;
use serde::Deserialize;

/// What the workspace says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct AccountLimits {
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

impl AccountLimits {
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
