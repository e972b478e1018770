//! `usage`: the units of the account, and those spent by this destination. One free request.

use super::arguments::{Globals, UsageArgs};
use super::configuration::load_configuration;
use super::exit::ExitResult;
use super::{output, test_overrides};
use crate::config::Environment;

/// Requests, reads and prints.
pub(super) async fn usage(globals: &Globals, command: &UsageArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let timing = test_overrides::timing(&environment)?;
    let config = load_configuration(globals, &environment)?;
    let usage = crate::costs::usage::usage(&config, clock, timing).await?;
    output::print(&if command.json {
        output::json(&usage)?
    } else {
        usage.to_text()
    });
    Ok(0)
}
