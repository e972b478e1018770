//! What is fetched together: equal questions once, and many small ones of a report in one request.
//!
//! Equivalent tasks are tasks of one night that ask the source the same thing, though report or target have other names: two
//! clients watch one competitor. The first of them is fetched, the others get copies of its answers. A batch is one request
//! for up to [`MAX_TARGETS`] targets, where the operation has such a request and it costs less. Both change what a task
//! costs, never its rows.

use std::collections::{BTreeMap, BTreeSet};

use super::batches::{MAX_TARGETS, batch_operation_for, batch_units, split_evenly};
use super::bounds::own_bound;
use super::task::{Purchase, Task};
use crate::config::RunConfig;
use crate::model::SnapshotDate;
use crate::stable_hash::StableHash;
use chrono::NaiveDate;

/// Tasks that are fetched together, by index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchGroup {
    /// The questions, each with the tasks that ask it; none is empty. Several questions are a batch.
    pub questions: Vec<Vec<usize>>,
}

/// Identifies what a task asks of the source and how its answers are read: equal for tasks that the same answers serve.
pub fn question_fingerprint(config: &RunConfig, task: &Task) -> String {
    let mut hash = StableHash::new("question-1");
    hash.add_pairs(&task.query);
    task.spec.hash_all(&mut hash);
    let report = config.reports.get(task.report);
    hash.add(&format!("{:?}", report.map(|report| report.on_bad_value)));
    hash.finish()
}

/// What tells the batches of one run apart: night, report, and what else is asked beside the target.
type BatchKey = (SnapshotDate, usize, Vec<(String, String)>);

/// Puts tasks into groups, in the order of their first tasks. `today` is the day that operations without a past answer for.
pub fn group_for_fetching(
    config: &RunConfig,
    tasks: &[(SnapshotDate, &Task)],
    today: NaiveDate,
) -> Vec<FetchGroup> {
    let mut batches: BTreeMap<BatchKey, Vec<Vec<usize>>> = BTreeMap::new();
    let mut groups = Vec::new();
    for question in group_by_question(config, tasks) {
        let mut key = None;
        if let Some(first) = question.first()
            && let Some((night, task)) = tasks.get(*first)
        {
            key = batch_key(config, *night, task, today);
        }
        match key {
            Some(key) => batches.entry(key).or_default().push(question),
            None => groups.push(FetchGroup {
                questions: vec![question],
            }),
        }
    }
    for questions in batches.into_values() {
        // Of equal size: a small rest would cost the minimum of a request.
        let num_batches = questions.len().div_ceil(MAX_TARGETS).max(1);
        let size = questions.len().div_ceil(num_batches).max(1);
        for questions in questions.chunks(size) {
            groups.push(FetchGroup {
                questions: questions.to_vec(),
            });
        }
    }
    groups.sort_by_key(|group| {
        group
            .questions
            .first()
            .and_then(|tasks| tasks.first())
            .copied()
    });
    groups
}

/// Tasks that ask the same, by index, in the order of their first ones.
fn group_by_question(config: &RunConfig, tasks: &[(SnapshotDate, &Task)]) -> Vec<Vec<usize>> {
    let mut positions: BTreeMap<(SnapshotDate, String), usize> = BTreeMap::new();
    let mut questions: Vec<Vec<usize>> = Vec::new();
    for (index, (night, task)) in tasks.iter().enumerate() {
        let key = (*night, question_fingerprint(config, task));
        let position = *positions.entry(key).or_insert(questions.len());
        match questions.get_mut(position) {
            Some(tasks) => tasks.push(index),
            None => questions.push(vec![index]),
        }
    }
    questions
}

/// The batch that a task may go into. A target with a budget of its own pays its own requests; a free one pays none.
fn batch_key(
    config: &RunConfig,
    night: SnapshotDate,
    task: &Task,
    today: NaiveDate,
) -> Option<BatchKey> {
    let report = config.reports.get(task.report)?;
    batch_operation_for(report, night.date() == today)?;
    let target = config.targets.get(task.target?)?;
    if task.costs_nothing() || config.budget.per_target.contains_key(&target.name) {
        return None;
    }
    Some((night, task.report, task.parameters.clone()))
}

/// Sets of each task how it gets its answers, and brings its bound of units down to its share. `answered` are the questions
/// of a night that need not be asked any more.
pub fn assign_shares<'a>(
    config: &RunConfig,
    tasks: impl IntoIterator<Item = (SnapshotDate, &'a mut Task)>,
    today: NaiveDate,
    answered: &BTreeSet<(SnapshotDate, String)>,
) {
    let mut tasks: Vec<(SnapshotDate, &mut Task)> = tasks.into_iter().collect();
    let mut seen: Vec<(SnapshotDate, &Task)> = Vec::with_capacity(tasks.len());
    for (night, task) in &tasks {
        seen.push((*night, task));
    }
    let mut shares = vec![Share::Own; tasks.len()];
    for group in group_for_fetching(config, &seen, today) {
        let num_questions = group.questions.len();
        for (position, question) in group.questions.iter().enumerate() {
            for (nth, index) in question.iter().enumerate() {
                let (Some((night, task)), Some(share)) = (seen.get(*index), shares.get_mut(*index))
                else {
                    continue;
                };
                let key = (*night, question_fingerprint(config, task));
                if nth > 0 || answered.contains(&key) {
                    *share = Share::Shared;
                } else if num_questions > 1 {
                    let units = batch_share(config, task, num_questions, position);
                    let is_first = position == 0;
                    *share = Share::Batched { is_first, units };
                }
            }
        }
    }
    for ((_, task), share) in tasks.iter_mut().zip(shares) {
        (task.purchase, task.bound_units) = match share {
            Share::Own => (Purchase::Own, own_bound(config, task)),
            Share::Shared => (Purchase::Shared, Some(0)),
            Share::Batched { is_first, units } => (Purchase::Batched { is_first }, units),
        };
    }
}

/// How a task gets its answers, and its share of the units where that is not its own bound.
#[derive(Clone)]
enum Share {
    Own,
    Shared,
    Batched { is_first: bool, units: Option<u64> },
}

fn batch_share(config: &RunConfig, task: &Task, of: usize, position: usize) -> Option<u64> {
    let report = config.reports.get(task.report)?;
    let (endpoint, columns) = batch_operation_for(report, true)?;
    Some(split_evenly(
        batch_units(endpoint, &columns, of),
        of,
        position,
    ))
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
        assign_shares(
            config,
            tasks.iter_mut().map(|task| (night, task)),
            today.parse().expect("a date"),
            &BTreeSet::new(),
        );
        tasks
    }

    #[test]
    fn the_same_question_is_paid_for_once_whatever_asks_it() {
        let anchors =
            report("a", "anchors", "max_rows = 10") + &report("b", "anchors", "max_rows = 10");
        let tasks = shared(&config(4, &anchors), "2026-11-23");
        let paid: Vec<_> = tasks
            .iter()
            .map(|task| task.purchase == Purchase::Own)
            .collect();
        assert_eq!(paid, [true, false, true, false, false, false, false, false]);
        assert!(
            tasks
                .iter()
                .all(|task| (task.bound_units == Some(0)) == (task.purchase == Purchase::Shared))
        );
        let other =
            report("a", "anchors", "max_rows = 10") + &report("b", "anchors", "max_rows = 11");
        assert_eq!(
            shared(&config(1, &other), "2026-11-23")
                .iter()
                .filter(|task| task.purchase == Purchase::Shared)
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
            .filter(|task| task.purchase == Purchase::Batched { is_first: true })
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
