//! Overrides that tests set in the environment. No other file of the program names them.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::{Clock as _, SharedClock, ShiftedClock, SystemClock};
use crate::config::Environment;
use crate::context::client::TimingOverrides;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint::{self, Failpoints};
use crate::store::bucket::{set_lease, set_patience};

/// Factor on the waits between attempts; a number.
const WAIT_SCALE: &str = "BACKHAUL_TEST_WAIT_SCALE";

/// Longest time for a whole response in milliseconds.
const TIMEOUT_MS: &str = "BACKHAUL_TEST_TIMEOUT_MS";

/// The time that the clock shows when the program starts, in RFC 3339.
const CLOCK: &str = "BACKHAUL_TEST_CLOCK";

/// `STEP` or `STEP:N`: the process ends as by `kill -9` when it reaches the step for the n-th time.
const CRASH_AT: &str = "BACKHAUL_TEST_CRASH_AT";

/// A file to which the name of every step is appended.
const STEPS: &str = "BACKHAUL_TEST_STEPS";

/// Length of leases in a bucket, in milliseconds.
const LEASE_MS: &str = "BACKHAUL_TEST_LEASE_MS";

/// Longest time for which an operation on a bucket is retried, in milliseconds.
const PATIENCE_MS: &str = "BACKHAUL_TEST_PATIENCE_MS";

/// Waits and time-outs.
///
/// # Errors
/// [`ErrorCode::Usage`] for an invalid number.
pub(super) fn timing(environment: &Environment) -> Result<TimingOverrides> {
    let mut timing = TimingOverrides::default();
    if let Some(scale) = number::<f64>(environment, WAIT_SCALE)? {
        timing.wait_scale = if scale.is_finite() {
            scale.clamp(0.0, 1.0)
        } else {
            1.0
        };
    }
    if let Some(timeout) = millis(environment, TIMEOUT_MS)? {
        timing.timeout = timeout;
    }
    Ok(timing)
}

/// The machine's clock, or one that is set to another time.
///
/// # Errors
/// [`ErrorCode::Usage`] for an invalid time.
pub(super) fn clock(environment: &Environment) -> Result<SharedClock> {
    Ok(match time(environment)? {
        Some(time) => Arc::new(ShiftedClock::starting_at(time)),
        None => Arc::new(SystemClock),
    })
}

/// How far the clock is set ahead.
///
/// # Errors
/// [`ErrorCode::Usage`] for an invalid time.
pub(super) fn clock_offset(environment: &Environment) -> Result<chrono::Duration> {
    Ok(match time(environment)? {
        Some(time) => time - SystemClock.now(),
        None => chrono::Duration::zero(),
    })
}

/// Sets fail points, and the times of leases and retries in a bucket, for the whole process.
///
/// # Errors
/// [`ErrorCode::Usage`] for a step that is not `STEP` or `STEP:N`, or an invalid number.
pub(super) fn apply(environment: &Environment) -> Result<()> {
    if let Some(lease) = millis(environment, LEASE_MS)? {
        set_lease(lease);
    }
    if let Some(patience) = millis(environment, PATIENCE_MS)? {
        set_patience(patience);
    }
    let crash_at = crash_point(environment)?;
    let log = variable(environment, STEPS).map(PathBuf::from);
    if crash_at.is_some() || log.is_some() {
        failpoint::set(Failpoints {
            crash_at,
            log,
            num_hits: AtomicU64::new(0),
        });
    }
    Ok(())
}

/// The step at which the process ends, and how often it is reached before.
fn crash_point(environment: &Environment) -> Result<Option<(String, u64)>> {
    let Some(text) = variable(environment, CRASH_AT) else {
        return Ok(None);
    };
    let (step, nth) = text.split_once(':').unwrap_or((text, "1"));
    match nth.parse() {
        Ok(nth) => Ok(Some((step.to_owned(), nth))),
        Err(error) => Err(invalid(CRASH_AT, "STEP or STEP:N").with_source(error)),
    }
}

fn millis(environment: &Environment, name: &str) -> Result<Option<Duration>> {
    Ok(number(environment, name)?.map(Duration::from_millis))
}

fn number<T>(environment: &Environment, name: &str) -> Result<Option<T>>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    match variable(environment, name).map(str::parse) {
        Some(Ok(number)) => Ok(Some(number)),
        Some(Err(error)) => Err(invalid(name, "a number").with_source(error)),
        None => Ok(None),
    }
}

fn time(environment: &Environment) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = variable(environment, CLOCK) else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(text) {
        Ok(time) => Ok(Some(time.to_utc())),
        Err(error) => Err(invalid(CLOCK, "a time").with_source(error)),
    }
}

fn invalid(name: &str, wanted: &str) -> Error {
    Error::new(ErrorCode::Usage, format!("invalid {name}: not {wanted}"))
        .with_hint(format!("unset {name}"))
}

/// The value of a variable, in builds that tests use.
fn variable<'a>(environment: &'a Environment, name: &str) -> Option<&'a str> {
    if failpoint::IS_ENABLED {
        environment.get(name)
    } else {
        None
    }
}
