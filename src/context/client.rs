//! The client of a run.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{Client, ClientOptions, RetryPolicy};
use crate::clock::SharedClock;
use crate::config::RunConfig;
use crate::error::Result;
use crate::limits::{Throttle, UnitMeter};
use crate::model::RunId;

/// Switches that tests need: the real values outside them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimingOverrides {
    /// Longest time for a whole answer.
    pub timeout: Duration,
    /// Factor on the waits between attempts.
    pub wait_scale: f64,
}

impl Default for TimingOverrides {
    fn default() -> Self {
        // Some answers take over 20 s; clients in the field give up after 30 to 60, and pay twice.
        Self {
            timeout: Duration::from_mins(3),
            wait_scale: 1.0,
        }
    }
}

/// The client that a configuration describes, with its keys read.
///
/// # Errors
/// [`crate::error::ErrorCode::KeySource`] if no source gives a key, [`crate::error::ErrorCode::Url`].
pub async fn client(
    config: &RunConfig,
    meter: Arc<UnitMeter>,
    clock: &SharedClock,
    tuning: TimingOverrides,
) -> Result<Client> {
    let mut keys = Vec::new();
    let mut fault = None;
    for source in &config.source.keys {
        match source.resolve().await {
            Ok(key) => {
                if let Some(warning) = &key.warning {
                    tracing::warn!(warning);
                }
                keys.push(key.secret);
            }
            // One of several sources may be empty; if all are, the first error is returned.
            Err(error) => fault = fault.or(Some(error)),
        }
    }
    if let (true, Some(fault)) = (keys.is_empty(), fault) {
        return Err(fault);
    }
    let options = ClientOptions {
        base_url: config.source.base_url.clone(),
        keys,
        proxy: config.source.proxy.clone(),
        local_address: config.source.local_address,
        timeout: tuning.timeout,
        retry_policy: RetryPolicy::standard().with_wait_scale(tuning.wait_scale),
    };
    Client::new(
        options,
        Throttle::new(config.source.requests_per_minute, Arc::clone(clock)),
        meter,
        Arc::clone(clock),
    )
}

/// The id of a run that starts now.
pub(crate) fn new_run_id(clock: &SharedClock) -> RunId {
    RunId::starting_at(clock.now(), fastrand::u32(..))
}
