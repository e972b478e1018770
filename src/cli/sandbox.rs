//! `sandbox`: serves the API sandbox until it is interrupted.

use super::arguments::SandboxArgs;
use super::exit::ExitResult;
use super::signals::interrupted;
use super::{output, test_overrides};
use crate::config::Environment;
use crate::sandbox::{Faults, Options, Quirk, start};

/// Serves until Ctrl-C or SIGTERM.
pub(super) async fn sandbox(command: SandboxArgs) -> ExitResult {
    let SandboxArgs {
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
    let mut broken_assumptions = Vec::with_capacity(quirks.len());
    for name in quirks {
        broken_assumptions.push(name.parse::<Quirk>()?);
    }
    let options = Options {
        port,
        rows,
        seed,
        key,
        units: if units > 0 { Some(units) } else { None },
        requests_per_minute: if rpm > 0 { Some(rpm) } else { None },
        row_cap,
        ties,
        churn,
        daily_churn: living,
        quirks: broken_assumptions,
        faults: faults.parse::<Faults>()?,
        clock_offset: test_overrides::clock_offset(&Environment::of_process())?,
    };
    let sandbox = start(options).await?;
    output::print(&format!("listening on {}\n", sandbox.url()));
    interrupted().await;
    sandbox.stop().await;
    Ok(0)
}
