//! The command `check`.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::NaiveDate;

use super::monthly_cost::describe_monthly_cost;
use crate::cli::arguments::{CheckArgs, Globals};
use crate::cli::configuration::load_configuration;
use crate::cli::exit::ExitResult;
use crate::cli::{output, test_overrides};
use crate::clock::SharedClock;
use crate::config::{DestinationLocation, Environment, RunConfig, load};
use crate::context::client::TimingOverrides;
use crate::error::{Error, ErrorCode, Errors, Result};
use crate::fetch::{accounts, check_columns::check_columns, probes::probe_assumptions};
use crate::ledger::account::AccountLimits;
use crate::ledger::month::spendable_units;
use crate::model::SnapshotDate;
use crate::plan::{self, Selection};
use crate::report::format_count;
use crate::state::presets::newer_presets;

/// Checks what can be checked, and prints what a run would do.
pub(in crate::cli) async fn check(globals: &Globals, command: &CheckArgs) -> ExitResult {
    let environment = Environment::of_process();
    let (config, records) = configuration(globals, command, &environment)?;
    let clock = test_overrides::clock(&environment)?;
    let today = clock.today();
    let tasks = plan::tasks(
        &config,
        SnapshotDate::new(today),
        today,
        &Selection::default(),
    )?;
    let mut report = CheckReport {
        text: plan::describe(&config, &tasks),
        errors: Errors::default(),
        usable_units: None,
    };
    let _ = writeln!(report.text, "\n{}", describe_monthly_cost(&config, &tasks));
    if matches!(records, TableRecords::Read) {
        for preset in newer_presets(&config)? {
            let _ = writeln!(report.text, "newer preset: {preset}");
        }
    }
    if !command.offline {
        let timing = test_overrides::timing(&environment)?;
        report.check_account(&config, records, &clock, timing).await;
        if command.live && report.errors.0.is_empty() {
            report.check_api(&config, &clock, timing).await;
        }
    }
    output::print(&report.text);
    plan::refuse_impossible(&config, &tasks, report.usable_units)?;
    if report.errors.0.is_empty() {
        return Ok(0);
    }
    output::eprint_text(&report.errors.render());
    // 2 would mean that the command line or the configuration is wrong.
    Ok(1)
}

/// Whether the records of the destination's tables were read.
enum TableRecords {
    Read,
    /// They are in a bucket, and no request may be sent.
    Offline,
    /// The destination's errors. The rest can still be checked.
    Failed(Errors),
}

/// The configuration, with what the tables of its destination add to it where they can be read.
fn configuration(
    globals: &Globals,
    command: &CheckArgs,
    environment: &Environment,
) -> Result<(RunConfig, TableRecords), Errors> {
    let plain = load(&globals.config, environment)?;
    if command.offline && matches!(plain.destination.location, DestinationLocation::Bucket(_)) {
        return Ok((plain, TableRecords::Offline));
    }
    let errors = match load_configuration(globals, environment) {
        Ok(config) => return Ok((config, TableRecords::Read)),
        Err(errors) => errors,
    };
    let mut codes = errors.0.iter().map(Error::code);
    if !command.offline && codes.all(|code| code == ErrorCode::Destination) {
        return Ok((plain, TableRecords::Failed(errors)));
    }
    Err(errors)
}

/// What was found so far.
struct CheckReport {
    text: String,
    errors: Errors,
    /// Units that the account allows in a month, where it has a limit.
    usable_units: Option<u64>,
}

impl CheckReport {
    /// Checks the key and the destination.
    async fn check_account(
        &mut self,
        config: &RunConfig,
        records: TableRecords,
        clock: &SharedClock,
        timing: TimingOverrides,
    ) {
        let (account, destination) = accounts::check(config, Arc::clone(clock), timing).await;
        if let Ok(account) = &account {
            self.usable_units = spendable_units(&config.budget, account.units_limit_workspace);
        }
        // If the destination cannot be written, its error names the operation and replaces that of the records.
        if let (TableRecords::Failed(errors), true) = (records, destination.is_ok()) {
            self.errors.0.extend(errors.0);
        }
        let today = clock.today();
        self.add(
            "key",
            account.map(|account| describe_account(&account, today)),
        );
        let place = config.destination.location.to_string();
        self.add(
            "destination",
            destination.map(|warning| match warning {
                Some(warning) => format!("{place} (warning: {warning})"),
                None => place,
            }),
        );
    }

    /// Checks on free targets what paging assumes, and that the API has all columns.
    async fn check_api(
        &mut self,
        config: &RunConfig,
        clock: &SharedClock,
        timing: TimingOverrides,
    ) {
        let verdicts = probe_assumptions(config, Arc::clone(clock), timing).await;
        self.add("paging", verdicts);
        match check_columns(config, Arc::clone(clock), timing).await {
            Ok(line) => self.add("columns", Ok(line)),
            Err(errors) => {
                self.text.push_str("columns: failed, see below\n");
                self.errors.0.extend(errors.0);
            }
        }
    }

    fn add(&mut self, name: &str, result: Result<String>) {
        match result {
            Ok(what) => {
                let _ = writeln!(self.text, "{name}: ok, {what}");
            }
            Err(error) => {
                let _ = writeln!(self.text, "{name}: failed, see below");
                self.errors.push(error);
            }
        }
    }
}

fn describe_account(account: &AccountLimits, today: NaiveDate) -> String {
    let warning = match account.expiry_warning(today) {
        Some(warning) => format!("\nwarning: {warning}"),
        None => String::new(),
    };
    format!(
        "accepted, plan {:?}; workspace {} of {} units used, key {} of {}; reset {}; key expires {}{warning}",
        account.subscription,
        format_count(account.units_usage_workspace.unwrap_or(0)),
        describe_limit(account.units_limit_workspace),
        format_count(account.units_usage_api_key.unwrap_or(0)),
        describe_limit(account.units_limit_api_key),
        describe_date(account.reset()),
        describe_date(account.expires())
    )
}

fn describe_limit(limit: Option<u64>) -> String {
    match limit {
        Some(limit) => format_count(limit),
        None => "no limit".to_owned(),
    }
}

fn describe_date(date: Option<NaiveDate>) -> String {
    match date {
        Some(date) => date.to_string(),
        None => "unknown".to_owned(),
    }
}
