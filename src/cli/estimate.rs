//! `estimate`: the bill of the next run, beforehand. Sends nothing.

use super::arguments::{Estimate, Globals};
use super::{Outcome, output, run, testing};
use crate::config::{Environment, load};
use crate::run::{estimate as of_next_run, fit};

/// Estimates and prints.
pub fn estimate(globals: &Globals, command: &Estimate) -> Outcome {
    let environment = Environment::of_process();
    let today = testing::clock(&environment)?.today();
    let config = load(&globals.config, &environment)?;
    let selection = run::selection(&command.selection)?;
    let mut estimate = of_next_run(&config, today, &selection, command.tasks)?;
    if let Some(units) = command.fit {
        estimate.fit = Some(fit(&config, today, &selection, &estimate, units)?);
    }
    output::print(&if command.json { output::json(&estimate)? } else { estimate.text() });
    Ok(0)
}
