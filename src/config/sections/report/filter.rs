//! `where` and `where_json`: which rows of an operation a report wants.

use toml::de::DeValue;

use super::parameter_value::to_json;
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
            document.fault(
                ErrorCode::Filter,
                message,
                json.span(),
                "keep one of them; what both ask fits into one",
            );
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
    let result = filter::from_sql(text.get_ref(), endpoint);
    accept(
        document,
        result,
        endpoint,
        text.span(),
        Some(text.get_ref()),
    )
}

fn from_json(document: &mut Document<'_>, node: &Node<'_>, endpoint: &Endpoint) -> Option<Filter> {
    let json = match node.get_ref() {
        DeValue::String(text) => match serde_json::from_str(text) {
            Ok(json) => json,
            Err(error) => {
                document.fault(
                    ErrorCode::Filter,
                    "`where_json` is no JSON",
                    node.span(),
                    error.to_string(),
                );
                return None;
            }
        },
        DeValue::Table(_) => to_json(node.get_ref()),
        other => {
            document.wrong_type(
                "`where_json`",
                "JSON in a string, or a table",
                other,
                node.span(),
            );
            return None;
        }
    };
    accept(
        document,
        filter::from_json(&json, endpoint),
        endpoint,
        node.span(),
        None,
    )
}

/// The filter, or its fault where it stands in the file; `text` is the string that holds it.
fn accept(
    document: &mut Document<'_>,
    result: Result<Filter, FilterError>,
    endpoint: &Endpoint,
    span: Span,
    text: Option<&str>,
) -> Option<Filter> {
    let fault = match result {
        Ok(filter) => return Some(filter),
        Err(fault) => fault,
    };
    let place = match (fault.location, text) {
        (Some(ErrorLocation::Word(word)), _) => document.find(span, &word),
        (Some(ErrorLocation::Bytes(bytes)), Some(text)) => document.inside(span, text, bytes),
        (Some(ErrorLocation::Bytes(_)) | None, _) => span,
    };
    let next = format!("backhaul catalog {}", endpoint.name);
    document.fault_next(ErrorCode::Filter, fault.message, place, &fault.help, next);
    None
}
