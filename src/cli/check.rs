//! `check`: the configuration, the key, the destination, and what a run would do. Costs nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use super::arguments::{Check, Globals};
use super::{Outcome, output};
use crate::config::{Environment, load};
use crate::error::{Error, Errors};
use crate::plan::{self, Selection};
use crate::report::count;
use crate::run::{self, Live};

/// Nights of a month, for the bill of a configuration.
const NIGHTS_A_MONTH: u64 = 30;

/// Checks what can be checked, and says what a run would do.
pub async fn check(globals: &Globals, command: &Check) -> Outcome {
    let environment = Environment::of_process();
    let config = load(&globals.config, &environment)?;
    let clock = super::testing::clock(&environment)?;
    let today = clock.today();
    let tasks = plan::tasks(&config, today, today, &Selection::default())?;
    let mut text = plan::describe(&config, &tasks);
    let _ = writeln!(text, "\n{}", bill(plan::total(&tasks)));
    let mut errors = Errors::default();
    if !command.offline {
        let tuning = super::testing::tuning(&environment)?;
        let (live, destination) = run::check(&config, Arc::clone(&clock), tuning).await;
        report(&mut text, "key", live.map(|live| describe(&live, today)), &mut errors);
        report(
            &mut text,
            "destination",
            destination.map(|()| config.destination.path.display().to_string()),
            &mut errors,
        );
        if command.live && errors.0.is_empty() {
            let verdicts = run::probe_now(&config, Arc::clone(&clock), tuning).await;
            report(&mut text, "paging", verdicts, &mut errors);
            match run::columns_now(&config, Arc::clone(&clock), tuning).await {
                Ok(line) => report(&mut text, "columns", Ok(line), &mut errors),
                Err(found) => {
                    let _ = writeln!(text, "columns: failed, see below");
                    errors.0.extend(found.0);
                }
            }
        }
    }
    output::print(&text);
    if errors.0.is_empty() {
        return Ok(0);
    }
    output::talk(&errors.render());
    // Findings of probes are no fault of the command line.
    Ok(1)
}

fn bill(total: plan::Total) -> String {
    match total {
        plan::Total::AtMost(units) => {
            format!("at most {} units a night, {} a month", count(units), count(units.saturating_mul(NIGHTS_A_MONTH)))
        }
        plan::Total::Unbounded => {
            "units a month: no bound, since some report fetches all rows (max_rows would bound it)".to_owned()
        }
    }
}

fn describe(live: &Live, today: chrono::NaiveDate) -> String {
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), count);
    let date = |date: Option<chrono::NaiveDate>| date.map_or_else(|| "unknown".to_owned(), |date| date.to_string());
    let warning = live.expiry_warning(today).map(|warning| format!("\nwarning: {warning}")).unwrap_or_default();
    format!(
        "accepted, plan {:?}; workspace {} of {} units used, key {} of {}; reset {}; key expires {}{warning}",
        live.subscription,
        count(live.units_usage_workspace.unwrap_or(0)),
        limit(live.units_limit_workspace),
        count(live.units_usage_api_key.unwrap_or(0)),
        limit(live.units_limit_api_key),
        date(live.reset()),
        date(live.expires())
    )
}

fn report(text: &mut String, name: &str, outcome: Result<String, Error>, errors: &mut Errors) {
    match outcome {
        Ok(what) => {
            let _ = writeln!(text, "{name}: ok, {what}");
        }
        Err(error) => {
            let _ = writeln!(text, "{name}: failed, see below");
            errors.push(error);
        }
    }
}
