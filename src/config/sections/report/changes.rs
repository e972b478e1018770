//! `mode = "changes"`: what is new and what is lost since the last complete night, instead of everything again.

use crate::catalog::{Catalog, Changes, Endpoint};
use crate::config::document::{Document, Section};
use crate::error::ErrorCode;

/// Where rows are links, each on its own: groups would change without a link being new or lost.
const AGGREGATION: (&str, &str) = ("aggregation", "all");

/// The columns that date a row's coming and going, if the report wants changes.
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
            let label =
                "`snapshot` or `changes`; how much of a site is meant is the target's `mode`";
            document.fault(
                ErrorCode::Config,
                format!("a report's `mode` cannot be `{other}`"),
                mode.span(),
                label,
            );
            return None;
        }
    }
    let Some(changes) = &endpoint.changes else {
        let able: Vec<&str> = Catalog::embedded()
            .endpoints()
            .filter(|endpoint| endpoint.changes.is_some())
            .map(|endpoint| endpoint.name.as_str())
            .collect();
        let label = format!(
            "only {} dates both the coming and the going of a row",
            able.join(", ")
        );
        document.fault(
            ErrorCode::Parameter,
            format!("{} cannot tell changes", endpoint.name),
            mode.span(),
            label,
        );
        return None;
    };
    let refused = [
        (
            AGGREGATION.0,
            Some(AGGREGATION.1),
            "changes are of links, each on its own: `all`, or take this out",
        ),
        (
            "history",
            Some(super::parameters::DEFAULT_HISTORY),
            "each night asks since the last complete one: take this out",
        ),
        (
            "top",
            None,
            "a ranking is read anew each night, changes are added up: take one of them out",
        ),
    ];
    for (key, allowed, label) in refused {
        let Some(node) = section.get(key) else {
            continue;
        };
        let written = node.get_ref().as_str();
        if allowed.is_none() || written != allowed {
            document.fault(
                ErrorCode::Parameter,
                format!("`{key}` does not go with `mode = \"changes\"`"),
                node.span(),
                label,
            );
        }
    }
    Some(changes)
}

/// The parameters of a report of changes: links, each on its own.
pub(super) fn parameters(
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

/// The columns of a report of changes: without what identifies and dates a row, nobody could add the nights up.
pub(super) fn columns(
    endpoint: &Endpoint,
    changes: &Changes,
    mut columns: Vec<String>,
) -> Vec<String> {
    for name in endpoint
        .identity
        .iter()
        .chain([&changes.new, &changes.lost])
    {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns
}
