//! `mode = "changes"`: what is new and what is lost since the last complete night, instead of everything again.

use super::parameters::DEFAULT_HISTORY;
use crate::catalog::{Catalog, Changes, Endpoint};
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

/// Rows are single links: a group changes without a link being new or lost.
const AGGREGATION: (&str, &str) = ("aggregation", "all");

/// The columns that date the first and the last day of a row, if the report asks for changes.
pub(super) fn changes(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &'static Endpoint,
) -> Option<&'static Changes> {
    let mode = document.text(section, "mode")?;
    match *mode.get_ref() {
        "changes" => {}
        "snapshot" => return None,
        other => {
            let message = format!("invalid value `{other}` for `mode` of a report");
            let label =
                "`snapshot` or `changes`; the scope of a site is set by the target's `mode`";
            document.error_at(ErrorCode::Config, message, mode.span(), label);
            return None;
        }
    }
    let Some(changes) = &endpoint.changes else {
        let message = format!("{} does not support `mode = \"changes\"`", endpoint.name);
        let label = format!("supported by {}", names_of_supporting().join(", "));
        document.error_at(ErrorCode::Parameter, message, mode.span(), label);
        return None;
    };
    refuse_conflicts(document, section);
    Some(changes)
}

fn names_of_supporting() -> Vec<&'static str> {
    let mut names = Vec::new();
    for endpoint in Catalog::embedded().endpoints() {
        if endpoint.changes.is_some() {
            names.push(endpoint.name.as_str());
        }
    }
    names
}

/// Refuses keys with which changes could not be added up.
fn refuse_conflicts(document: &mut Document<'_>, section: &Section<'_>) {
    let conflicts = [
        (
            AGGREGATION.0,
            Some(AGGREGATION.1),
            "changes are of single links: use `all`, or remove this",
        ),
        (
            "history",
            Some(DEFAULT_HISTORY),
            "remove this: each night asks since the last complete one",
        ),
        (
            "top",
            None,
            "remove this or `mode`: a ranking is read again each night, changes are added up",
        ),
    ];
    for (key, allowed, label) in conflicts {
        let Some(node) = section.get(key) else {
            continue;
        };
        if allowed.is_none() || node.get_ref().as_str() != allowed {
            let message = format!("`{key}` cannot be combined with `mode = \"changes\"`");
            document.error_at(ErrorCode::Parameter, message, node.span(), label);
        }
    }
}

/// The parameters of a report of changes: rows are single links.
pub(super) fn with_aggregation(
    endpoint: &Endpoint,
    mut parameters: Vec<(String, String)>,
) -> Vec<(String, String)> {
    let (name, value) = AGGREGATION;
    if endpoint.parameter(name).is_some() && !parameters.iter().any(|(known, _)| known == name) {
        parameters.push((name.to_owned(), value.to_owned()));
        parameters.sort_by_key(|(name, _)| endpoint.inputs().position(|known| known.name == *name));
    }
    parameters
}
