//! Parameters that vary from task to task: a list of their values stands in the report, and their column in the table.

use toml::de::DeValue;

use super::parameter_value::{describe, render};
use crate::catalog::{Endpoint, ParameterKind};
use crate::config::document::{Document, Node, Section};
use crate::error::ErrorCode;

/// Parameters that may vary, in the order of their columns, each with the key of a report that lists its values.
const VARYING: [(&str, &str); 18] = [
    ("keyword_list_id", "keyword_list_ids"),
    ("project_id", "projects"),
    ("portfolio_id", "portfolios"),
    ("report_id", "report_ids"),
    ("channel_id", "channels"),
    ("post_id", "post_ids"),
    ("external_post_id", "external_post_ids"),
    ("target_url", "target_urls"),
    ("issue_id", "issue_ids"),
    ("location_id", "location_ids"),
    ("language_code", "language_codes"),
    ("country_code", "country_codes"),
    ("country", "countries"),
    ("device", "devices"),
    ("data_source", "data_sources"),
    ("search_type", "search_types"),
    ("utm_param", "utm_params"),
    ("status", "statuses"),
];

/// A parameter with the values of its tasks.
pub(super) type Varying = (String, Vec<String>);

/// The key that lists the values of a parameter, if it may vary.
pub(super) fn list_of(parameter: &str) -> Option<&'static str> {
    VARYING
        .iter()
        .find(|(name, _)| *name == parameter)
        .map(|(_, list)| *list)
}

/// The parameters that vary, each with its values: listed, or a single one under the parameter's own name.
pub(super) fn varying(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Vec<Varying> {
    let mut all = Vec::new();
    for (name, list) in VARYING {
        let own = section.get(name).filter(|_| name != "country");
        let Some(parameter) = endpoint.parameter(name) else {
            if let Some(node) = section.get(list) {
                let message = format!(
                    "{} does not vary by {}",
                    endpoint.name,
                    name.replace('_', " ")
                );
                document.fault(ErrorCode::Parameter, message, node.span(), "take this out");
            }
            continue;
        };
        let nodes = match (section.get(list), own) {
            (Some(_), Some(own)) => {
                let message = format!("`{name}` and `{list}` say the same");
                document.fault(
                    ErrorCode::Parameter,
                    message,
                    own.span(),
                    "take one of them out",
                );
                continue;
            }
            (Some(listed), None) => nodes_of(document, list, listed),
            (None, Some(own)) => std::slice::from_ref(own),
            (None, None) => continue,
        };
        all.push((
            name.to_owned(),
            values(document, name, &parameter.kind, nodes),
        ));
    }
    all
}

fn nodes_of<'a>(document: &mut Document<'_>, list: &str, node: &'a Node<'a>) -> &'a [Node<'a>] {
    match node.get_ref() {
        DeValue::Array(nodes) if nodes.is_empty() => {
            let label = "name at least one, or take the key out";
            document.fault(
                ErrorCode::Config,
                format!("`{list}` is empty"),
                node.span(),
                label,
            );
            &[]
        }
        DeValue::Array(nodes) => nodes,
        other => {
            document.wrong_type(&format!("`{list}`"), "a list", other, node.span());
            &[]
        }
    }
}

/// The values in file order, each once.
fn values(
    document: &mut Document<'_>,
    name: &str,
    kind: &ParameterKind,
    nodes: &[Node<'_>],
) -> Vec<String> {
    let kind = if let ParameterKind::List(item) = kind {
        item
    } else {
        kind
    };
    let mut values: Vec<String> = Vec::new();
    for node in nodes {
        let lower = node
            .get_ref()
            .as_str()
            .filter(|_| name == "country")
            .map(str::to_ascii_lowercase);
        let value = match &lower {
            Some(country) => render(kind, &DeValue::String(country.into()), false),
            None => render(kind, node.get_ref(), false),
        };
        match value {
            Ok(value) if values.contains(&value) => {
                let message = format!("the {} `{value}` stands twice", name.replace('_', " "));
                document.fault(ErrorCode::Parameter, message, node.span(), "take this out");
            }
            Ok(value) => values.push(value),
            Err(_) if lower.is_some() => {
                let message = format!(
                    "the API knows no country `{}`",
                    node.get_ref().as_str().unwrap_or_default()
                );
                document.fault(
                    ErrorCode::Parameter,
                    message,
                    node.span(),
                    "two letters of ISO 3166, for example \"us\"",
                );
            }
            Err(found) => {
                document.fault(
                    ErrorCode::Parameter,
                    format!("`{name}` cannot be {found}"),
                    node.span(),
                    describe(kind),
                );
            }
        }
    }
    values
}
