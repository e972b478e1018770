//! What is bought together: equal questions once, and many small ones of a report in one request.
//!
//! *Twins* are tasks of one night that ask the source the same thing, though report or target have other names: two
//! clients watch one competitor. The first of them is fetched, the others get its answers. A *pack* is one request for up
//! to [`MAX_TARGETS`] targets, where the operation has such a request and it is cheaper. Both change what a task costs,
//! never its rows.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::bound_alone;
use super::task::Task;
use crate::catalog::{Catalog, Endpoint};
use crate::config::{Report, RunConfig};
use crate::model::Night;
use crate::stable_hash::StableHash;

/// Targets that one request takes at most.
pub const MAX_TARGETS: usize = 100;

/// The column by which the rows of a pack are told apart: the place of the target in the request, from 0.
pub const INDEX: &str = "index";

/// How a task comes to its answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Bought {
    /// By requests of its own.
    #[default]
    Alone,
    /// By the answers of another task of the night.
    Twin,
    /// By a request that it shares with other targets; one of them stands first.
    Packed {
        /// Whether it is that one.
        is_first: bool,
    },
}

/// Tasks that are bought together, by index. Several groups are a pack; the tasks of a group are twins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lot {
    /// The groups; none is empty.
    pub groups: Vec<Vec<usize>>,
}

/// Identifies what a task asks of the source and how its answers are read: equal for tasks that the same answers serve.
pub fn question(config: &RunConfig, task: &Task) -> String {
    let mut hash = StableHash::new("question-1");
    hash.add_pairs(&task.query);
    task.spec.hash_all(&mut hash);
    let report = config.reports.get(task.report);
    hash.add(&format!("{:?}", report.map(|report| report.on_bad_value)));
    hash.finish()
}

/// The operation whose one request answers for many targets what the report asks, with its column for each of the
/// report's; `None` where there is none, or where it knows another day than the night's.
pub fn batch_of(
    report: &Report,
    is_of_today: bool,
) -> Option<(&'static Endpoint, Vec<(String, String)>)> {
    let endpoint = report.endpoint;
    if report.filter.is_some() || report.top.is_some() || report.changes.is_some() {
        return None;
    }
    if endpoint.takes_many_targets() {
        return Some((
            endpoint,
            report
                .columns
                .iter()
                .map(|column| (column.clone(), column.clone()))
                .collect(),
        ));
    }
    let batch = endpoint.batch.as_ref().filter(|_| is_of_today)?;
    let columns: Option<Vec<_>> = report
        .columns
        .iter()
        .map(|column| Some((column.clone(), batch.columns.get(column)?.clone())))
        .collect();
    Some((Catalog::embedded().endpoint(&batch.operation)?, columns?))
}

/// What is selected in a pack: what joins the rows, and the report's columns.
pub fn packed_columns(columns: &[(String, String)]) -> Vec<String> {
    let own = columns
        .iter()
        .map(|(_, batch)| batch.clone())
        .filter(|name| name != INDEX);
    std::iter::once(INDEX.to_owned()).chain(own).collect()
}

/// Units of a pack of so many targets.
pub fn packed_units(endpoint: &Endpoint, columns: &[(String, String)], targets: usize) -> u64 {
    let columns = packed_columns(columns);
    let per_row = endpoint.units_per_row(columns.iter().map(String::as_str));
    endpoint.units_per_request(u64::try_from(targets).unwrap_or(u64::MAX), per_row)
}

/// The part of `units` that falls to one of so many: parts differ by one at most, and their sum is the whole.
pub fn part(units: u64, of: usize, index: usize) -> u64 {
    let of = u64::try_from(of).unwrap_or(u64::MAX).max(1);
    units / of + u64::from(u64::try_from(index).is_ok_and(|index| index < units % of))
}

/// What tells the packs of one run apart: night, report, and what else is asked beside the target.
type Key = (Night, usize, Vec<(String, String)>);

/// Puts tasks into lots, in the order of their first tasks. `today` is the day that operations without a past answer for.
pub fn lots(config: &RunConfig, tasks: &[(Night, &Task)], today: Night) -> Vec<Lot> {
    let mut place: BTreeMap<(Night, String), usize> = BTreeMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, (night, task)) in tasks.iter().enumerate() {
        let place = *place
            .entry((*night, question(config, task)))
            .or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    let mut packs: BTreeMap<Key, Vec<Vec<usize>>> = BTreeMap::new();
    let mut lots: Vec<Lot> = Vec::new();
    for group in groups {
        let first = group.first().and_then(|index| tasks.get(*index));
        match first.and_then(|(night, task)| key(config, *night, task, today)) {
            Some(key) => packs.entry(key).or_default().push(group),
            None => lots.push(Lot {
                groups: vec![group],
            }),
        }
    }
    for groups in packs.into_values() {
        // Of equal size: a small rest would cost the minimum of a request.
        let size = groups
            .len()
            .div_ceil(groups.len().div_ceil(MAX_TARGETS).max(1))
            .max(1);
        lots.extend(groups.chunks(size).map(|groups| Lot {
            groups: groups.to_vec(),
        }));
    }
    lots.sort_by_key(|lot| lot.groups.first().and_then(|group| group.first()).copied());
    lots
}

/// The pack that a task may go into. A target with a budget of its own pays its own requests; a free one pays none.
fn key(config: &RunConfig, night: Night, task: &Task, today: Night) -> Option<Key> {
    let report = config.reports.get(task.report)?;
    batch_of(report, night == today)?;
    let target = config.targets.get(task.target?)?;
    let pays_alone = task.costs_nothing() || config.budget.per_target.contains_key(&target.name);
    (!pays_alone).then(|| (night, task.report, task.parameters.clone()))
}

/// Says of each task how it is bought, and brings its bound of units down to its part. `is_answered` tells questions of a
/// night that need not be asked any more.
pub fn share<'a>(
    config: &RunConfig,
    tasks: impl IntoIterator<Item = (Night, &'a mut Task)>,
    today: Night,
    answered: &BTreeSet<(Night, String)>,
) {
    let mut tasks: Vec<(Night, &mut Task)> = tasks.into_iter().collect();
    let seen: Vec<(Night, &Task)> = tasks
        .iter()
        .map(|(night, task)| (*night, &**task))
        .collect();
    let mut shares: Vec<(Bought, Option<u64>)> = Vec::new();
    shares.resize(tasks.len(), (Bought::Alone, None));
    for Lot { groups } in lots(config, &seen, today) {
        let bought = groups.len();
        for (place, group) in groups.iter().enumerate() {
            for (nth, index) in group.iter().enumerate() {
                let (Some((night, task)), Some(share)) = (seen.get(*index), shares.get_mut(*index))
                else {
                    continue;
                };
                let is_twin = nth > 0 || answered.contains(&(*night, question(config, task)));
                *share = match (is_twin, bought) {
                    (true, _) => (Bought::Twin, Some(0)),
                    (false, 1) => (Bought::Alone, None),
                    (false, _) => (
                        Bought::Packed {
                            is_first: place == 0,
                        },
                        packed_part(config, task, bought, place),
                    ),
                };
            }
        }
    }
    for ((_, task), (bought, units)) in tasks.iter_mut().zip(shares) {
        task.bought = bought;
        task.bound_units = units.or_else(|| bound_alone(config, task));
    }
}

fn packed_part(config: &RunConfig, task: &Task, of: usize, place: usize) -> Option<u64> {
    let (endpoint, columns) = batch_of(config.reports.get(task.report)?, true)?;
    Some(part(packed_units(endpoint, &columns, of), of, place))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{self, Environment};
    use crate::plan::{Selection, tasks_of_any_night};

    fn config(targets: usize, reports: &str) -> RunConfig {
        let targets: Vec<String> = (0..targets)
            .map(|number| {
                format!(
                    "{{ name = \"t{number}\", url = \"site{}.com\" }}",
                    number / 2
                )
            })
            .collect();
        let text = format!(
            "source = {{ api_key = {{ env = \"AHREFS_API_KEY\" }} }}\ndestination = {{ url = \"data\" }}\n\
             target = [{}]\n{reports}",
            targets.join(", ")
        );
        let config = config::parse(&text, Path::new("backhaul.toml"), &Environment::default());
        config
            .map_err(|errors| errors.render())
            .expect("a sound configuration")
    }

    fn report(name: &str, endpoint: &str, more: &str) -> String {
        format!("[[report]]\nname = \"{name}\"\nendpoint = \"site-explorer/{endpoint}\"\n{more}\n")
    }

    fn shared(config: &RunConfig, today: &str) -> Vec<Task> {
        let night = "2026-11-23".parse().expect("a date");
        let mut tasks = tasks_of_any_night(config, night, &Selection::default()).expect("tasks");
        share(
            config,
            tasks.iter_mut().map(|task| (night, task)),
            today.parse().expect("a date"),
            &BTreeSet::new(),
        );
        tasks
    }

    #[test]
    fn parts_differ_by_one_and_add_up() {
        for (units, of) in [(900, 300), (50, 3), (0, 7), (7, 100)] {
            let parts: Vec<u64> = (0..of).map(|index| part(units, of, index)).collect();
            assert_eq!(parts.iter().sum::<u64>(), units);
            let (least, most) = (parts.iter().min().copied(), parts.iter().max().copied());
            assert!(
                most.zip(least)
                    .is_some_and(|(most, least)| most - least <= 1)
            );
        }
    }

    #[test]
    fn the_same_question_is_paid_for_once_whatever_asks_it() {
        let anchors =
            report("a", "anchors", "max_rows = 10") + &report("b", "anchors", "max_rows = 10");
        let tasks = shared(&config(4, &anchors), "2026-11-23");
        let paid: Vec<_> = tasks
            .iter()
            .map(|task| task.bought == Bought::Alone)
            .collect();
        assert_eq!(paid, [true, false, true, false, false, false, false, false]);
        assert!(
            tasks
                .iter()
                .all(|task| (task.bound_units == Some(0)) == (task.bought == Bought::Twin))
        );
        let other =
            report("a", "anchors", "max_rows = 10") + &report("b", "anchors", "max_rows = 11");
        assert_eq!(
            shared(&config(1, &other), "2026-11-23")
                .iter()
                .filter(|task| task.bought == Bought::Twin)
                .count(),
            0
        );
    }

    #[test]
    fn ratings_of_many_sites_are_three_units_each_and_only_on_the_day() {
        let config = config(600, &report("rating", "domain-rating", ""));
        let tasks = shared(&config, "2026-11-23");
        assert_eq!(
            tasks
                .iter()
                .filter_map(|task| task.bound_units)
                .sum::<u64>(),
            900
        );
        let first = tasks
            .iter()
            .filter(|task| task.bought == Bought::Packed { is_first: true })
            .count();
        assert_eq!(first, 3, "three requests");
        let late = shared(&config, "2026-11-24");
        assert_eq!(
            late.iter().filter_map(|task| task.bound_units).sum::<u64>(),
            15_000
        );
    }

    #[test]
    fn a_small_rest_does_not_cost_a_minimum() {
        let tasks = shared(
            &config(202, &report("rating", "domain-rating", "")),
            "2026-11-23",
        );
        assert_eq!(
            tasks
                .iter()
                .filter_map(|task| task.bound_units)
                .sum::<u64>(),
            303
        );
    }
}
