//! Tasks: one report for one target and one value of everything that varies.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;

use super::bill::{bound_rows, bound_units, is_free};
use super::night;
use super::select::Selection;
use crate::catalog::Pricing;
use crate::config::{Report, RunConfig, StableHash, Target};
use crate::error::Result;
use crate::model::{Night, TaskId};

/// Hexadecimal digits of an id: 64 bits, so that two of a million tasks share one with a chance of one in 10⁷.
const ID_DIGITS: usize = 16;

/// One report for one target and one value of everything that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The same on every night and every machine, as long as the same thing is asked.
    pub id: TaskId,
    /// Index into [`RunConfig::reports`].
    pub report: usize,
    /// Index into [`RunConfig::targets`].
    pub target: usize,
    /// What varies, as `_<name>` columns of the table: `country`.
    pub parameters: Vec<(String, String)>,
    /// Every query parameter but those that paging sets (`select`, `where`, `order_by`, `limit`), in catalog order.
    pub query: Vec<(String, String)>,
    /// The columns of K that paging starts with, behind the one that ranks where a ranking is wanted; empty where the
    /// operation cannot be paged.
    pub order_key: Vec<String>,
    /// Units of one row, the surcharge included. 0 where the operation is free or priced by the request.
    pub units_per_row: u64,
    /// The part of it that columns cost which only paging needs.
    pub surcharge_per_row: u64,
    /// The most rows that the task can have; `None`: as many as the source holds.
    pub bound_rows: Option<u64>,
    /// The most units that the task can cost; `None`: no bound.
    pub bound_units: Option<u64>,
    /// The source charges nothing for this target, up to 100 rows a request.
    pub is_free_target: bool,
    /// What is asked, by name: the operation, its parameters but for the night's own dates, the filter, the columns and the
    /// fuse. Kept with saved answers and committed rows, so that a later run can tell what no longer answers it.
    pub asked: BTreeMap<String, String>,
}

/// Name of the columns in [`Task::asked`].
const COLUMNS: &str = "columns";

/// Name of the ranking in [`Task::asked`].
const TOP: &str = "top";

/// Name of a report of changes in [`Task::asked`].
const REPORT_MODE: &str = "report_mode";

/// The day since when changes were asked for, beside what a task asks; absent from a base. Not a reason to fetch again.
pub const CHANGES_SINCE: &str = "changes_since";

/// Name of the fuse in [`Task::asked`].
pub const MAX_ROWS: &str = "max_rows";

impl Task {
    /// What this task asks that rows fetched for `asked` do not answer, by name; nothing if they do. Columns that are no
    /// longer wanted are no reason to fetch again, nor is a fuse that did not end the fetching.
    pub fn unanswered_by(&self, asked: &BTreeMap<String, String>, was_capped_by_max_rows: bool) -> Vec<String> {
        let names: BTreeSet<&String> = self.asked.keys().chain(asked.keys()).collect();
        let mut changed = Vec::new();
        for name in names {
            let (wanted, had) = (self.asked.get(name), asked.get(name));
            match name.as_str() {
                COLUMNS => {
                    let had: Vec<&str> = had.map(|had| had.split(',').collect()).unwrap_or_default();
                    let new =
                        wanted.into_iter().flat_map(|wanted| wanted.split(',')).filter(|name| !had.contains(name));
                    changed.extend(new.map(|column| format!("column {column}")));
                }
                MAX_ROWS => {
                    let rows =
                        |text: Option<&String>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(u64::MAX);
                    if was_capped_by_max_rows && rows(wanted) > rows(had) {
                        changed.push(name.clone());
                    }
                }
                CHANGES_SINCE => {}
                _ if wanted != had => changed.push(name.clone()),
                _ => {}
            }
        }
        changed
    }
}

/// The columns that stand in [`Task::asked`].
pub fn columns_asked(asked: &BTreeMap<String, String>) -> Option<Vec<String>> {
    Some(asked.get(COLUMNS)?.split(',').map(str::to_owned).collect())
}

/// Column and rows of the ranking that stands in [`Task::asked`].
pub fn ranking_asked(asked: &BTreeMap<String, String>) -> Option<(String, u64)> {
    let (by, rows) = asked.get(TOP)?.split_once(' ')?;
    Some((by.to_owned(), rows.parse().ok()?))
}

/// Whether what was asked were changes, and since when: no day for a base.
pub fn changes_asked(asked: &BTreeMap<String, String>) -> Option<Option<NaiveDate>> {
    asked.get(REPORT_MODE)?;
    Some(asked.get(CHANGES_SINCE).and_then(|day| day.parse().ok()))
}

/// The tasks of a night, by report, target and what varies, in file order.
///
/// # Errors
/// [`crate::error::Code::Usage`] or [`crate::error::Code::Target`] where the selection names what the configuration
/// lacks; [`crate::error::Code::Date`] where the night is in the future, or the operation cannot answer for it.
pub fn tasks(config: &RunConfig, night: Night, today: NaiveDate, selection: &Selection) -> Result<Vec<Task>> {
    let night = night::night(Some(night), today)?;
    night::check_all(config, &selection.reports(config)?, night, today, true)?;
    tasks_of_any_night(config, night, selection)
}

/// The same for a night of which it does not matter whether its operations can still answer for it: what is left of an
/// unfinished night, or what was committed.
///
/// # Errors
/// [`crate::error::Code::Usage`] or [`crate::error::Code::Target`] where the selection names what the configuration lacks.
pub fn tasks_of_any_night(config: &RunConfig, night: Night, selection: &Selection) -> Result<Vec<Task>> {
    let selected = selection.targets(config)?;
    let mut tasks = Vec::new();
    for index in selection.reports(config)? {
        let Some(report) = config.reports.get(index) else { continue };
        for position in report.targets.iter().filter(|position| selected.contains(position)) {
            let Some(target) = config.targets.get(*position) else { continue };
            for parameters in combinations(&report.varying) {
                tasks.push(task(report, index, target, *position, parameters, night));
            }
        }
    }
    Ok(tasks)
}

fn task(
    report: &Report,
    report_index: usize,
    target: &Target,
    target_index: usize,
    parameters: Vec<(String, String)>,
    night: Night,
) -> Task {
    let order_key = order_key(report);
    let (units_per_row, surcharge_per_row) = units_per_row(report, &order_key);
    let bound_rows = bound_rows(report, &parameters, night);
    let is_paged = !order_key.is_empty();
    let query = query(report, target, &parameters, night);
    Task {
        id: task_id(&report.name, &target.name, &parameters),
        report: report_index,
        target: target_index,
        asked: asked(report, &query),
        query,
        parameters,
        units_per_row,
        surcharge_per_row,
        bound_rows,
        bound_units: bound_rows.map(|rows| bound_units(report, target, rows, units_per_row, is_paged)),
        is_free_target: is_free(target),
        order_key,
    }
}

/// Every combination of the varying parameters; one empty combination where nothing varies.
fn combinations(varying: &[(String, Vec<String>)]) -> Vec<Vec<(String, String)>> {
    let mut all = vec![Vec::new()];
    for (name, values) in varying {
        all = all
            .iter()
            .flat_map(|begun: &Vec<(String, String)>| {
                values.iter().map(|value| {
                    let mut longer = begun.clone();
                    longer.push((name.clone(), value.clone()));
                    longer
                })
            })
            .collect();
    }
    all
}

/// Report, target and what varies, by name: there is one task of them in a night. How the target is asked about may change.
pub fn task_id(report: &str, target: &str, parameters: &[(String, String)]) -> TaskId {
    let mut hash = StableHash::new("task-2");
    hash.add(report);
    hash.add(target);
    hash.add_pairs(parameters);
    TaskId(hash.finish().chars().take(ID_DIGITS).collect())
}

fn asked(report: &Report, query: &[(String, String)]) -> BTreeMap<String, String> {
    // The days of a history are told by what is committed of it.
    let is_history = report.endpoint.history_column().is_some();
    let is_of_the_night =
        |name: &str| matches!(name, "date" | "date_to" | "output") || (is_history && name == "date_from");
    let mut asked: BTreeMap<String, String> =
        query.iter().filter(|(name, _)| !is_of_the_night(name)).cloned().collect();
    asked.insert("endpoint".to_owned(), report.endpoint.name.clone());
    asked.insert(COLUMNS.to_owned(), report.columns.join(","));
    asked.extend(report.filter.as_ref().map(|filter| ("where".to_owned(), filter.to_json().to_string())));
    if report.changes.is_some() {
        asked.remove("history");
        asked.insert(REPORT_MODE.to_owned(), "changes".to_owned());
    }
    asked.extend(report.top.as_ref().map(|top| (TOP.to_owned(), format!("{} {}", top.by, top.rows))));
    asked.extend(report.max_rows.map(|rows| (MAX_ROWS.to_owned(), rows.to_string())));
    asked
}

fn query(report: &Report, target: &Target, varying: &[(String, String)], night: Night) -> Vec<(String, String)> {
    let find = |pairs: &[(String, String)], name: &str| {
        pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
    };
    let value = |name: &str| match name {
        "target" => Some(target.url.clone()),
        "mode" => Some(target.mode.clone()),
        "protocol" => Some(target.protocol.clone()),
        "date" | "date_to" => Some(night.to_string()),
        "date_from" => report.since.map(|date| date.to_string()),
        "output" => Some("json".to_owned()),
        other => find(varying, other).or_else(|| find(&report.parameters, other)),
    };
    let names = report.endpoint.parameters.iter().map(|parameter| &parameter.name);
    names.filter_map(|name| Some((name.clone(), value(name)?))).collect()
}

/// K at its start: its first column, and those that the report selects anyway; under a grouping aggregation the columns that
/// the catalog names for it, no other. Behind the column that ranks, where a ranking is wanted.
fn order_key(report: &Report) -> Vec<String> {
    let endpoint = report.endpoint;
    if endpoint.parameter("limit").is_none() {
        return Vec::new();
    }
    let grouped = report.parameter("aggregation").and_then(|aggregation| endpoint.group_columns.get(aggregation));
    let stands = |(at, column): (usize, &String)| grouped.is_some() || at == 0 || report.columns.contains(column);
    let key = grouped.unwrap_or(&endpoint.order_key).iter().enumerate().filter(|place| stands(*place));
    let by = report.top.as_ref().map(|top| &top.by);
    by.into_iter().chain(key.map(|(_, column)| column).filter(|column| Some(*column) != by)).cloned().collect()
}

/// Units of one row of a report, with the columns that only paging needs; 0 where rows have no price.
pub fn price_per_row(report: &Report) -> u64 {
    units_per_row(report, &order_key(report)).0
}

/// Units of one row with K, and how much of it is K's surcharge.
fn units_per_row(report: &Report, order_key: &[String]) -> (u64, u64) {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow {
        return (0, 0);
    }
    let filtered = report.filter_columns();
    let own = || report.columns.iter().chain(&filtered).map(String::as_str);
    let without = endpoint.units_per_row(own());
    let with = endpoint.units_per_row(own().chain(order_key.iter().map(String::as_str)));
    (with, with - without)
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
    fn report(aggregation: &str) -> (Report, Target) {
        let mut config = config::parse(TEXT, Path::new("backhaul.toml"), &Environment::default())
            .map_err(|errors| errors.render())
            .expect("a sound configuration");
        let known = Catalog::embedded().endpoint("site-explorer/all-backlinks").expect("a known endpoint");
        let endpoint = Endpoint {
            order_key: ["first_seen_link", "url_from", "url_to"].map(str::to_owned).to_vec(),
            group_columns: [("similar_links".to_owned(), vec!["url_to".to_owned()])].into_iter().collect(),
            ..known.clone()
        };
        let mut report = config.reports.remove(0);
        report.endpoint = Box::leak(Box::new(endpoint));
        report.parameters.push(("aggregation".to_owned(), aggregation.to_owned()));
        (report, config.targets.remove(0))
    }

    fn first_task(aggregation: &str) -> Task {
        let (report, target) = report(aggregation);
        task(&report, 0, &target, 0, Vec::new(), "2026-11-23".parse().expect("a date"))
    }

    #[test]
    fn paging_starts_with_the_first_key_column_and_those_selected_anyway() {
        let task = first_task("all");
        assert_eq!(task.order_key, ["first_seen_link", "url_from"]);
        // url_from 1, traffic 10, class_c of the filter 5, first_seen_link 1.
        assert_eq!((task.units_per_row, task.surcharge_per_row), (17, 1));
        assert_eq!((task.bound_rows, task.bound_units), (Some(10), Some(170 + 50)));
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
            .map(|pairs| pairs.into_iter().map(|(name, value)| name + &value).collect())
            .collect();
        assert_eq!(all, ["a1b3", "a1b4", "a2b3", "a2b4"]);
        assert_eq!(combinations(&[]), [Vec::new()]);
    }
}
