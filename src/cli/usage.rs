//! `usage`: units left in the account beside what was spent from here. One free request.

use super::arguments::{Globals, Usage};
use super::{ExitResult, output, test_overrides};
use crate::config::Environment;

/// Asks, reads, prints.
pub async fn usage(globals: &Globals, command: &Usage) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let config = super::configuration(globals, &environment)?;
    let usage =
        crate::costs::usage::usage(&config, clock, test_overrides::tuning(&environment)?).await?;
    output::print(&if command.json {
        output::json(&usage)?
    } else {
        usage.to_text()
    });
    Ok(0)
}
