//! Units of a month at the configured cadence: an upper bound where there is one, else the minimum.

use std::fmt::Write as _;

use crate::config::{Report, RunConfig};
use crate::plan::{self, MonthlyCost, Task};
use crate::report::{count_noun, format_count};

/// The cost of a month, in all and by report, the first load of histories, and ways to fit the month's budget.
pub(super) fn describe_monthly_cost(config: &RunConfig, tasks: &[Task]) -> String {
    let all: Vec<&Task> = tasks.iter().collect();
    let MonthlyCost { least, most } = plan::monthly_cost(config, &all);
    let least = format_count(least);
    let bounds = match most {
        Some(most) => format!("at most {}, at least {least}", format_count(most)),
        None => format!("at least {least}, with no upper bound"),
    };
    let mut text = format!(
        "units a month ({} nights, at this cadence): {bounds}",
        plan::NIGHTS_A_MONTH
    );
    if config.reports.len() > 1 || most.is_none() {
        for (index, report) in config.reports.iter().enumerate() {
            let own: Vec<&Task> = tasks.iter().filter(|task| task.report == index).collect();
            text.push_str(&report_line(config, report, &own));
        }
    }
    let first = plan::first_load(config, tasks);
    if first > 0 {
        let _ = write!(
            text,
            "\n  histories: their first load, since `since`, may cost {} more, once; later nights request only new and \
             recent periods",
            count_noun(first, "unit")
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

/// The cost of a month of one report, on a line of its own.
fn report_line(config: &RunConfig, report: &Report, tasks: &[&Task]) -> String {
    let MonthlyCost { least, most } = plan::monthly_cost(config, tasks);
    let units = if let Some(most) = most {
        format!("at most {}", format_count(most))
    } else {
        let reason = if report.endpoint.parameter("limit").is_some() {
            "without `max_rows` all rows are fetched"
        } else {
            "the API always returns all rows"
        };
        let least = format_count(least);
        format!("at least {least}: the minimum of one request a task, since {reason}")
    };
    format!("\n  {} (every {}): {units}", report.name, report.every)
}
