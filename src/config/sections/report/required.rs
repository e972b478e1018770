//! What an operation cannot do without, and the line of the file that supplies it.

use super::parameter_value::example;
use super::varying_parameters::{Varying, list_of};
use crate::catalog::{Endpoint, Parameter, ParameterKind};
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

/// What the report supplies.
pub(super) struct Supplied<'a> {
    /// Fixed parameters.
    pub parameters: &'a [(String, String)],
    /// Parameters that vary.
    pub varying: &'a [Varying],
    /// Whether the report says how far back a history goes.
    pub has_since: bool,
}

impl Supplied<'_> {
    fn has(&self, endpoint: &Endpoint, name: &str) -> bool {
        let varies = |name: &str| self.varying.iter().any(|(known, _)| known == name);
        match name {
            // What is missing of these is told where they are read: targets, columns, the first day.
            "target" | "targets" | "select" | "output" => true,
            "date_from" if endpoint.is_history() => self.has_since,
            "date" => endpoint
                .parameter(name)
                .is_some_and(|parameter| parameter.kind == ParameterKind::Date),
            "keywords" => varies("keyword_list"),
            _ => varies(name) || self.parameters.iter().any(|(known, _)| known == name),
        }
    }
}

/// Refuses a report that lacks what its operation requires, naming the line to add.
pub(super) fn refuse_missing(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    supplied: &Supplied<'_>,
) {
    // A history's table is laid out by the days that were asked for, also where the API would choose them.
    let is_needed = |parameter: &&Parameter| {
        parameter.required || (parameter.name == "date_from" && endpoint.is_history())
    };
    for parameter in endpoint.inputs().filter(is_needed) {
        // A value that is there and wrong was told already.
        let is_written = section.get(&parameter.name).is_some()
            || list_of(&parameter.name).is_some_and(|list| section.get(list).is_some())
            || (parameter.name == "keyword" && section.get("keyword_lists").is_some())
            || (parameter.name == "date_from" && section.get("since").is_some());
        if !is_written && !supplied.has(endpoint, &parameter.name) {
            let line = line(endpoint, parameter);
            let message = format!("{} needs `{}`", endpoint.name, line.key);
            document.fault_next(
                ErrorCode::Parameter,
                message,
                section.span.clone(),
                line.label,
                line.next(),
            );
        }
    }
    for group in &endpoint.requires_one_of {
        let given: Vec<&String> = group
            .iter()
            .filter(|name| supplied.has(endpoint, name))
            .collect();
        let is_written = group
            .iter()
            .any(|name| list_of(name).is_some_and(|list| section.get(list).is_some()))
            || section.get("keyword_lists").is_some();
        let either = group
            .iter()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>();
        if given.len() > 1 {
            let message = format!(
                "{} takes one of {}, not both",
                endpoint.name,
                either.join(" and ")
            );
            document.fault(
                ErrorCode::Parameter,
                message,
                section.span.clone(),
                "take one of them out of this report",
            );
        } else if given.is_empty() && !is_written {
            let lines = group
                .iter()
                .filter_map(|name| endpoint.parameter(name))
                .map(|parameter| line(endpoint, parameter));
            let next = lines
                .map(|line| line.next())
                .collect::<Vec<_>>()
                .join("; or ");
            let message = format!("{} needs {}", endpoint.name, either.join(" or "));
            document.fault_next(
                ErrorCode::Parameter,
                message,
                section.span.clone(),
                "this report lacks it",
                next,
            );
        }
    }
}

/// The line that supplies a parameter.
struct Line {
    key: String,
    label: &'static str,
    text: String,
    is_of_file: bool,
}

impl Line {
    fn next(&self) -> String {
        let whereto = if self.is_of_file { "file" } else { "report" };
        format!("add to the {whereto}: {}", self.text)
    }
}

fn line(endpoint: &Endpoint, parameter: &Parameter) -> Line {
    let name = parameter.name.as_str();
    let label = "this report lacks it";
    let of_report = |key: &str, value: &str| Line {
        key: key.to_owned(),
        label,
        text: format!("{key} = {value}"),
        is_of_file: false,
    };
    match name {
        "keyword" | "keywords" => Line {
            key: "keyword_lists".to_owned(),
            label: "the configuration has no keyword list",
            text: "[[keyword_list]] with name = \"brand\" and keywords = [\"acme\"]".to_owned(),
            is_of_file: true,
        },
        "date_from" if endpoint.is_history() => Line {
            label: "the first day is missing",
            ..of_report("since", "\"2024-01-01\"")
        },
        "date_from" => Line {
            label: "the first day is missing",
            ..of_report("date_from", "\"-28d\"")
        },
        "country" => of_report("countries", "[\"us\"]"),
        _ => match list_of(name) {
            Some(list) => {
                let kind = if let ParameterKind::List(item) = &parameter.kind {
                    item
                } else {
                    &parameter.kind
                };
                of_report(list, &format!("[{}]", example(kind)))
            }
            None => of_report(name, &example(&parameter.kind)),
        },
    }
}
