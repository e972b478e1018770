//! Switches that tests set in the environment. Nothing else in the program knows them by name.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::clock::{SharedClock, ShiftedClock, SystemClock};
use crate::config::Environment;
use crate::context::client::TimingOverrides;
use crate::error::{Error, ErrorCode, Result};
use crate::failpoint::{self, Failpoints};
use crate::store::bucket::{set_lease, set_patience};

/// Factor on the waits between attempts; a number.
const WAIT_SCALE: &str = "BACKHAUL_TEST_WAIT_SCALE";

/// Longest time for a whole answer in milliseconds.
const TIMEOUT_MS: &str = "BACKHAUL_TEST_TIMEOUT_MS";

/// The time that the clock shows when the program starts, as RFC 3339 has it.
const CLOCK: &str = "BACKHAUL_TEST_CLOCK";

/// `STEP` or `STEP:N`: the process ends as by `kill -9` when it passes the step for the n-th time.
const CRASH_AT: &str = "BACKHAUL_TEST_CRASH_AT";

/// A file that the name of every step is appended to.
const STEPS: &str = "BACKHAUL_TEST_STEPS";

/// Length of leases in a bucket, in milliseconds.
const LEASE_MS: &str = "BACKHAUL_TEST_LEASE_MS";

/// Longest time that an operation on a bucket is tried, in milliseconds.
const PATIENCE_MS: &str = "BACKHAUL_TEST_PATIENCE_MS";

/// Factors and time-outs, where they are set.
///
/// # Errors
/// [`ErrorCode::Usage`] for a value that is no number.
pub fn tuning(environment: &Environment) -> Result<TimingOverrides> {
    let mut tuning = TimingOverrides::default();
    if let Some(text) = variable(environment, WAIT_SCALE) {
        let scale: f64 = text
            .parse()
            .map_err(|error| fault(WAIT_SCALE, "a number").with_source(error))?;
        tuning.wait_scale = if scale.is_finite() {
            scale.clamp(0.0, 1.0)
        } else {
            1.0
        };
    }
    if let Some(text) = variable(environment, TIMEOUT_MS) {
        let millis = text
            .parse()
            .map_err(|error| fault(TIMEOUT_MS, "a number").with_source(error))?;
        tuning.timeout = Duration::from_millis(millis);
    }
    Ok(tuning)
}

/// The machine's clock, or one that was set to another time.
///
/// # Errors
/// [`ErrorCode::Usage`] for a value that is no time.
pub fn clock(environment: &Environment) -> Result<SharedClock> {
    Ok(match time(environment)? {
        Some(time) => Arc::new(ShiftedClock::starting_at(time)),
        None => Arc::new(SystemClock),
    })
}

/// How far the clock was set ahead.
///
/// # Errors
/// [`ErrorCode::Usage`] for a value that is no time.
pub fn clock_offset(environment: &Environment) -> Result<chrono::Duration> {
    Ok(time(environment)?.map_or(chrono::Duration::zero(), |time| {
        time - crate::clock::Clock::now(&SystemClock)
    }))
}

/// Watches the steps of saving and commit, and shortens leases and patience, where that is asked for.
///
/// # Errors
/// [`ErrorCode::Usage`] for a step that is not `STEP` or `STEP:N`, or a time that is no number.
pub fn watch(environment: &Environment) -> Result<()> {
    let crash_at = match variable(environment, CRASH_AT)
        .map(|text| text.split_once(':').unwrap_or((text, "1")))
    {
        Some((step, nth)) => {
            let nth = nth
                .parse()
                .map_err(|error| fault(CRASH_AT, "STEP or STEP:N").with_source(error))?;
            Some((step.to_owned(), nth))
        }
        None => None,
    };
    let millis = |name: &str| match variable(environment, name).map(str::parse) {
        Some(Ok(millis)) => Ok(Some(Duration::from_millis(millis))),
        Some(Err(error)) => Err(fault(name, "a number").with_source(error)),
        None => Ok(None),
    };
    if let Some(lease) = millis(LEASE_MS)? {
        set_lease(lease);
    }
    if let Some(patience) = millis(PATIENCE_MS)? {
        set_patience(patience);
    }
    let log = variable(environment, STEPS).map(std::path::PathBuf::from);
    if crash_at.is_some() || log.is_some() {
        failpoint::set(Failpoints {
            crash_at,
            log,
            num_hits: AtomicU64::new(0),
        });
    }
    Ok(())
}

fn time(environment: &Environment) -> Result<Option<DateTime<Utc>>> {
    let Some(text) = variable(environment, CLOCK) else {
        return Ok(None);
    };
    let time = DateTime::parse_from_rfc3339(text)
        .map_err(|error| fault(CLOCK, "a time").with_source(error))?;
    Ok(Some(time.to_utc()))
}

fn fault(name: &str, wanted: &str) -> Error {
    Error::new(ErrorCode::Usage, format!("{name} is not {wanted}"))
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
