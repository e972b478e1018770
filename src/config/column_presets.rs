//! Presets, names, `+name` and `-name` → the columns of a table, in order. Pure.

use std::collections::BTreeMap;

use super::resolved::Report;
use crate::catalog::{Changes, Column, Endpoint, Presets};

/// The preset of a report without `columns`.
pub(super) const DEFAULT_PRESET: &str = "standard";

/// The parameter with which `full` has the columns that compare two dates.
const DATE_COMPARED: &str = "date_compared";

/// The columns of each preset of a table, by its name.
pub type PresetColumns = BTreeMap<String, Vec<String>>;

impl Report {
    /// Chooses the columns again, with the presets recorded for the table: a preset stays what it was when the table first
    /// used it. Columns that a newer catalog no longer has are left out.
    pub fn use_presets(&mut self, recorded: &PresetColumns) {
        let mut selection = ColumnSelection::new(self.endpoint, &self.parameters, recorded);
        let mut num_applied = 0;
        for selector in &self.column_selectors {
            // The selectors were checked; one that removes what the recorded preset does not have changes nothing.
            if selection.apply(selector).is_ok() {
                num_applied += 1;
            }
        }
        if num_applied == 0 || selection.columns.is_empty() {
            return;
        }
        self.columns = with_needed(self.endpoint, self.changes, selection.columns);
    }

    /// The presets that the report names, each with its columns in this version.
    pub fn presets(&self) -> PresetColumns {
        let mut presets = PresetColumns::new();
        for selector in &self.column_selectors {
            if Presets::NAMES.contains(&selector.as_str()) {
                let columns = preset_columns(self.endpoint, selector, &self.parameters);
                presets.insert(preset_name(selector, &self.parameters), columns);
            }
        }
        presets
    }
}

/// The columns selected so far.
pub(super) struct ColumnSelection<'a> {
    endpoint: &'a Endpoint,
    parameters: &'a [(String, String)],
    /// Columns of presets that differ from those of the catalog.
    recorded: &'a PresetColumns,
    /// Unique, in the order written.
    pub columns: Vec<String>,
}

/// Why a selector selects nothing.
pub(super) enum SelectorError {
    /// `+name` or `-name` before any column.
    NothingToChange,
    /// The operation has no such column.
    UnknownColumn,
    /// `-name` of a column that is not selected.
    NotSelected,
    /// The operation does not have the column with this value of a parameter.
    Conflict {
        /// Name of the parameter.
        parameter: String,
        /// Its value.
        value: String,
    },
}

impl<'a> ColumnSelection<'a> {
    /// No columns yet. `parameters` are those that the report sets: some columns exist only without some of them.
    pub fn new(
        endpoint: &'a Endpoint,
        parameters: &'a [(String, String)],
        recorded: &'a PresetColumns,
    ) -> Self {
        Self {
            endpoint,
            parameters,
            recorded,
            columns: Vec::new(),
        }
    }

    /// Adds or removes what a selector names.
    ///
    /// # Errors
    /// Why it selects nothing.
    pub fn apply(&mut self, selector: &str) -> Result<(), SelectorError> {
        if Presets::NAMES.contains(&selector) {
            self.add_preset(selector);
            return Ok(());
        }
        if selector.starts_with(['+', '-']) && self.columns.is_empty() {
            return Err(SelectorError::NothingToChange);
        }
        let name = column_name(selector);
        let Some(column) = self.endpoint.column(name) else {
            return Err(SelectorError::UnknownColumn);
        };
        if selector.starts_with('-') {
            let num_before = self.columns.len();
            self.columns.retain(|selected| selected != name);
            if self.columns.len() == num_before {
                return Err(SelectorError::NotSelected);
            }
            return Ok(());
        }
        if let Some((parameter, value)) = conflict(self.endpoint, self.parameters, column) {
            return Err(SelectorError::Conflict { parameter, value });
        }
        self.add(name);
        Ok(())
    }

    /// Adds the columns of a preset that exist with the report's parameters.
    pub fn add_preset(&mut self, preset: &str) {
        let name = preset_name(preset, self.parameters);
        let columns = match self.recorded.get(&name) {
            Some(recorded) => recorded.clone(),
            None => preset_columns(self.endpoint, preset, self.parameters),
        };
        for name in columns {
            let Some(column) = self.endpoint.column(&name) else {
                continue;
            };
            if conflict(self.endpoint, self.parameters, column).is_none() {
                self.add(&name);
            }
        }
    }

    fn add(&mut self, name: &str) {
        if !self.columns.iter().any(|selected| selected == name) {
            self.columns.push(name.to_owned());
        }
    }
}

/// The column that `name`, `+name` or `-name` is about.
pub(super) fn column_name(selector: &str) -> &str {
    selector.trim_start_matches(['+', '-'])
}

/// The columns with those that rows need: what shows changes, and the day of a row of a history.
pub(super) fn with_needed(
    endpoint: &Endpoint,
    changes: Option<&Changes>,
    mut columns: Vec<String>,
) -> Vec<String> {
    if let Some(day) = endpoint.history_column()
        && !columns.is_empty()
        && !columns.contains(&day.name)
    {
        columns.insert(0, day.name.clone());
    }
    let Some(changes) = changes else {
        return columns;
    };
    // Without what identifies and dates a row, the nights could not be added up.
    let dates = [&changes.new, &changes.lost];
    for name in endpoint.identity.iter().chain(dates) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}

/// The parameter value with which the column cannot be selected, if that is the one in force.
pub(super) fn conflict(
    endpoint: &Endpoint,
    parameters: &[(String, String)],
    column: &Column,
) -> Option<(String, String)> {
    let (parameter, value) = column.not_with.as_ref()?;
    let mut in_force = None;
    if let Some(parameter) = endpoint.parameter(parameter) {
        in_force = parameter.default.as_deref();
    }
    for (name, set) in parameters {
        if name == parameter {
            in_force = Some(set.as_str());
        }
    }
    (in_force == Some(value)).then(|| (parameter.clone(), value.clone()))
}

/// The name under which a preset is recorded: `full` with a date to compare with is another one.
fn preset_name(preset: &str, parameters: &[(String, String)]) -> String {
    if compares_dates(preset, parameters) {
        format!("{preset} with {DATE_COMPARED}")
    } else {
        preset.to_owned()
    }
}

fn compares_dates(preset: &str, parameters: &[(String, String)]) -> bool {
    preset == "full" && parameters.iter().any(|(name, _)| name == DATE_COMPARED)
}

/// The columns of a preset by the catalog; an operation without presets has all columns that are not deprecated and need
/// no date to compare with.
fn preset_columns(
    endpoint: &Endpoint,
    preset: &str,
    parameters: &[(String, String)],
) -> Vec<String> {
    let mut columns = endpoint.presets.get(preset).unwrap_or_default().to_vec();
    let has_preset = !columns.is_empty();
    let with_compared = compares_dates(preset, parameters);
    let mut compared = Vec::new();
    for column in &endpoint.columns {
        if column.deprecated {
            continue;
        }
        if endpoint.compares_dates(column) {
            compared.push(column.name.clone());
        } else if !has_preset {
            columns.push(column.name.clone());
        }
    }
    if with_compared {
        columns.extend(compared);
    }
    columns
}
