//! `estimate`: the cost of the next run. Sends no requests, except for the row counts that `--probe` buys.

use super::arguments::{EstimateArgs, Globals};
use super::configuration::load_configuration;
use super::exit::ExitResult;
use super::{output, test_overrides};
use crate::config::Environment;
use crate::costs::buy_counts::{ProbeResult, probe};
use crate::costs::estimate::estimate as estimate_next_run;
use crate::costs::fit::fit;

/// Estimates and prints.
pub(super) async fn estimate(globals: &Globals, command: &EstimateArgs) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let timing = test_overrides::timing(&environment)?;
    let today = clock.today();
    let config = load_configuration(globals, &environment)?;
    let selection = command.selection.resolve()?;
    let probed = if command.probe {
        probe(&config, &selection, clock, timing).await?
    } else {
        ProbeResult::default()
    };
    let mut estimate = estimate_next_run(&config, today, &selection, command.tasks)?;
    estimate.own_units = probed.units;
    estimate.notes.extend(probed.notes);
    if let Some(units) = command.fit {
        estimate.fit = Some(fit(&config, today, &selection, units)?);
    }
    output::print(&if command.json {
        output::json(&estimate)?
    } else {
        estimate.to_text()
    });
    Ok(0)
}
