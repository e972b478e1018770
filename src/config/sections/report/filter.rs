//! `where` and `where_json`: which rows of an operation a report wants.

use toml::de::DeValue;

use super::json::to_json;
use crate::catalog::Endpoint;
use crate::config::document::{Document, Node, Section, Span};
use crate::error::ErrorCode;
use crate::filter::{self, ErrorLocation, Filter, FilterError};

/// The report's filter, if it has one.
pub(super) fn filter(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Option<Filter> {
    match (section.get("where"), section.get("where_json")) {
        (Some(_), Some(json)) => {
            let message = "`where` and `where_json` are both set";
            let label = "use one of them: both conditions fit into one";
            document.error_at(ErrorCode::Filter, message, json.span(), label);
            None
        }
        (Some(_), None) => from_sql(document, section, endpoint),
        (None, Some(json)) => from_json(document, json, endpoint),
        (None, None) => None,
    }
}

fn from_sql(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
) -> Option<Filter> {
    let text = document.text(section, "where")?;
    match filter::from_sql(text.get_ref(), endpoint) {
        Ok(filter) => Some(filter),
        Err(error) => {
            let span = match &error.location {
                Some(ErrorLocation::Word(word)) => document.find_in(text.span(), word),
                Some(ErrorLocation::Bytes(bytes)) => {
                    document.span_inside_string(text.span(), text.get_ref(), bytes)
                }
                None => text.span(),
            };
            report_at(document, error, endpoint, span);
            None
        }
    }
}

fn from_json(document: &mut Document<'_>, node: &Node<'_>, endpoint: &Endpoint) -> Option<Filter> {
    let json = match node.get_ref() {
        DeValue::String(text) => match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => {
                let message = "invalid JSON in `where_json`";
                let label = error.to_string();
                document.error_at(ErrorCode::Filter, message, node.span(), label);
                return None;
            }
        },
        DeValue::Table(_) => to_json(node.get_ref()),
        _ => {
            document.wrong_type("`where_json`", "JSON in a string, or a table", node);
            return None;
        }
    };
    match filter::from_json(&json, endpoint) {
        Ok(filter) => Some(filter),
        Err(error) => {
            let span = match &error.location {
                Some(ErrorLocation::Word(word)) => document.find_in(node.span(), word),
                Some(ErrorLocation::Bytes(_)) | None => node.span(),
            };
            report_at(document, error, endpoint, span);
            None
        }
    }
}

fn report_at(document: &mut Document<'_>, error: FilterError, endpoint: &Endpoint, span: Span) {
    let hint = format!("backhaul catalog {}", endpoint.name);
    document.error_at_with_hint(ErrorCode::Filter, error.message, span, error.help, hint);
}
