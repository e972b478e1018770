//! What an operation requires, and the line of the file that supplies it.

use super::parameter_value::example;
use super::varying_parameters::{VaryingParameter, list_key};
use crate::catalog::{Endpoint, Parameter, ParameterKind};
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

/// What the report supplies.
pub(super) struct Supplied<'a> {
    /// Fixed parameters.
    pub parameters: &'a [(String, String)],
    /// Parameters that vary.
    pub varying: &'a [VaryingParameter],
    /// Whether the report sets how far back a history goes.
    pub has_since: bool,
}

impl Supplied<'_> {
    fn has(&self, endpoint: &Endpoint, name: &str) -> bool {
        match name {
            // What is missing of these is reported where they are read: targets, columns, the first day.
            "target" | "targets" | "select" | "output" => true,
            "date_from" if endpoint.is_history() => self.has_since,
            "date" => match endpoint.parameter(name) {
                Some(parameter) => parameter.kind == ParameterKind::Date,
                None => false,
            },
            "keywords" => self.varies("keyword_list"),
            _ => self.varies(name) || self.parameters.iter().any(|(known, _)| known == name),
        }
    }

    fn varies(&self, name: &str) -> bool {
        self.varying.iter().any(|(known, _)| known == name)
    }
}

/// Refuses a report that lacks what its operation requires, naming the line to add.
pub(super) fn refuse_missing(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    supplied: &Supplied<'_>,
) {
    for parameter in endpoint.inputs() {
        // A history's table is laid out by the days that were asked for, also where the API would choose them.
        let is_required =
            parameter.required || (parameter.name == "date_from" && endpoint.is_history());
        // A value that is set and invalid was reported already.
        let is_missing = is_required
            && !is_written(section, &parameter.name)
            && !supplied.has(endpoint, &parameter.name);
        if is_missing {
            let line = missing_line(endpoint, parameter);
            let message = format!("{} requires `{}`", endpoint.name, line.key);
            let (span, hint) = (section.span.clone(), line.hint());
            document.error_at_with_hint(ErrorCode::Parameter, message, span, line.label, hint);
        }
    }
    for group in &endpoint.requires_one_of {
        refuse_unless_one(document, section, endpoint, supplied, group);
    }
}

fn is_written(section: &Section<'_>, parameter: &str) -> bool {
    let other_key = match parameter {
        "keyword" => Some("keyword_lists"),
        "date_from" => Some("since"),
        _ => list_key(parameter),
    };
    section.get(parameter).is_some() || other_key.is_some_and(|key| section.get(key).is_some())
}

/// Refuses a report that supplies none of a group of parameters, or several.
fn refuse_unless_one(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    supplied: &Supplied<'_>,
    group: &[String],
) {
    let mut num_supplied = 0;
    let mut is_written = section.get("keyword_lists").is_some();
    let mut hints = Vec::new();
    for name in group {
        if supplied.has(endpoint, name) {
            num_supplied += 1;
        }
        if let Some(key) = list_key(name) {
            is_written |= section.get(key).is_some();
        }
        if let Some(parameter) = endpoint.parameter(name) {
            hints.push(missing_line(endpoint, parameter).hint());
        }
    }
    let span = section.span.clone();
    if num_supplied > 1 {
        let names = group.join("` and `");
        let message = format!("{} takes one of `{names}`, not both", endpoint.name);
        let label = "remove one of them from this report";
        document.error_at(ErrorCode::Parameter, message, span, label);
    } else if num_supplied == 0 && !is_written {
        let names = group.join("` or `");
        let message = format!("{} requires `{names}`", endpoint.name);
        let hint = hints.join("; or ");
        document.error_at_with_hint(ErrorCode::Parameter, message, span, MISSING, hint);
    }
}

const MISSING: &str = "missing in this report";

/// A line of the file that supplies a parameter.
struct MissingLine {
    key: String,
    label: &'static str,
    text: String,
    is_of_file: bool,
}

impl MissingLine {
    fn of_report(key: &str, value: &str) -> Self {
        Self {
            key: key.to_owned(),
            label: MISSING,
            text: format!("{key} = {value}"),
            is_of_file: false,
        }
    }

    fn hint(&self) -> String {
        let part = if self.is_of_file { "file" } else { "report" };
        format!("add to the {part}: {}", self.text)
    }
}

fn missing_line(endpoint: &Endpoint, parameter: &Parameter) -> MissingLine {
    match parameter.name.as_str() {
        "keyword" | "keywords" => MissingLine {
            key: "keyword_lists".to_owned(),
            label: "the configuration has no keyword list",
            text: "[[keyword_list]] with name = \"brand\" and keywords = [\"acme\"]".to_owned(),
            is_of_file: true,
        },
        "date_from" => {
            let line = if endpoint.is_history() {
                MissingLine::of_report("since", "\"2024-01-01\"")
            } else {
                MissingLine::of_report("date_from", "\"-28d\"")
            };
            MissingLine {
                label: "the first day is missing",
                ..line
            }
        }
        "country" => MissingLine::of_report("countries", "[\"us\"]"),
        name => match (list_key(name), &parameter.kind) {
            (Some(key), ParameterKind::List(item)) => {
                MissingLine::of_report(key, &format!("[{}]", example(item)))
            }
            (Some(key), kind) => MissingLine::of_report(key, &format!("[{}]", example(kind))),
            (None, kind) => MissingLine::of_report(name, &example(kind)),
        },
    }
}
