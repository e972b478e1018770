//! `top = { by = "…", rows = N }`: a ranking by a column that the operation can order by.

use toml::Spanned;

use crate::catalog::{Column, ColumnKind, Endpoint};
use crate::config::column_presets::conflict;
use crate::config::document::{Document, Section, did_you_mean};
use crate::config::keys;
use crate::config::resolved::Top;
use crate::error::ErrorCode;

/// The report's ranking, if it asks for one.
pub(super) fn ranking(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> Option<Top> {
    let node = section.get("top")?;
    let top = document.as_section(node, "`top`")?;
    let known = keys::TOP.names();
    document.refuse_unknown_keys(&top, &known);
    if endpoint.parameter("limit").is_none() || endpoint.parameter("order_by").is_none() {
        let message = format!(
            "{} does not support `top`: it has no order, or always answers with all rows",
            endpoint.name
        );
        document.error_at(ErrorCode::Parameter, message, node.span(), "remove `top`");
        return None;
    }
    for key in known {
        if top.get(key).is_none() {
            let message = format!("missing `{key}` in `top`");
            let label = "for example: top = { by = \"domain_rating_source\", rows = 1000 }";
            document.error_at(ErrorCode::Config, message, node.span(), label);
        }
    }
    let rows = document.count(&top, "rows");
    let by = document.text(&top, "by")?;
    let by = column(document, &by, endpoint, parameters)?;
    Some(Top {
        by,
        rows: rows?.into_inner(),
    })
}

/// The column that ranks.
fn column(
    document: &mut Document<'_>,
    by: &Spanned<&str>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> Option<String> {
    let name = *by.get_ref();
    let message = match endpoint.column(name) {
        Some(column) if is_orderable(endpoint, column, parameters) => return Some(name.to_owned()),
        Some(_) => format!("{} cannot order its rows by `{name}`", endpoint.name),
        None => format!("{} has no column `{name}`", endpoint.name),
    };
    let mut candidates = Vec::new();
    for column in &endpoint.columns {
        if is_orderable(endpoint, column, parameters) {
            candidates.push(column.name.as_str());
        }
    }
    let none = "no column that it can order by has a similar name";
    let label = did_you_mean(name, candidates, none);
    let hint = format!("backhaul catalog {}", endpoint.name);
    document.error_at_with_hint(ErrorCode::Column, message, by.span(), label, hint);
    None
}

/// Whether rows can be ordered by a column with the report's parameters.
fn is_orderable(endpoint: &Endpoint, column: &Column, parameters: &[(String, String)]) -> bool {
    let is_plain = !matches!(
        column.kind,
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
    );
    is_plain
        && endpoint.is_sortable(&column.name)
        && conflict(endpoint, parameters, column).is_none()
}
