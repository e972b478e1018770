//! What `check --offline` prints: each report with what it asks and costs. Pure.

use std::fmt::Write as _;

use super::bounds::{CostBound, FREE_BUDGET_UNITS, total};
use super::task::Task;
use crate::catalog::Pricing;
use crate::config::{
    BucketLocation, Budget, Cadence, DEFAULT_HISTORY, DestinationLocation, Encryption, Report,
    ReservedUnits, RunConfig,
};

/// The configuration and its tasks in words, for a person.
pub fn describe(config: &RunConfig, tasks: &[Task]) -> String {
    let mut out = String::new();
    let keys: Vec<_> = config.source.keys.iter().map(ToString::to_string).collect();
    let _ = writeln!(out, "configuration {}: correct", config.file().display());
    let _ = writeln!(
        out,
        "source        {} with the key from {}",
        config.source.base_url,
        keys.join(", then ")
    );
    let _ = writeln!(out, "destination   {}", config.destination.location);
    if let DestinationLocation::Bucket(bucket) = &config.destination.location {
        describe_bucket(&mut out, bucket);
    }
    let _ = writeln!(out, "targets       {}", config.targets.len());
    for (index, report) in config.reports.iter().enumerate() {
        let own: Vec<_> = tasks.iter().filter(|task| task.report == index).collect();
        describe_report(&mut out, report, &own);
    }
    let _ = writeln!(out, "\n{}, {}", a_night(config, tasks), bill(tasks, config));
    out.push_str(&budgets(&config.budget));
    out
}

/// What the configuration says of a bucket beside its URL.
fn describe_bucket(out: &mut String, bucket: &BucketLocation) {
    let BucketLocation {
        url: _,
        region,
        endpoint,
        path_style,
        single_writer,
        encryption,
        account,
    } = bucket;
    for (key, value) in [
        ("account", account),
        ("endpoint", endpoint),
        ("region", region),
    ] {
        if let Some(value) = value {
            let _ = writeln!(out, "{key:<13} {value}");
        }
    }
    if let Some(path_style) = path_style {
        let _ = writeln!(out, "path_style    {path_style}");
    }
    if *single_writer {
        out.push_str("writers       single: nothing keeps a second process from writing there\n");
    }
    if *encryption != Encryption::Bucket {
        let _ = writeln!(out, "encryption    {encryption}");
    }
}

/// How many tasks a night has at the cadence of their reports.
fn a_night(config: &RunConfig, tasks: &[Task]) -> String {
    let period = |task: &Task| {
        config
            .reports
            .get(task.report)
            .map_or(1, |report| report.every.nights())
    };
    if tasks.iter().all(|task| period(task) == 1) {
        return format!("{} tasks a night", tasks.len());
    }
    let a_month: u64 = tasks
        .iter()
        .map(|task| u64::from(FINE / period(task)))
        .sum();
    format!(
        "{} tasks, about {} a night",
        tasks.len(),
        a_month.div_ceil(u64::from(FINE))
    )
}

/// A task in parts that every period divides well.
const FINE: u32 = 1 << 20;

fn budgets(budget: &Budget) -> String {
    let Budget {
        per_run: _,
        per_month,
        keep_free,
        pace,
        per_report,
        per_target,
    } = budget;
    let mut out = String::new();
    if let Some(units) = per_month {
        let _ = writeln!(
            out,
            "per_month     {units} units from one reset of the workspace to the next"
        );
    }
    match keep_free {
        Some(ReservedUnits::Units(units)) => {
            let _ = writeln!(out, "keep_free     {units} units of the workspace's limit");
        }
        Some(ReservedUnits::Percent(percent)) => {
            let _ = writeln!(out, "keep_free     {percent}% of the workspace's limit");
        }
        None => {}
    }
    if *pace {
        out.push_str(
            "pace          what is left is spread over the nights until the reset; tasks that do not fit are deferred\n",
        );
    }
    for (key, shares) in [("per_report", per_report), ("per_target", per_target)] {
        for (name, units) in shares {
            let _ = writeln!(out, "{key}    {name}: {units} units a run");
        }
    }
    out
}

/// Values of what varies that are shown: keywords come in thousands.
const SHOWN_VALUES: usize = 20;

fn describe_report(out: &mut String, report: &Report, tasks: &[&Task]) {
    let _ = writeln!(out, "\n{}  ({})", report.name, report.endpoint.name);
    let targets = match report.targets.len() {
        0 => String::new(),
        number => format!("{number} targets, "),
    };
    let _ = writeln!(
        out,
        "  {} columns, {targets}{} tasks",
        report.columns.len(),
        tasks.len()
    );
    if report.every != Cadence::DAY {
        let nights = report.every.nights();
        let a_night = tasks
            .len()
            .div_ceil(usize::try_from(nights).unwrap_or(usize::MAX));
        let _ = writeln!(
            out,
            "  every {}: about {a_night} of its tasks a night",
            report.every
        );
    }
    let _ = writeln!(out, "  {}", price(report, tasks.first().copied()));
    for (name, value) in &report.parameters {
        let differs = name == "history" && value == DEFAULT_HISTORY;
        let note = if differs {
            "  (the API's own default is all_time, which costs more)"
        } else {
            ""
        };
        let _ = writeln!(out, "  {name} = {value}{note}");
    }
    for (name, values) in &report.varying {
        let shown = values
            .iter()
            .take(SHOWN_VALUES)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(", ");
        let more = match values.len().saturating_sub(SHOWN_VALUES) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(out, "  {name} = {shown}{more}");
    }
    if let Some(since) = report.since {
        let _ = writeln!(out, "  since {since}");
    }
    if report.changes.is_some() {
        let _ = writeln!(
            out,
            "  changes: all live rows the first night, then what came or went since the last complete one"
        );
        let _ = writeln!(
            out,
            "  the latest night's word on a row counts, by {}",
            report.endpoint.identity.join(", ")
        );
    }
    if let Some(top) = &report.top {
        let _ = writeln!(
            out,
            "  the {} rows of a task with the greatest {}",
            top.rows, top.by
        );
    }
    if let Some(rows) = report.max_rows {
        let _ = writeln!(
            out,
            "  at most {rows} rows a task; reaching it is reported as capped"
        );
    }
}

fn price(report: &Report, task: Option<&Task>) -> String {
    match task {
        None => "nothing to fetch".to_owned(),
        Some(task) if task.costs_nothing() => "free".to_owned(),
        Some(task) if task.units_per_row == 0 => match report.endpoint.pricing {
            Pricing::Fixed(units) => format!("{units} units a request"),
            Pricing::Free | Pricing::PerRow => "free".to_owned(),
        },
        Some(task) if task.order_key.is_empty() => {
            let is_whole = report.endpoint.parameter("limit").is_none();
            let how = if is_whole {
                "answered whole"
            } else {
                "one answer: it cannot be paged, and may be capped"
            };
            format!("{} units a row; {how}", task.units_per_row)
        }
        Some(task) => format!(
            "{} units a row, {} of them for {} by {}",
            task.units_per_row,
            task.surcharge_per_row,
            if report.top.is_some() {
                "ranking"
            } else {
                "paging"
            },
            task.order_key.join(", ")
        ),
    }
}

fn bill(tasks: &[Task], config: &RunConfig) -> String {
    let bound = match total(tasks) {
        CostBound::AtMost(units)
            if config
                .reports
                .iter()
                .all(|report| report.every == Cadence::DAY) =>
        {
            format!("at most {units} units")
        }
        CostBound::AtMost(units) => format!("at most {units} units if all are due at once"),
        CostBound::Unbounded => {
            "no upper bound of units (all rows of some reports are fetched)".to_owned()
        }
    };
    match (config.budget.per_run, config.budget.per_month) {
        (Some(units), _) => format!("{bound}; the budget stops a run at {units} units"),
        (None, Some(_)) => format!("{bound}; the budget of the month stops a run"),
        (None, None) => {
            format!("{bound}; no budget is set, so at most {FREE_BUDGET_UNITS} units would run")
        }
    }
}
