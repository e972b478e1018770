//! `columns`: presets, names, `+name` and `-name` → the columns of a table, in order.

use std::collections::BTreeMap;

use toml::Spanned;

use super::changes;
use crate::catalog::{Changes, Column, Endpoint, Presets, nearest};
use crate::config::document::{Document, Section};
use crate::config::resolved::Report;
use crate::error::ErrorCode;

/// The preset where a report says nothing.
const DEFAULT_PRESET: &str = "standard";

/// The parameter with which `full` holds the columns that compare two dates.
const DATE_COMPARED: &str = "date_compared";

/// What each preset of a table stands for, by its name.
pub type PresetColumns = BTreeMap<String, Vec<String>>;

/// Columns, and the words that they were chosen with.
pub(super) struct ColumnChoice {
    /// Unique, in the order written.
    pub columns: Vec<String>,
    /// Presets, names, `+name` and `-name`; empty where the operation leaves no choice.
    pub column_selectors: Vec<String>,
}

/// The report's columns. `parameters` are those that the report sets: some columns exist only without some of them.
pub(super) fn columns(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> ColumnChoice {
    if !endpoint.has_select() {
        if let Some(node) = section.get("columns") {
            let message = format!("{} has no choice of columns", endpoint.name);
            let label = "take this out: it always sends, and bills, all of them";
            document.fault(ErrorCode::Column, message, node.span(), label);
        }
        let columns = endpoint
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        return ColumnChoice {
            columns,
            column_selectors: Vec::new(),
        };
    }
    let recorded = PresetColumns::new();
    let mut choice = Choice {
        endpoint,
        parameters,
        recorded: &recorded,
        columns: Vec::new(),
    };
    if section.get("columns").is_none() {
        choice.add_preset(DEFAULT_PRESET);
        return ColumnChoice {
            columns: choice.columns,
            column_selectors: vec![DEFAULT_PRESET.to_owned()],
        };
    }
    let before = document.num_faults();
    let words = document.texts(section, "columns").unwrap_or_default();
    for word in &words {
        if let Err(fault) = choice.apply(word.get_ref()) {
            fault.told(document, endpoint, word);
        }
    }
    if choice.columns.is_empty()
        && document.num_faults() == before
        && let Some(node) = section.get("columns")
    {
        document.fault(
            ErrorCode::Column,
            "no column is left",
            node.span(),
            "begin with a preset or a name",
        );
    }
    let column_selectors = words
        .iter()
        .map(|word| (*word.get_ref()).to_owned())
        .collect();
    ColumnChoice {
        columns: choice.columns,
        column_selectors,
    }
}

impl Report {
    /// Chooses the columns again, where what a preset stands for was recorded for the table: a preset stays what it was
    /// when the table first used it. What a newer catalog no longer has is left out.
    pub fn use_presets(&mut self, recorded: &PresetColumns) {
        let mut choice = Choice {
            endpoint: self.endpoint,
            parameters: &self.parameters,
            recorded,
            columns: Vec::new(),
        };
        // The words were checked; one that takes out what the recorded preset does not hold changes nothing.
        let applied = self
            .column_selectors
            .iter()
            .filter(|word| choice.apply(word).is_ok())
            .count();
        if applied == 0 || choice.columns.is_empty() {
            return;
        }
        self.columns = with_needed(self.endpoint, self.changes, choice.columns);
    }

    /// The presets that the report names, each with what it stands for in this version.
    pub fn presets(&self) -> PresetColumns {
        let named = self
            .column_selectors
            .iter()
            .filter(|word| Presets::NAMES.contains(&word.as_str()));
        named
            .map(|preset| {
                (
                    preset_name(preset, &self.parameters),
                    preset_columns(self.endpoint, preset, &self.parameters),
                )
            })
            .collect()
    }
}

/// The columns with those that rows cannot do without: what tells changes, and the day of a row of a history.
pub(super) fn with_needed(
    endpoint: &Endpoint,
    changes: Option<&Changes>,
    mut columns: Vec<String>,
) -> Vec<String> {
    let dated = endpoint.history_column().map(|column| &column.name);
    if let Some(dated) = dated.filter(|dated| !columns.is_empty() && !columns.contains(dated)) {
        columns.insert(0, dated.clone());
    }
    match changes {
        Some(changes) => changes::columns(endpoint, changes, columns),
        None => columns,
    }
}

/// The name under which a preset is recorded: `full` with a date to compare with is another one.
fn preset_name(preset: &str, parameters: &[(String, String)]) -> String {
    if compares(preset, parameters) {
        format!("{preset} with {DATE_COMPARED}")
    } else {
        preset.to_owned()
    }
}

fn compares(preset: &str, parameters: &[(String, String)]) -> bool {
    preset == "full" && parameters.iter().any(|(name, _)| name == DATE_COMPARED)
}

/// What a preset stands for by the catalog; an operation whose entry has none offers all that the vendor does not call
/// deprecated and that needs no date to compare with.
fn preset_columns(
    endpoint: &Endpoint,
    preset: &str,
    parameters: &[(String, String)],
) -> Vec<String> {
    let named = endpoint.presets.get(preset).unwrap_or_default();
    let current = |column: &&Column| !column.deprecated;
    let names = |columns: Vec<&Column>| {
        columns
            .into_iter()
            .map(|column| column.name.clone())
            .collect::<Vec<_>>()
    };
    let mut columns = if named.is_empty() {
        names(
            endpoint
                .columns
                .iter()
                .filter(current)
                .filter(|column| !endpoint.compares_dates(column))
                .collect(),
        )
    } else {
        named.to_vec()
    };
    if compares(preset, parameters) {
        let compared = endpoint
            .columns
            .iter()
            .filter(current)
            .filter(|column| endpoint.compares_dates(column));
        columns.extend(compared.map(|column| column.name.clone()));
    }
    columns
}

/// The columns chosen so far.
struct Choice<'a> {
    endpoint: &'a Endpoint,
    parameters: &'a [(String, String)],
    /// What presets stand for instead of what the catalog says.
    recorded: &'a PresetColumns,
    columns: Vec<String>,
}

impl Choice<'_> {
    fn apply(&mut self, written: &str) -> Result<(), Fault> {
        if Presets::NAMES.contains(&written) {
            self.add_preset(written);
            return Ok(());
        }
        if written.starts_with(['+', '-']) && self.columns.is_empty() {
            return Err(Fault::ChangesNothing);
        }
        let name = written.trim_start_matches(['+', '-']);
        let column = self.endpoint.column(name).ok_or(Fault::Unknown)?;
        if written.starts_with('-') {
            let before = self.columns.len();
            self.columns.retain(|chosen| chosen != name);
            return if before == self.columns.len() {
                Err(Fault::NotColumnChoice)
            } else {
                Ok(())
            };
        }
        if let Some((parameter, value)) = conflict(self.endpoint, self.parameters, column) {
            return Err(Fault::Conflict { parameter, value });
        }
        self.add(name);
        Ok(())
    }

    fn add_preset(&mut self, preset: &str) {
        let recorded = self
            .recorded
            .get(&preset_name(preset, self.parameters))
            .cloned();
        for name in
            recorded.unwrap_or_else(|| preset_columns(self.endpoint, preset, self.parameters))
        {
            let column = self.endpoint.column(&name);
            if column
                .is_some_and(|column| conflict(self.endpoint, self.parameters, column).is_none())
            {
                self.add(&name);
            }
        }
    }

    fn add(&mut self, name: &str) {
        if !self.columns.iter().any(|chosen| chosen == name) {
            self.columns.push(name.to_owned());
        }
    }
}

/// Why a word chooses nothing.
enum Fault {
    ChangesNothing,
    Unknown,
    NotColumnChoice,
    Conflict { parameter: String, value: String },
}

impl Fault {
    fn told(self, document: &mut Document<'_>, endpoint: &Endpoint, word: &Spanned<&str>) {
        let written = *word.get_ref();
        let name = written.trim_start_matches(['+', '-']);
        let (message, label) = match self {
            Self::ChangesNothing => (
                format!("`{written}` changes nothing yet"),
                "begin with `minimal`, `standard`, `full`, or names",
            ),
            Self::NotColumnChoice => (
                format!("`{name}` is not among the columns so far"),
                "take this out",
            ),
            Self::Conflict { parameter, value } => (
                format!(
                    "{} has no `{name}` with `{parameter} = \"{value}\"`",
                    endpoint.name
                ),
                "take the column out, or change the parameter",
            ),
            Self::Unknown => return unknown(document, endpoint, word, name),
        };
        document.fault(ErrorCode::Column, message, word.span(), label);
    }
}

fn unknown(document: &mut Document<'_>, endpoint: &Endpoint, word: &Spanned<&str>, name: &str) {
    let names = endpoint.columns.iter().map(|column| column.name.as_str());
    let label = match nearest(name, names.chain(Presets::NAMES))
        .map(|near| (near, endpoint.column(near)))
    {
        Some((near, Some(column))) => format!("did you mean `{near}` ({})?", price(column.units)),
        Some((near, None)) => format!("did you mean `{near}`?"),
        None => "no column is near it in spelling".to_owned(),
    };
    let message = format!("{} has no column `{name}`", endpoint.name);
    let next = format!("backhaul catalog {}", endpoint.name);
    document.fault_next(ErrorCode::Column, message, word.span(), &label, next);
}

/// The parameter value with which the column cannot be selected, if that is the one in force.
pub(super) fn conflict(
    endpoint: &Endpoint,
    parameters: &[(String, String)],
    column: &Column,
) -> Option<(String, String)> {
    let (parameter, value) = column.not_with.as_ref()?;
    let set = parameters
        .iter()
        .find(|(name, _)| name == parameter)
        .map(|(_, value)| value.as_str());
    let default = endpoint
        .parameter(parameter)
        .and_then(|parameter| parameter.default.as_deref());
    (set.or(default) == Some(value)).then(|| (parameter.clone(), value.clone()))
}

fn price(units: u64) -> String {
    if units == 1 {
        "1 unit a row".to_owned()
    } else {
        format!("{units} units a row")
    }
}
