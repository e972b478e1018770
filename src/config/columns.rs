//! `columns`: presets, names, `+name` and `-name` → the columns of a table, in order.

use toml::Spanned;

use super::document::{Document, Section};
use crate::catalog::{Column, Endpoint, Presets, nearest};
use crate::error::Code;

/// The preset where a report says nothing.
const DEFAULT_PRESET: &str = "standard";

/// The preset with everything, comparisons included where there is something to compare with.
const FULL_PRESET: &str = "full";

/// The parameter that names the day to compare with.
const COMPARED: &str = "date_compared";

/// The report's columns, unique, in the order written. `parameters` are those that the report sets: some columns
/// exist only without some of them.
pub(super) fn columns(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> Vec<String> {
    if !endpoint.has_select() {
        if let Some(node) = section.get("columns") {
            let message = format!("{} has no choice of columns", endpoint.name);
            let label = "take this out: it always sends, and bills, all of them";
            document.fault(Code::Column, message, node.span(), label);
        }
        return endpoint.columns.iter().map(|column| column.name.clone()).collect();
    }
    let mut choice = Choice { endpoint, parameters, columns: Vec::new() };
    if section.get("columns").is_none() {
        choice.add_preset(DEFAULT_PRESET);
        return choice.columns;
    }
    let before = document.num_faults();
    let words = document.texts(section, "columns").unwrap_or_default();
    for word in &words {
        choice.apply(document, word);
    }
    if choice.columns.is_empty()
        && document.num_faults() == before
        && let Some(node) = section.get("columns")
    {
        document.fault(Code::Column, "no column is left", node.span(), "begin with a preset or a name");
    }
    choice.columns
}

/// The columns chosen so far.
struct Choice<'a> {
    endpoint: &'a Endpoint,
    parameters: &'a [(String, String)],
    columns: Vec<String>,
}

impl Choice<'_> {
    fn apply(&mut self, document: &mut Document<'_>, word: &Spanned<&str>) {
        let written = *word.get_ref();
        if Presets::NAMES.contains(&written) {
            self.add_preset(written);
            return;
        }
        if written.starts_with(['+', '-']) && self.columns.is_empty() {
            let label = "begin with `minimal`, `standard`, `full`, or names";
            document.fault(Code::Column, format!("`{written}` changes nothing yet"), word.span(), label);
            return;
        }
        let name = written.trim_start_matches(['+', '-']);
        let Some(column) = self.endpoint.column(name) else {
            self.unknown(document, word, name);
            return;
        };
        if written.starts_with('-') {
            let before = self.columns.len();
            self.columns.retain(|chosen| chosen != name);
            if before == self.columns.len() {
                let message = format!("`{name}` is not among the columns so far");
                document.fault(Code::Column, message, word.span(), "take this out");
            }
        } else if let Some((parameter, value)) = self.conflict(column) {
            let message = format!("{} has no `{name}` with `{parameter} = \"{value}\"`", self.endpoint.name);
            document.fault(Code::Column, message, word.span(), "take the column out, or change the parameter");
        } else {
            self.add(name);
        }
    }

    fn unknown(&self, document: &mut Document<'_>, word: &Spanned<&str>, name: &str) {
        let names = self.endpoint.columns.iter().map(|column| column.name.as_str());
        let label = match nearest(name, names.chain(Presets::NAMES)).map(|near| (near, self.endpoint.column(near))) {
            Some((near, Some(column))) => format!("did you mean `{near}` ({})?", price(column.units)),
            Some((near, None)) => format!("did you mean `{near}`?"),
            None => "no column is near it in spelling".to_owned(),
        };
        let message = format!("{} has no column `{name}`", self.endpoint.name);
        let next = format!("backhaul catalog {}", self.endpoint.name);
        document.fault_next(Code::Column, message, word.span(), &label, next);
    }

    /// A preset; an operation whose catalog entry has none offers all that the vendor does not call deprecated.
    fn add_preset(&mut self, preset: &str) {
        let endpoint = self.endpoint;
        let named = endpoint.presets.get(preset).unwrap_or_default();
        let is_compared = self.parameters.iter().any(|(name, _)| name == COMPARED);
        let mut columns: Vec<&Column> = if named.is_empty() {
            let plain = |column: &&Column| !column.deprecated && !is_comparison(endpoint, column);
            endpoint.columns.iter().filter(plain).collect()
        } else {
            named.iter().filter_map(|name| endpoint.column(name)).collect()
        };
        if is_compared && preset == FULL_PRESET {
            let compared = |column: &&Column| !column.deprecated && is_comparison(endpoint, column);
            columns.extend(endpoint.columns.iter().filter(compared));
        }
        for column in columns {
            if self.conflict(column).is_none() {
                self.add(&column.name);
            }
        }
    }

    fn add(&mut self, name: &str) {
        if !self.columns.iter().any(|chosen| chosen == name) {
            self.columns.push(name.to_owned());
        }
    }

    fn conflict(&self, column: &Column) -> Option<(String, String)> {
        conflict(self.endpoint, self.parameters, column)
    }
}

/// Whether a column says something only beside a day to compare with: what it compares is a column of its own.
fn is_comparison(endpoint: &Endpoint, column: &Column) -> bool {
    let is_of = |plain: &str| endpoint.column(plain).or_else(|| endpoint.column(&format!("sum_{plain}"))).is_some();
    let endings = ["_prev", "_diff", "_diff_percent"];
    endpoint.parameter(COMPARED).is_some()
        && (column.name == "status" || endings.iter().any(|end| column.name.strip_suffix(end).is_some_and(is_of)))
}

/// The parameter value with which the column cannot be selected, if that is the one in force.
pub(super) fn conflict(
    endpoint: &Endpoint,
    parameters: &[(String, String)],
    column: &Column,
) -> Option<(String, String)> {
    let (parameter, value) = column.not_with.as_ref()?;
    let set = parameters.iter().find(|(name, _)| name == parameter).map(|(_, value)| value.as_str());
    let default = endpoint.parameter(parameter).and_then(|parameter| parameter.default.as_deref());
    (set.or(default) == Some(value)).then(|| (parameter.clone(), value.clone()))
}

fn price(units: u64) -> String {
    if units == 1 { "1 unit a row".to_owned() } else { format!("{units} units a row") }
}
