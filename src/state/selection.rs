//! What a selection means in a destination: tables, partitions and targets as they are recorded there, whether or not the
//! configuration still has them.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::nearest;
use crate::config::RunConfig;
use crate::error::{Error, ErrorCode, Result};
use crate::plan::{Selection, is_meant};
use crate::state::night_record;
use crate::state::periods::period_of;
use crate::state::system_tables::{KnownTarget, known_targets};
use crate::store::{Store, UNPARTITIONED};
use crate::table::manifest::PartitionState;
use crate::table::{is_system_table, parse_segment};

/// A selection, resolved.
pub(crate) struct ResolvedSelection<'a> {
    store: &'a Store,
    selection: &'a Selection,
    /// The tables, by name.
    pub tables: Vec<String>,
    /// Names of the targets; `None`: all.
    targets: Option<BTreeSet<String>>,
}

impl<'a> ResolvedSelection<'a> {
    /// Resolves a selection against the destination and the configuration.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if nothing was ever committed there, [`ErrorCode::Usage`] for a table and [`ErrorCode::Target`] for a
    /// target that neither of them knows.
    pub fn new(config: &RunConfig, store: &'a Store, selection: &'a Selection) -> Result<Self> {
        let mut tables = store.tables()?;
        if tables.is_empty() {
            let message = format!("nothing was ever committed in {}", store.location());
            return Err(Error::new(ErrorCode::Destination, message).with_hint("backhaul run"));
        }
        for report in &selection.reports {
            if !tables.contains(report) {
                let near = nearest(report, tables.iter().map(String::as_str));
                let next = near.map(|near| format!("did you mean --report {near}?"));
                return Err(Error::new(
                    ErrorCode::Usage,
                    format!("the destination has no table `{report}`"),
                )
                .with_context("tables", tables.join(", "))
                .with_hint(
                    next.unwrap_or_else(|| {
                        "give --report the name of a table from above".to_owned()
                    }),
                ));
            }
        }
        tables.retain(|table| selection.reports.is_empty() || selection.reports.contains(table));
        let targets = if selection.targets.is_empty() {
            None
        } else {
            Some(targets(config, store, selection)?)
        };
        Ok(Self {
            store,
            selection,
            tables,
            targets,
        })
    }

    /// Whether nothing was left out.
    pub fn is_everything(&self) -> bool {
        self.selection.reports.is_empty() && !self.selection.is_partial()
    }

    /// The states of a table's partitions that are meant, each with its name. One that cannot be read is an error of its
    /// own. With targets only those that hold one of them are meant, or say that one of them is unfinished.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if they cannot be listed.
    pub fn states(&self, table: &str) -> Result<Vec<(String, Result<PartitionState>)>> {
        let mut states = Vec::new();
        for partition in self.store.partitions(table)? {
            if !self.covers(&partition) {
                continue;
            }
            match self.store.partition(table, &partition) {
                Ok(Some(state)) if self.holds(&state) => states.push((partition, Ok(state))),
                Ok(_) => {}
                Err(error) => states.push((partition, Err(error))),
            }
        }
        Ok(states)
    }

    /// Whether a partition's night is meant, or a day of its period.
    pub fn covers(&self, partition: &str) -> bool {
        is_selected(self.selection, partition)
    }

    fn holds(&self, state: &PartitionState) -> bool {
        let Some(targets) = &self.targets else {
            return true;
        };
        !is_system_table(&state.report) && targets_of(state).any(|target| targets.contains(target))
    }
}

/// Whether a selection means a partition, by its night or a day of its period.
pub fn is_selected(selection: &Selection, partition: &str) -> bool {
    let has_nights = selection.date.is_some() || selection.between.is_some();
    if partition == UNPARTITIONED {
        return !has_nights;
    }
    if let Some(period) = period_of(partition) {
        return selection.overlaps(period);
    }
    if let Some((_, value)) = parse_segment(partition)
        && let Ok(night) = value.parse()
    {
        return selection.covers(night);
    }
    !has_nights
}

/// The targets that a partition's state names.
pub(crate) fn targets_of(state: &PartitionState) -> impl Iterator<Item = &String> {
    let committed = state
        .committed
        .iter()
        .chain(state.pending.iter().map(|pending| &pending.next));
    let held = committed
        .flat_map(|committed| &committed.tasks)
        .map(|entry| &entry.target);
    held.chain(state.unfinished.iter().map(|task| &task.target))
}

/// Every target that the destination knows by name: from the states of its partitions, the records of its nights and its
/// table of targets, with URL and labels where that table has them.
///
/// # Errors
/// [`ErrorCode::Destination`] if the destination cannot be read.
pub(crate) fn targets_in_destination(store: &Store) -> Result<BTreeMap<String, KnownTarget>> {
    let mut named = known_targets(store)?;
    for table in store.tables()? {
        for partition in store.partitions(&table)? {
            let Some(state) = store.partition(&table, &partition)? else {
                continue;
            };
            for target in targets_of(&state) {
                named.entry(target.clone()).or_default();
            }
        }
    }
    for record in night_record::load_open_nights(store)?.into_values() {
        for planned in record.tasks.into_values() {
            named.entry(planned.target).or_default();
        }
    }
    Ok(named)
}

fn targets(config: &RunConfig, store: &Store, selection: &Selection) -> Result<BTreeSet<String>> {
    let named = targets_in_destination(store)?;
    let mut chosen = BTreeSet::new();
    for wanted in &selection.targets {
        let mut found = BTreeSet::new();
        for target in &config.targets {
            if is_meant(&target.name, &target.url, &target.labels, wanted) {
                found.insert(target.name.clone());
            }
        }
        for (name, known) in &named {
            let labels = serde_json::from_str(&known.labels).unwrap_or_default();
            if is_meant(name, &known.url, &labels, wanted) {
                found.insert(name.clone());
            }
        }
        if found.is_empty() {
            return Err(unknown_target(config, &named, wanted));
        }
        chosen.extend(found);
    }
    Ok(chosen)
}

/// The refusal of a name that neither the configuration nor the destination knows.
pub(crate) fn unknown_target(
    config: &RunConfig,
    named: &BTreeMap<String, KnownTarget>,
    wanted: &str,
) -> Error {
    /// Enough to recognise one's own list without flooding the terminal.
    const SHOWN: usize = 10;
    let configured = config.targets.iter().map(|target| target.name.as_str());
    let names: BTreeSet<&str> = named.keys().map(String::as_str).chain(configured).collect();
    let near =
        nearest(wanted, names.iter().copied()).map(|near| format!("did you mean --target {near}?"));
    let next = near.unwrap_or_else(|| {
        let more = if names.len() > SHOWN { ", …" } else { "" };
        format!(
            "one of: {}{more}",
            names
                .iter()
                .take(SHOWN)
                .copied()
                .collect::<Vec<_>>()
                .join(", ")
        )
    });
    let message =
        format!("neither the configuration nor the destination knows a target `{wanted}`");
    Error::new(ErrorCode::Target, message).with_hint(next)
}
