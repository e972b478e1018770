//! Tasks: one report for one value of everything that varies, the target among them.

use super::segments::{KEYWORDS, Segments, num_keywords, rows_of_keyword};
use crate::model::TaskId;
use crate::stable_hash::StableHash;
use crate::table::TaskSpec;

/// Hexadecimal digits of an id: 64 bits, so that two of a million tasks share one with a chance of one in 10⁷.
const ID_DIGITS: usize = 16;

/// How a task comes to its answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Purchase {
    /// By requests of its own.
    #[default]
    Own,
    /// By the answers of another task of the night.
    Shared,
    /// By a request that it shares with other targets; one of them stands first.
    Batched {
        /// Whether it is that one.
        is_first: bool,
    },
}

/// One report for one value of everything that varies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// The same on every night and every machine, as long as the same thing is asked.
    pub id: TaskId,
    /// Index into [`crate::config::RunConfig::reports`].
    pub report: usize,
    /// Index into [`crate::config::RunConfig::targets`]; `None` where no target is looked up.
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
    /// The most units that the task can cost, the way it gets its answers; `None`: no bound.
    pub bound_units: Option<u64>,
    /// How it gets its answers among the tasks of its night.
    pub purchase: Purchase,
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
    pub fn segment(&self, index: usize) -> Option<Self> {
        let Some(keywords) = self.segments.get(index) else {
            return if index == 0 && self.segments.is_empty() {
                Some(self.clone())
            } else {
                None
            };
        };
        let mut task = Self {
            segments: vec![keywords.clone()],
            ..self.clone()
        };
        for (name, value) in &mut task.query {
            if name == KEYWORDS {
                value.clone_from(keywords);
            }
        }
        if let (2.., Some(rows)) = (self.segments.len(), self.bound_rows) {
            let share = num_keywords(keywords) * rows_of_keyword(&self.segments, rows);
            task.bound_rows = Some(rows.min(share));
        }
        Some(task)
    }

    /// What its due dates are spread by: what is looked up, under whatever name, so that tasks that can share an answer are
    /// due together. Columns, filters and bounds may change without moving it.
    pub fn cadence_key(&self) -> TaskId {
        let mut hash = StableHash::new("slot-1");
        self.spec.hash_lookup(&mut hash);
        TaskId::new(hash.finish().chars().take(ID_DIGITS).collect::<String>())
    }

    /// Whether no request of it is charged for.
    pub fn costs_nothing(&self) -> bool {
        self.is_free_target || self.is_free
    }
}

/// What tells a task from others, for people: report, target if it looks up one, and what else varies
/// (`keywords acme country=us`).
pub fn task_label<'a>(
    report: &str,
    target: &str,
    parameters: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> String {
    let mut parts = Vec::new();
    for name in [report, target] {
        if !name.is_empty() {
            parts.push(name.to_owned());
        }
    }
    for (name, value) in parameters {
        parts.push(format!("{name}={value}"));
    }
    parts.join(" ")
}

/// Report, target and what varies, by name: there is one task of them in a night. How the target is asked about may change.
pub fn task_id(report: &str, target: &str, parameters: &[(String, String)]) -> TaskId {
    let mut hash = StableHash::new("task-2");
    hash.add(report);
    hash.add(target);
    hash.add_pairs(parameters);
    TaskId::new(hash.finish().chars().take(ID_DIGITS).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
