//! Everything that a destination holds of a target: partitions, tasks, saved responses, claims.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::context::run_context::RunContext;
use crate::error::Result;
use crate::landing::ResponseHeader;
use crate::model::{SnapshotDate, TaskId};
use crate::plan::{self, Selection, task_id};
use crate::state::names::night_of;
use crate::state::night_record;
use crate::state::selection::targets_in_destination;
use crate::state::system_tables::KnownTarget;
use crate::table::manifest::PartitionState;
use crate::table::{COVERAGE, TARGETS, recorded_parameters};

/// What was found.
#[derive(Default)]
pub(crate) struct TargetData {
    /// Tables and partitions whose state names the target.
    pub partitions: BTreeSet<(String, String)>,
    /// Tasks that have saved responses.
    pub saved: BTreeSet<(SnapshotDate, TaskId)>,
    /// Tasks that another process may work on.
    pub claims: BTreeSet<(SnapshotDate, TaskId)>,
    /// Words that mean this target only: its name, and its URL unless another target has it too.
    pub words: BTreeSet<String>,
    /// Tasks of the target.
    own: BTreeSet<TaskId>,
    /// Tasks of other targets.
    others: BTreeSet<TaskId>,
    /// System tables that name the target.
    system_tables: BTreeSet<String>,
}

impl TargetData {
    /// Reads states, records and saved responses.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if they cannot be read.
    pub fn find(context: &RunContext, target: &str) -> Result<Self> {
        let mut data = Self::default();
        data.add_words(context, target)?;
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
                data.add_task(Some(night), task, planned.target == target);
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
        let mut tables = self.system_tables.clone();
        for (table, _) in &self.partitions {
            tables.insert(table.clone());
        }
        tables
    }

    fn add_words(&mut self, context: &RunContext, target: &str) -> Result<()> {
        let mut urls: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (name, KnownTarget { url, .. }) in targets_in_destination(&context.store)? {
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
        for (url, names) in urls {
            if !url.is_empty() && names == own {
                self.words.insert(url);
            }
        }
        self.words.insert(target.to_owned());
        Ok(())
    }

    /// The tasks that the configuration plans for the target, started or not: a run may start them now.
    fn add_configuration(&mut self, context: &RunContext, target: &str) -> Result<()> {
        let tonight = SnapshotDate::new(context.clock.today());
        for task in plan::tasks_of_any_night(&context.config, tonight, &Selection::default())? {
            let is_own = context.target_name(&task) == target;
            self.add_task(Some(tonight), task.id, is_own);
        }
        Ok(())
    }

    fn add_state(&mut self, state: &PartitionState, target: &str) {
        let night = night_of(&state.partition);
        let committed = state.committed.iter();
        let pending = state.pending.iter().map(|pending| &pending.next);
        let mut tasks = Vec::new();
        for committed in committed.chain(pending) {
            for entry in &committed.tasks {
                // A period of a history holds many nights: only the last one of a task may still be fetched.
                let last = entry.history.as_ref().map(|history| history.night);
                tasks.push((&entry.task, &entry.target, last));
            }
        }
        for task in &state.unfinished {
            tasks.push((&task.task, &task.target, task.night));
        }
        for (task, owner, last) in tasks {
            self.add_task(last.or(night), task.clone(), owner == target);
            if owner == target {
                self.partitions
                    .insert((state.report.clone(), state.partition.clone()));
                self.system_tables.insert(COVERAGE.to_owned());
            }
        }
    }

    fn add_task(&mut self, night: Option<SnapshotDate>, task: TaskId, is_own: bool) {
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

    /// Whether saved responses are of the target: by its tasks; where no record has the task any more, by the request.
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
        for (name, url) in &header.request.query {
            if name == "target" {
                if self.words.contains(url) {
                    return Ok(true);
                }
                break;
            }
        }
        if self.names(&body(&header)) {
            return Ok(true);
        }
        let mut tables = context.store.tables()?;
        for report in &context.config.reports {
            tables.push(report.name.clone());
        }
        for table in tables {
            if possible_ids(context, &table, target, &header)?.contains(task) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The body of a request as JSON; null where it has none.
fn body(header: &ResponseHeader) -> Json {
    match &header.request.body {
        Some(text) => serde_json::from_str(text).unwrap_or_default(),
        None => Json::Null,
    }
}

/// The ids that a task of the target would have in a table, with the parameters of the request.
fn possible_ids(
    context: &RunContext,
    table: &str,
    target: &str,
    header: &ResponseHeader,
) -> Result<[TaskId; 3]> {
    let record = context.store.table(table)?;
    let body = body(header);
    let mut requested: Vec<(String, String)> = Vec::new();
    for name in recorded_parameters(&record.columns) {
        let mut query = header.request.query.iter();
        if let Some(parameter) = query.find(|(known, _)| *known == name) {
            requested.push(parameter.clone());
        } else if let Some(Json::String(value)) = body.get(&name) {
            requested.push((name, value.clone()));
        }
    }
    let mut sorted = requested.clone();
    sorted.sort();
    Ok([
        task_id(table, target, &requested),
        task_id(table, target, &sorted),
        task_id(table, target, &[]),
    ])
}
