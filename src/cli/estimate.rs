//! `estimate`: the bill of the next run, beforehand. Sends nothing, but for what `--probe` is told to buy.

use super::arguments::{Estimate, Globals};
use super::{ExitResult, output, run, test_overrides};
use crate::config::Environment;
use crate::costs::estimate::estimate as of_next_run;
use crate::costs::fit::fit;
use crate::costs::row_counts::ProbeResult;
use crate::costs::row_counts::probe;

/// Estimates and prints.
pub async fn estimate(globals: &Globals, command: &Estimate) -> ExitResult {
    let environment = Environment::of_process();
    let clock = test_overrides::clock(&environment)?;
    let today = clock.today();
    let config = super::configuration(globals, &environment)?;
    let selection = run::selection(&command.selection)?;
    let probed = if command.probe {
        probe(
            &config,
            &selection,
            clock,
            test_overrides::tuning(&environment)?,
        )
        .await?
    } else {
        ProbeResult::default()
    };
    let mut estimate = of_next_run(&config, today, &selection, command.tasks)?;
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
