//! `sandbox`: serves the imitation until it is interrupted.

use super::arguments::Sandbox;
use super::{ExitResult, output};
use crate::config::Environment;
use crate::error::Error;
use crate::sandbox::{Faults, Options, Quirk, start};

/// Serves until Ctrl-C or SIGTERM.
pub async fn sandbox(command: Sandbox) -> ExitResult {
    let Sandbox {
        port,
        rows,
        seed,
        key,
        units,
        rpm,
        row_cap,
        ties,
        churn,
        living,
        quirks,
        faults,
    } = command;
    let options = Options {
        port,
        rows,
        seed,
        key,
        units: (units > 0).then_some(units),
        requests_per_minute: (rpm > 0).then_some(rpm),
        row_cap,
        ties,
        churn,
        living,
        quirks: quirks
            .iter()
            .map(|name| name.parse::<Quirk>())
            .collect::<Result<_, Error>>()?,
        faults: faults.parse::<Faults>()?,
        clock_offset: super::test_overrides::clock_offset(&Environment::of_process())?,
    };
    let sandbox = start(options).await?;
    output::print(&format!("listening on {}\n", sandbox.url()));
    super::run::interrupted().await;
    sandbox.stop().await;
    Ok(0)
}
