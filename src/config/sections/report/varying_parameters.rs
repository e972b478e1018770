//! Parameters that vary from task to task: the report lists their values, and the table has a column for each.

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
pub(super) type VaryingParameter = (String, Vec<String>);

/// The key that lists the values of a parameter, if it may vary.
pub(super) fn list_key(parameter: &str) -> Option<&'static str> {
    for (name, key) in VARYING {
        if name == parameter {
            return Some(key);
        }
    }
    None
}

/// The parameters that vary, each with its values: listed, or a single one under the parameter's own name.
pub(super) fn varying_parameters(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Vec<VaryingParameter> {
    let mut varying = Vec::new();
    for (name, key) in VARYING {
        let listed = section.get(key);
        let Some(parameter) = endpoint.parameter(name) else {
            if let Some(node) = listed {
                let message = format!("{} has no parameter `{name}`", endpoint.name);
                document.error_at(ErrorCode::Parameter, message, node.span(), "remove this");
            }
            continue;
        };
        let single = if name == "country" {
            None
        } else {
            section.get(name)
        };
        let nodes = match (listed, single) {
            (Some(_), Some(single)) => {
                let message = format!("both `{name}` and `{key}` are set");
                let label = "remove one of them";
                document.error_at(ErrorCode::Parameter, message, single.span(), label);
                continue;
            }
            (Some(listed), None) => listed_nodes(document, key, listed),
            (None, Some(single)) => std::slice::from_ref(single),
            (None, None) => continue,
        };
        let values = distinct_values(document, name, &parameter.kind, nodes);
        varying.push((name.to_owned(), values));
    }
    varying
}

fn listed_nodes<'a>(document: &mut Document<'_>, key: &str, node: &'a Node<'a>) -> &'a [Node<'a>] {
    let DeValue::Array(nodes) = node.get_ref() else {
        document.wrong_type(&format!("`{key}`"), "a list", node);
        return &[];
    };
    if nodes.is_empty() {
        document.refuse_empty_list(key, node.span());
    }
    nodes
}

/// The values in file order, each once.
fn distinct_values(
    document: &mut Document<'_>,
    name: &str,
    kind: &ParameterKind,
    nodes: &[Node<'_>],
) -> Vec<String> {
    let kind = match kind {
        ParameterKind::List(item) => item,
        kind => kind,
    };
    let mut values: Vec<String> = Vec::new();
    for node in nodes {
        let rendered = if name == "country" {
            country(kind, node.get_ref())
        } else {
            render(kind, node.get_ref(), false)
        };
        let (message, label) = match rendered {
            Ok(value) if !values.contains(&value) => {
                values.push(value);
                continue;
            }
            Ok(value) => (
                format!("duplicate {} `{value}`", name.replace('_', " ")),
                "remove this".to_owned(),
            ),
            Err(_) if name == "country" && node.get_ref().is_str() => (
                format!(
                    "unknown country `{}`",
                    node.get_ref().as_str().unwrap_or_default()
                ),
                "two letters of ISO 3166, for example \"us\"".to_owned(),
            ),
            Err(found) => (
                format!("invalid value for `{name}`: {found}"),
                describe(kind),
            ),
        };
        document.error_at(ErrorCode::Parameter, message, node.span(), label);
    }
    values
}

/// A country in lower case, as the API has it.
fn country(kind: &ParameterKind, value: &DeValue<'_>) -> Result<String, String> {
    match value.as_str() {
        Some(country) => {
            let lower = country.to_ascii_lowercase();
            render(kind, &DeValue::String(lower.into()), false)
        }
        None => render(kind, value, false),
    }
}
