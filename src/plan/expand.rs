//! From the configuration to the tasks of a night: one for each report, target and combination of what varies.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::bounds::{bound_rows, bound_units, is_free};
use super::night;
use super::price::{extra_units, order_key, units_per_row};
use super::selection::Selection;
use super::sharing::assign_shares;
use super::subject::TaskSubject;
use super::task::{Purchase, Task, task_id};
use crate::config::{Report, RunConfig};
use crate::error::Result;
use crate::model::SnapshotDate;

/// The tasks of a night, by report, target and what varies, in file order.
///
/// # Errors
/// [`crate::error::ErrorCode::Usage`] or [`crate::error::ErrorCode::Target`] where the selection names what the configuration
/// lacks; [`crate::error::ErrorCode::Date`] where the night is in the future, or the operation cannot answer for it.
pub fn tasks(
    config: &RunConfig,
    night: SnapshotDate,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let night = night::resolve_date(Some(night.date()), today)?;
    night::ensure_answerable(config, &selection.reports(config)?, night, today, true)?;
    let mut tasks = tasks_of_any_night(config, night, selection)?;
    assign_shares(
        config,
        tasks.iter_mut().map(|task| (night, task)),
        today,
        &BTreeSet::new(),
    );
    Ok(tasks)
}

/// The same, each task by requests of its own, for a night for which its operations need not be able to answer any more: what
/// is left of an unfinished night, or what was committed.
///
/// # Errors
/// [`crate::error::ErrorCode::Usage`] or [`crate::error::ErrorCode::Target`] where the selection names what the configuration lacks.
pub fn tasks_of_any_night(
    config: &RunConfig,
    night: SnapshotDate,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let selected = selection.targets(config)?;
    let mut tasks = Vec::new();
    for index in selection.reports(config)? {
        let Some(report) = config.reports.get(index) else {
            continue;
        };
        for position in positions(report, selection, &selected) {
            for varying in combinations(&report.varying) {
                let subject = TaskSubject {
                    config,
                    report,
                    target: position.and_then(|at| config.targets.get(at)),
                    varying: &varying,
                    night,
                };
                tasks.push(task(&subject, index, position));
            }
        }
    }
    Ok(tasks)
}

/// The selected targets of a report; one `None` for a report that looks up no target.
fn positions(report: &Report, selection: &Selection, selected: &[usize]) -> Vec<Option<usize>> {
    // Where a target is selected, reports without targets are not meant.
    if report.targets.is_empty() && selection.targets.is_empty() {
        return vec![None];
    }
    let mut positions = Vec::new();
    for position in &report.targets {
        if selected.contains(position) {
            positions.push(Some(*position));
        }
    }
    positions
}

fn task(subject: &TaskSubject<'_>, index: usize, position: Option<usize>) -> Task {
    let TaskSubject {
        report,
        target,
        varying,
        night,
        ..
    } = *subject;
    let order_key = order_key(report);
    let extra_units = extra_units(report, night);
    let (units_per_row, surcharge_per_row) = units_per_row(report, &order_key, &extra_units);
    let (query, segments) = subject.query();
    let bound_rows = bound_rows(subject, &segments);
    let is_paged = !order_key.is_empty() || report.endpoint.has_offset();
    let target_name = target.map_or("", |target| &target.name);
    let mut task = Task {
        id: task_id(&report.name, target_name, varying),
        report: index,
        target: position,
        spec: subject.spec(&query),
        query,
        parameters: varying.to_vec(),
        segments,
        units_per_row,
        surcharge_per_row,
        extra_units,
        bound_rows,
        bound_units: None,
        purchase: Purchase::Own,
        is_free_target: is_free(subject),
        is_free: report.is_free(),
        order_key,
    };
    task.bound_units = bound_units(report, &task, is_paged);
    task
}

/// Every combination of the varying parameters; one empty combination where nothing varies.
fn combinations(varying: &[(String, Vec<String>)]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for (name, values) in varying {
        let mut longer = Vec::with_capacity(all.len() * values.len());
        for begun in &all {
            for value in values {
                let mut pairs: Vec<(String, String)> = begun.clone();
                pairs.push((name.clone(), value.clone()));
                longer.push(pairs);
            }
        }
        all = longer;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::catalog::{Catalog, Endpoint};
    use crate::config::{self, Environment};

    const TEXT: &str = r#"
        source = { api_key = { env = "AHREFS_API_KEY" } }
        destination = { url = "data" }
        target = [{ url = "acme.com" }]
        [[report]]
        name = "links"
        endpoint = "site-explorer/all-backlinks"
        columns = ["url_from", "traffic"]
        where_json = { field = "class_c", is = ["gt", 1] }
        max_rows = 10
    "#;

    /// The report of `TEXT` with an order key of our own, so that the prices do not move with the catalog's choice.
    fn config(aggregation: &str) -> RunConfig {
        let mut config = config::parse(TEXT, Path::new("backhaul.toml"), &Environment::default())
            .map_err(|errors| errors.render())
            .expect("a sound configuration");
        let known = Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .expect("a known endpoint");
        let endpoint = Endpoint {
            order_key: ["first_seen_link", "url_from", "url_to"]
                .map(str::to_owned)
                .to_vec(),
            group_columns: [("similar_links".to_owned(), vec!["url_to".to_owned()])]
                .into_iter()
                .collect(),
            ..known.clone()
        };
        let report = config.reports.first_mut().expect("a report");
        report.endpoint = Box::leak(Box::new(endpoint));
        report
            .parameters
            .push(("aggregation".to_owned(), aggregation.to_owned()));
        config
    }

    fn first_task(aggregation: &str) -> Task {
        let config = config(aggregation);
        let night = "2026-11-23".parse().expect("a date");
        tasks_of_any_night(&config, night, &Selection::default())
            .expect("a plan")
            .remove(0)
    }

    #[test]
    fn paging_starts_with_the_first_key_column_and_those_selected_anyway() {
        let task = first_task("all");
        assert_eq!(task.order_key, ["first_seen_link", "url_from"]);
        // url_from 1, traffic 10, class_c of the filter 5, first_seen_link 1.
        assert_eq!((task.units_per_row, task.surcharge_per_row), (17, 1));
        assert_eq!(
            (task.bound_rows, task.bound_units),
            (Some(10), Some(170 + 50))
        );
    }

    #[test]
    fn under_a_grouping_only_its_columns_stand_in_the_key() {
        assert_eq!(first_task("similar_links").order_key, ["url_to"]);
    }

    #[test]
    fn every_combination_of_what_varies_is_a_task() {
        let varying = [("a", ["1", "2"]), ("b", ["3", "4"])]
            .map(|(name, values)| (name.to_owned(), values.map(str::to_owned).to_vec()));
        let all: Vec<String> = combinations(&varying)
            .into_iter()
            .map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(name, value)| name + &value)
                    .collect()
            })
            .collect();
        assert_eq!(all, ["a1b3", "a1b4", "a2b3", "a2b4"]);
        assert_eq!(combinations(&[]), [Vec::new()]);
    }
}
