//! `check`: the configuration, the key, the destination, and what a run would do. Costs nothing.

use std::fmt::Write as _;
use std::sync::Arc;

use super::arguments::{Check, Globals};
use super::{ExitResult, output};
use crate::config::{DestinationLocation, Environment, RunConfig, load};
use crate::error::{Code, Error, Errors};
use crate::ledger::account::AccountLimits;
use crate::model::SnapshotDate;
use crate::plan::{self, MonthlyCost, Selection, Task};
use crate::report::format_count;

/// Checks what can be checked, and says what a run would do.
pub async fn check(globals: &Globals, command: &Check) -> ExitResult {
    let environment = Environment::of_process();
    let (config, unread) = configuration(globals, command, &environment)?;
    let clock = super::test_overrides::clock(&environment)?;
    let today = clock.today();
    let tasks = plan::tasks(
        &config,
        SnapshotDate::new(today),
        today,
        &Selection::default(),
    )?;
    let mut text = plan::describe(&config, &tasks);
    let _ = writeln!(text, "\n{}", bill(&config, &tasks));
    if matches!(unread, Unread::Nothing) {
        for offer in crate::state::presets::newer_presets(&config)? {
            let _ = writeln!(text, "newer preset: {offer}");
        }
    }
    let mut errors = Errors::default();
    let mut usable = None;
    if !command.offline {
        let tuning = super::test_overrides::tuning(&environment)?;
        let (live, destination) =
            crate::fetch::accounts::check(&config, Arc::clone(&clock), tuning).await;
        if let Ok(live) = &live {
            usable =
                crate::ledger::month::spendable_units(&config.budget, live.units_limit_workspace);
        }
        // A probe that fails says the same, and with what operation.
        if let (Unread::Refused(found), true) = (unread, destination.is_ok()) {
            errors.0.extend(found.0);
        }
        report(
            &mut text,
            "key",
            live.map(|live| describe(&live, today)),
            &mut errors,
        );
        report(
            &mut text,
            "destination",
            destination.map(|warning| match warning {
                Some(warning) => format!("{} (warning: {warning})", config.destination.location),
                None => config.destination.location.to_string(),
            }),
            &mut errors,
        );
        if command.live && errors.0.is_empty() {
            let verdicts =
                crate::fetch::probes::probe_assumptions(&config, Arc::clone(&clock), tuning).await;
            report(&mut text, "paging", verdicts, &mut errors);
            match crate::fetch::check_columns::check_columns(&config, Arc::clone(&clock), tuning)
                .await
            {
                Ok(line) => report(&mut text, "columns", Ok(line), &mut errors),
                Err(found) => {
                    let _ = writeln!(text, "columns: failed, see below");
                    errors.0.extend(found.0);
                }
            }
        }
    }
    output::print(&text);
    plan::refuse_impossible(&config, &tasks, usable)?;
    if errors.0.is_empty() {
        return Ok(0);
    }
    output::eprint_text(&errors.render());
    // Findings of probes are no fault of the command line.
    Ok(1)
}

/// What keeps the records of the destination's tables from being looked at.
enum Unread {
    Nothing,
    /// They lie in a bucket, and nobody is to be asked.
    Offline,
    /// What the destination said. The rest can be checked all the same.
    Refused(Errors),
}

/// The configuration, as far as can be with what the tables of its destination know of it.
fn configuration(
    globals: &Globals,
    command: &Check,
    environment: &Environment,
) -> Result<(RunConfig, Unread), Errors> {
    let plain = load(&globals.config, environment)?;
    if command.offline && matches!(plain.destination.location, DestinationLocation::Bucket(_)) {
        return Ok((plain, Unread::Offline));
    }
    match super::configuration(globals, environment) {
        Ok(config) => Ok((config, Unread::Nothing)),
        Err(errors)
            if !command.offline
                && errors
                    .0
                    .iter()
                    .all(|error| error.code() == Code::Destination) =>
        {
            Ok((plain, Unread::Refused(errors)))
        }
        Err(errors) => Err(errors),
    }
}

/// Units of a month at the configured cadence: an upper bound where there is one, else the minimum, saying which.
fn bill(config: &RunConfig, tasks: &[Task]) -> String {
    let all: Vec<&Task> = tasks.iter().collect();
    let MonthlyCost { least, most } = plan::monthly_cost(config, &all);
    let nights = plan::NIGHTS_A_MONTH;
    let mut text = match most {
        Some(most) => format!(
            "units a month ({nights} nights, at this cadence): at most {}, at least {}",
            format_count(most),
            format_count(least)
        ),
        None => {
            format!(
                "units a month ({nights} nights, at this cadence): at least {}, with no upper bound",
                format_count(least)
            )
        }
    };
    for (index, report) in config
        .reports
        .iter()
        .enumerate()
        .filter(|_| config.reports.len() > 1 || most.is_none())
    {
        let own: Vec<&Task> = tasks.iter().filter(|task| task.report == index).collect();
        let MonthlyCost { least, most } = plan::monthly_cost(config, &own);
        let why = match report.endpoint.parameter("limit") {
            Some(_) => "since without `max_rows` all rows are fetched",
            None => "since the API always answers whole, however many rows there are",
        };
        let units = match most {
            Some(most) => format!("at most {}", format_count(most)),
            None => format!(
                "at least {}: the minimum of one request a task, {why}",
                format_count(least)
            ),
        };
        let _ = write!(
            text,
            "\n  {} (every {}): {units}",
            report.name, report.every
        );
    }
    let first = plan::first_load(config, tasks);
    if first > 0 {
        let _ = write!(
            text,
            "\n  histories: their first load, from `since` on, may cost {} units more, once; later nights ask for what is \
             new and for recent periods again",
            format_count(first)
        );
    }
    if let Some(limit) = config.budget.per_month {
        let ways = plan::ways_to_fit(config, &all, limit);
        if !ways.is_empty() {
            let _ = write!(
                text,
                "\n  that may be more than per_month = {}; it is certain to fit with one of: {}",
                format_count(limit),
                ways.join("; ")
            );
        }
    }
    text
}

fn describe(live: &AccountLimits, today: chrono::NaiveDate) -> String {
    let limit = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), format_count);
    let date = |date: Option<chrono::NaiveDate>| {
        date.map_or_else(|| "unknown".to_owned(), |date| date.to_string())
    };
    let warning = live
        .expiry_warning(today)
        .map(|warning| format!("\nwarning: {warning}"))
        .unwrap_or_default();
    format!(
        "accepted, plan {:?}; workspace {} of {} units used, key {} of {}; reset {}; key expires {}{warning}",
        live.subscription,
        format_count(live.units_usage_workspace.unwrap_or(0)),
        limit(live.units_limit_workspace),
        format_count(live.units_usage_api_key.unwrap_or(0)),
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
