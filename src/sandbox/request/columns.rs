//! The columns that a request selects and orders by, and the refusals of those that it may not.

use crate::catalog::{Catalog, Column, ColumnKind, Endpoint, ParameterKind};
use crate::sandbox::field::{Field, Sort};
use crate::sandbox::quirks::Quirk;
use crate::sandbox::refusal::Refusal;

use super::parameters::Values;

/// The columns of `select`, each once; all where nothing is selected.
///
/// `shows_all` is true if similar rows are not grouped: some columns exist only for groups.
pub(crate) fn selected(
    endpoint: &Endpoint,
    names: Option<&str>,
    shows_all: bool,
    quirks: &[Quirk],
) -> Result<Vec<Field>, Refusal> {
    let names: Vec<&str> = match names {
        Some(names) => names.split(',').map(str::trim).collect(),
        None => names_of(&endpoint.columns),
    };
    let removed = if quirks.contains(&Quirk::RemovedColumn) {
        tampered_column(endpoint)
    } else {
        None
    };
    let mut fields: Vec<Field> = Vec::with_capacity(names.len());
    for name in names {
        let not_found = Refusal::ColumnNotFound(name.to_owned());
        let Some(column) = endpoint.column(name) else {
            return Err(not_found);
        };
        if removed == Some(name) || (shows_all && needs_groups(column)) {
            return Err(not_found);
        }
        if !fields.iter().any(|field| field.name == name) {
            fields.push(Field::of(endpoint, name).ok_or(not_found)?);
        }
    }
    Ok(fields)
}

fn names_of(columns: &[Column]) -> Vec<&str> {
    columns.iter().map(|column| column.name.as_str()).collect()
}

fn needs_groups(column: &Column) -> bool {
    match &column.not_with {
        Some((parameter, value)) => parameter == "aggregation" && value == "all",
        None => false,
    }
}

/// The column that some quirks tamper with.
pub(crate) fn tampered_column(endpoint: &Endpoint) -> Option<&str> {
    for name in Quirk::COLUMNS {
        if let Some(column) = endpoint.column(name) {
            return Some(&column.name);
        }
    }
    None
}

/// The columns of `order_by`.
pub(crate) fn ordered(endpoint: &Endpoint, values: &Values) -> Result<Vec<Sort>, Refusal> {
    let text = values.text("order_by");
    if let Some(parameter) = endpoint.parameter("order_by")
        && matches!(parameter.kind, ParameterKind::Enum(_))
    {
        return Ok(chosen_order(text, values.get("order_direction")));
    }
    let mut order = Vec::new();
    for part in text.split(',') {
        let part = part.trim();
        if !part.is_empty() {
            order.push(sort(endpoint, part)?);
        }
    }
    Ok(order)
}

/// Reads `column:asc`.
fn sort(endpoint: &Endpoint, part: &str) -> Result<Sort, Refusal> {
    let (name, direction) = part.split_once(':').unwrap_or((part, "desc"));
    let not_found = Refusal::ColumnNotFound(name.to_owned());
    if endpoint.column(name).is_none() {
        return Err(not_found);
    }
    let field = Field::of(endpoint, name).ok_or(not_found)?;
    let is_plain = !matches!(
        field.kind,
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json
    );
    if !endpoint.is_sortable(name) || !is_plain {
        return Err(Refusal::NotSortable(name.to_owned()));
    }
    let descending = match direction {
        "desc" => true,
        "asc" => false,
        other => return Err(Refusal::BadEnum(other.to_owned())),
    };
    Ok(Sort { field, descending })
}

/// The order where `order_by` is a choice, not a list of columns: by what it names, whether that is shown or not.
fn chosen_order(choice: &str, direction: Option<&str>) -> Vec<Sort> {
    let (name, kind) = match choice {
        "" | "relevance" => return Vec::new(),
        "date" => ("created_at", ColumnKind::DateTime),
        other => (other, ColumnKind::Integer),
    };
    vec![Sort {
        field: Field::new(name, kind, false),
        descending: direction != Some("asc"),
    }]
}

/// The operation whose filterable columns are known where those of a POST are not: citations are filtered as mentions are.
pub(crate) fn filterable_twin(endpoint: &Endpoint) -> &Endpoint {
    let twin = endpoint.name.replace("/citations-", "/mentions-");
    Catalog::embedded().endpoint(&twin).unwrap_or(endpoint)
}
