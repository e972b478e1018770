//! All that a destination holds of a target: partitions, tasks, saved responses, claims.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::landing::ResponseHeader;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Selection, task_id};
use crate::state::night_record;
use crate::state::selection::targets_in_destination;
use crate::table::manifest::PartitionState;
use crate::table::{COVERAGE, TARGETS, parse_segment, recorded_parameters};

/// What was found.
#[derive(Default)]
pub(crate) struct TargetData {
    /// Tables and partitions whose state names the target.
    pub partitions: BTreeSet<(String, String)>,
    /// Tasks of which answers are saved.
    pub saved: BTreeSet<(SnapshotDate, TaskId)>,
    /// Tasks that somebody may be at.
    pub claims: BTreeSet<(SnapshotDate, TaskId)>,
    /// Words that mean the target and nobody else: its name, and its URL unless another target has it too.
    pub words: BTreeSet<String>,
    /// Tasks of the target.
    own: BTreeSet<TaskId>,
    /// Tasks of other targets.
    others: BTreeSet<TaskId>,
    /// Tables of the program that name the target.
    system_tables: BTreeSet<String>,
}

impl TargetData {
    /// Looks through states, records and saved answers.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if they cannot be read.
    pub fn find(context: &RunContext, target: &str) -> Result<Self> {
        let mut data = Self::default();
        data.words(context, target)?;
        data.add_configuration(context, target)?;
        for table in context.store.tables()? {
            for partition in context.store.partitions(&table)? {
                let Some(state) = context.store.partition(&table, &partition)? else {
                    continue;
                };
                data.add_state(&state, target);
            }
        }
        for (night, record) in night_record::load_open_nights(&context.store)? {
            for (task, planned) in record.tasks {
                data.note(Some(night), task, planned.target == target);
            }
        }
        for night in context.landing.nights()? {
            for task in context.landing.tasks(night)? {
                if data.is_own(context, night, &task, target)? {
                    data.claims.insert((night, task.clone()));
                    data.saved.insert((night, task));
                }
            }
        }
        Ok(data)
    }

    /// The tables that hold the target.
    pub fn tables(&self) -> BTreeSet<String> {
        let tables = self.partitions.iter().map(|(table, _)| table.clone());
        tables.chain(self.system_tables.iter().cloned()).collect()
    }

    fn words(&mut self, context: &RunContext, target: &str) -> Result<()> {
        let mut urls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, [url, ..]) in targets_in_destination(&context.store)? {
            if name == target && !url.is_empty() {
                self.system_tables.insert(TARGETS.to_owned());
            }
            urls.entry(url).or_default().insert(name);
        }
        for known in &context.config.targets {
            urls.entry(known.url.clone())
                .or_default()
                .insert(known.name.clone());
        }
        let own = BTreeSet::from([target.to_owned()]);
        self.words.extend(
            urls.into_iter()
                .filter(|(url, names)| !url.is_empty() && *names == own)
                .map(|(url, _)| url),
        );
        self.words.insert(target.to_owned());
        Ok(())
    }

    /// The tasks that the configuration makes of the target, begun or not: a run may begin them now.
    fn add_configuration(&mut self, context: &RunContext, target: &str) -> Result<()> {
        let tonight = SnapshotDate::new(context.clock.today());
        for task in plan::tasks_of_any_night(&context.config, tonight, &Selection::default())? {
            let is_own = context.target_name(&task) == target;
            self.note(Some(tonight), task.id, is_own);
        }
        Ok(())
    }

    fn add_state(&mut self, state: &PartitionState, target: &str) {
        let night = parse_segment(&state.partition).and_then(|(_, value)| value.parse().ok());
        let committed = state
            .committed
            .iter()
            .chain(state.pending.iter().map(|pending| &pending.next));
        // A period of a history holds many nights: only the last of a task may still be worked on.
        let held = committed
            .flat_map(|committed| &committed.tasks)
            .map(|entry| {
                let last = entry.history.as_ref().map(|history| history.night);
                (&entry.task, &entry.target, last)
            });
        for (task, of, last) in held.chain(
            state
                .unfinished
                .iter()
                .map(|task| (&task.task, &task.target, task.night)),
        ) {
            self.note(last.or(night), task.clone(), of == target);
            if of == target {
                self.partitions
                    .insert((state.report.clone(), state.partition.clone()));
                self.system_tables.insert(COVERAGE.to_owned());
            }
        }
    }

    fn note(&mut self, night: Option<SnapshotDate>, task: TaskId, is_own: bool) {
        if is_own {
            self.claims.extend(night.map(|night| (night, task.clone())));
            self.own.insert(task);
        } else {
            self.others.insert(task);
        }
    }

    /// Whether a value in a body is one of the target's words.
    fn names(&self, body: &Json) -> bool {
        match body {
            Json::String(text) => self.words.contains(text),
            Json::Array(parts) => parts.iter().any(|part| self.names(part)),
            Json::Object(fields) => fields.values().any(|part| self.names(part)),
            _ => false,
        }
    }

    /// Whether saved answers are of the target: by its tasks; where no record knows the task any more, by what was asked.
    fn is_own(
        &self,
        context: &RunContext,
        night: SnapshotDate,
        task: &TaskId,
        target: &str,
    ) -> Result<bool> {
        if self.own.contains(task) || self.others.contains(task) {
            return Ok(self.own.contains(task));
        }
        let Some(header) = context.landing.any_header(night, task)? else {
            return Ok(false);
        };
        let asked = header
            .request
            .query
            .iter()
            .find(|(name, _)| name == "target");
        if asked.is_some_and(|(_, url)| self.words.contains(url)) || self.names(&body(&header)) {
            return Ok(true);
        }
        let mut tables = context.store.tables()?;
        tables.extend(
            context
                .config
                .reports
                .iter()
                .map(|report| report.name.clone()),
        );
        for table in tables {
            if possible_ids(context, &table, target, &header)?.contains(task) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What a request says in its body; null where it has none.
fn body(header: &ResponseHeader) -> Json {
    header
        .request
        .body
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The ids that a task of the target would have in a table, with what varied as it was asked.
fn possible_ids(
    context: &RunContext,
    table: &str,
    target: &str,
    header: &ResponseHeader,
) -> Result<[TaskId; 3]> {
    let record = context.store.table(table)?;
    let body = body(header);
    let value = |name: &String| {
        let listed = || Some((name.clone(), body.get(name)?.as_str()?.to_owned()));
        header
            .request
            .query
            .iter()
            .find(|(known, _)| known == name)
            .cloned()
            .or_else(listed)
    };
    let asked: Vec<(String, String)> = recorded_parameters(&record.columns)
        .iter()
        .filter_map(value)
        .collect();
    let mut sorted = asked.clone();
    sorted.sort();
    Ok([
        task_id(table, target, &asked),
        task_id(table, target, &sorted),
        task_id(table, target, &[]),
    ])
}
