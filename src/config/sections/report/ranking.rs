//! `top = { by = "…", rows = N }`: a ranking by a column that the operation can order by.

use toml::Spanned;

use super::columns::conflict;
use crate::catalog::{Column, ColumnKind, Endpoint, nearest};
use crate::config::document::{Document, Section};
use crate::config::keys;
use crate::config::resolved::Top;
use crate::error::ErrorCode;

/// The report's ranking, if it wants one.
pub(super) fn top(
    document: &mut Document<'_>,
    section: &Section<'_>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> Option<Top> {
    let node = section.get("top")?;
    let top = document.as_section(node, "`top`")?;
    document.refuse_unknown_keys(&top, keys::TOP);
    if endpoint.parameter("limit").is_none() || endpoint.parameter("order_by").is_none() {
        let message = format!(
            "{} cannot be ranked: it takes no order, or always answers whole",
            endpoint.name
        );
        document.fault(ErrorCode::Parameter, message, node.span(), "take `top` out");
        return None;
    }
    for key in keys::TOP.iter().filter(|key| top.get(key).is_none()) {
        let label = "for example: top = { by = \"domain_rating_source\", rows = 1000 }";
        document.fault(
            ErrorCode::Config,
            format!("`top` has no `{key}`"),
            node.span(),
            label,
        );
    }
    let rows = document.count(&top, "rows");
    let by = document
        .text(&top, "by")
        .and_then(|by| column(document, &by, endpoint, parameters))?;
    Some(Top {
        by,
        rows: rows?.into_inner(),
    })
}

/// The column that ranks, or the fault that rows cannot be ordered by it.
fn column(
    document: &mut Document<'_>,
    by: &Spanned<&str>,
    endpoint: &Endpoint,
    parameters: &[(String, String)],
) -> Option<String> {
    let name = *by.get_ref();
    let known = endpoint.column(name);
    if known.is_some_and(|column| is_orderable(endpoint, column, parameters)) {
        return Some(name.to_owned());
    }
    let message = match known {
        Some(_) => format!("{} cannot order its rows by `{name}`", endpoint.name),
        None => format!("{} has no column `{name}`", endpoint.name),
    };
    let orderable = endpoint
        .columns
        .iter()
        .filter(|column| is_orderable(endpoint, column, parameters));
    let label = match nearest(name, orderable.map(|column| column.name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "no column that it can order by is near it in spelling".to_owned(),
    };
    let next = format!("backhaul catalog {}", endpoint.name);
    document.fault_next(ErrorCode::Column, message, by.span(), &label, next);
    None
}

/// Whether rows can be ordered by a column under the report's parameters.
fn is_orderable(endpoint: &Endpoint, column: &Column, parameters: &[(String, String)]) -> bool {
    let is_plain = !matches!(
        column.kind,
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
    );
    is_plain
        && endpoint.is_sortable(&column.name)
        && conflict(endpoint, parameters, column).is_none()
}
