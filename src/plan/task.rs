//! Tasks: one report for one value of everything that varies, the target among them.

use std::collections::BTreeSet;

use chrono::NaiveDate;

use super::once::{Bought, share};
use super::query::Subject;
use super::segments::{self, Segments};
use super::select::Selection;
use super::{bill, night};
use crate::catalog::Pricing;
use crate::config::{Report, RunConfig};
use crate::error::Result;
use crate::model::{Night, TaskId};
use crate::stable_hash::StableHash;
use crate::table::TaskSpec;

/// Hexadecimal digits of an id: 64 bits, so that two of a million tasks share one with a chance of one in 10⁷.
const ID_DIGITS: usize = 16;

/// One report for one value of everything that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The same on every night and every machine, as long as the same thing is asked.
    pub id: TaskId,
    /// Index into [`RunConfig::reports`].
    pub report: usize,
    /// Index into [`RunConfig::targets`]; `None` where no target is looked up.
    pub target: Option<usize>,
    /// What else varies, as `_<name>` columns of the table: `country`.
    pub parameters: Vec<(String, String)>,
    /// Every query parameter but those that paging sets (`select`, `where`, `order_by`, `limit`), in catalog order.
    pub query: Vec<(String, String)>,
    /// The keywords of each of its requests, where a list of them is looked up; the query holds the first.
    pub segments: Segments,
    /// The columns of K that paging starts with, behind the one that ranks where a ranking is wanted; empty where the
    /// operation cannot be paged.
    pub order_key: Vec<String>,
    /// Units of one row, the surcharge included. 0 where the operation is free or priced by the request.
    pub units_per_row: u64,
    /// The part of it that columns cost which only paging needs.
    pub surcharge_per_row: u64,
    /// Columns that cost more than the catalog says, and how much more: their price is told by the parameters.
    pub extra_units: Vec<(String, u64)>,
    /// The most rows that the task can have; `None`: as many as the source holds.
    pub bound_rows: Option<u64>,
    /// The most units that the task can cost, as it is bought; `None`: no bound.
    pub bound_units: Option<u64>,
    /// How it is bought among the tasks of its night.
    pub bought: Bought,
    /// The source charges nothing for this target or keyword, up to 100 rows a request.
    pub is_free_target: bool,
    /// The source charges nothing for what the report asks.
    pub is_free: bool,
    /// What is asked. Kept with saved answers and committed rows, so that a later run can tell what no longer answers it.
    pub spec: TaskSpec,
}

impl Task {
    /// The task of one of its requests: with the keywords of that segment, and no more rows than they can bring. Of a task
    /// without segments the only one is itself.
    pub fn segment(&self, place: usize) -> Option<Self> {
        let Some(keywords) = self.segments.get(place) else {
            return (place == 0 && self.segments.is_empty()).then(|| self.clone());
        };
        let mut task = Self {
            segments: vec![keywords.clone()],
            ..self.clone()
        };
        for (_, value) in task
            .query
            .iter_mut()
            .filter(|(name, _)| name == segments::KEYWORDS)
        {
            value.clone_from(keywords);
        }
        if self.segments.len() > 1 {
            let share = |rows| {
                segments::num_keywords(keywords) * segments::rows_of_keyword(&self.segments, rows)
            };
            task.bound_rows = self.bound_rows.map(|rows| rows.min(share(rows)));
        }
        Some(task)
    }

    /// What its due dates are spread by: what is looked up, under whatever name, so that tasks that can share an answer are
    /// due together. Columns, filters and bounds may change without moving it.
    pub fn cadence_key(&self) -> TaskId {
        let mut hash = StableHash::new("slot-1");
        self.spec.hash_lookup(&mut hash);
        TaskId(hash.finish().chars().take(ID_DIGITS).collect())
    }

    /// Whether no request of it is charged for.
    pub fn costs_nothing(&self) -> bool {
        self.is_free_target || self.is_free
    }
}

/// The tasks of a night, by report, target and what varies, in file order.
///
/// # Errors
/// [`crate::error::Code::Usage`] or [`crate::error::Code::Target`] where the selection names what the configuration
/// lacks; [`crate::error::Code::Date`] where the night is in the future, or the operation cannot answer for it.
pub fn tasks(
    config: &RunConfig,
    night: Night,
    today: NaiveDate,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let night = night::night(Some(night), today)?;
    night::check_all(config, &selection.reports(config)?, night, today, true)?;
    let mut tasks = tasks_of_any_night(config, night, selection)?;
    share(
        config,
        tasks.iter_mut().map(|task| (night, task)),
        today,
        &BTreeSet::new(),
    );
    Ok(tasks)
}

/// The same, each task bought alone, for a night of which it does not matter whether its operations can still answer for it: what is left of an
/// unfinished night, or what was committed.
///
/// # Errors
/// [`crate::error::Code::Usage`] or [`crate::error::Code::Target`] where the selection names what the configuration lacks.
pub fn tasks_of_any_night(
    config: &RunConfig,
    night: Night,
    selection: &Selection,
) -> Result<Vec<Task>> {
    let selected = selection.targets(config)?;
    let mut tasks = Vec::new();
    for index in selection.reports(config)? {
        let Some(report) = config.reports.get(index) else {
            continue;
        };
        let positions = report
            .targets
            .iter()
            .filter(|position| selected.contains(position))
            .map(|at| Some(*at));
        // Where a target is selected, what is about no target is not meant.
        let untargeted =
            (report.targets.is_empty() && selection.targets.is_empty()).then_some(None);
        for position in positions.chain(untargeted) {
            for varying in combinations(&report.varying) {
                let target = position.and_then(|at| config.targets.get(at));
                let subject = Subject {
                    config,
                    report,
                    target,
                    varying: &varying,
                    night,
                };
                let task = task(&subject);
                tasks.push(Task {
                    report: index,
                    target: position,
                    ..task
                });
            }
        }
    }
    Ok(tasks)
}

/// The task of a subject, without its places in the configuration.
fn task(subject: &Subject<'_>) -> Task {
    let Subject {
        report,
        target,
        varying,
        night,
        ..
    } = *subject;
    let order_key = order_key(report);
    let extra_units = bill::extra_units(report, night);
    let (units_per_row, surcharge_per_row) = units_per_row(report, &order_key, &extra_units);
    let (query, segments) = subject.query();
    let bound_rows = bill::bound_rows(subject, &segments);
    let is_paged = !order_key.is_empty() || report.endpoint.has_offset();
    let is_free_target = bill::is_free(subject);
    let mut task = Task {
        id: task_id(
            &report.name,
            target.map_or("", |target| &target.name),
            varying,
        ),
        report: 0,
        target: None,
        spec: subject.spec(&query),
        query,
        parameters: varying.to_vec(),
        segments,
        units_per_row,
        surcharge_per_row,
        extra_units,
        bound_rows,
        bound_units: None,
        bought: Bought::Alone,
        is_free_target,
        is_free: report.is_free(),
        order_key,
    };
    task.bound_units = bill::bound_units(report, &task, is_paged);
    task
}

/// A task as people are told of it: report, target if it looks up one, and what else varies (`keywords acme country=us`).
pub fn task_label<'a>(
    report: &str,
    target: &str,
    parameters: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> String {
    let varying = parameters
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"));
    let parts = [report, target]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(str::to_owned);
    parts.chain(varying).collect::<Vec<_>>().join(" ")
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

/// K at its start: its first column, and those that the report selects anyway; under a grouping aggregation the columns that
/// the catalog names for it, no other. Behind the column that ranks, where a ranking is wanted.
fn order_key(report: &Report) -> Vec<String> {
    let endpoint = report.endpoint;
    if endpoint.parameter("limit").is_none() {
        return Vec::new();
    }
    let grouped = report
        .parameter("aggregation")
        .and_then(|aggregation| endpoint.group_columns.get(aggregation));
    let stands = |(at, column): (usize, &String)| {
        grouped.is_some() || at == 0 || report.columns.contains(column)
    };
    let key = grouped
        .unwrap_or(&endpoint.order_key)
        .iter()
        .enumerate()
        .filter(|place| stands(*place));
    let by = report.top.as_ref().map(|top| &top.by);
    by.into_iter()
        .chain(
            key.map(|(_, column)| column)
                .filter(|column| Some(*column) != by),
        )
        .cloned()
        .collect()
}

/// Units of one row of a report, with the columns that only paging needs; 0 where rows have no price. It is the same on every
/// night, but where a column is priced by months that are counted from a day of the calendar.
pub fn price_per_row(report: &Report, night: Night) -> u64 {
    units_per_row(
        report,
        &order_key(report),
        &bill::extra_units(report, night),
    )
    .0
}

/// Units of one row with K, and how much of it is K's surcharge.
fn units_per_row(report: &Report, order_key: &[String], extra: &[(String, u64)]) -> (u64, u64) {
    let endpoint = report.endpoint;
    if endpoint.pricing != Pricing::PerRow || report.is_free() {
        return (0, 0);
    }
    let filtered = report.filter_columns();
    let own = || report.columns.iter().chain(&filtered).map(String::as_str);
    let without = endpoint.units_per_row(own());
    let with = endpoint.units_per_row(own().chain(order_key.iter().map(String::as_str)));
    let extra: u64 = extra
        .iter()
        .filter(|(column, _)| report.columns.contains(column))
        .map(|(_, units)| units)
        .sum();
    (with + extra, with - without)
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
    fn a_task_is_named_by_what_it_looks_up() {
        let varying = [("country".to_owned(), "us".to_owned())];
        let label = |target, varying: &[(String, String)]| {
            task_label(
                "one",
                target,
                varying.iter().map(|(name, value)| (name, value)),
            )
        };
        let labels = [
            label("acme", &varying),
            label("acme", &[]),
            label("", &varying),
            label("", &[]),
        ];
        assert_eq!(
            labels,
            ["one acme country=us", "one acme", "one country=us", "one"]
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
