//! The filters on the page of an operation.

use super::wrap::write_wrapped;
use crate::catalog::{ColumnKind, Endpoint, Filterable};
use crate::filter::FORMS;

pub(super) fn write_filters(out: &mut String, endpoint: &Endpoint) {
    if endpoint.parameter("where").is_none() {
        return;
    }
    let mut only_in_filters = Vec::new();
    for filter in &endpoint.filterable {
        if endpoint.column(&filter.name).is_none() {
            only_in_filters.push(filter_word(filter));
        }
    }
    let mut not_in_filters = Vec::new();
    for column in &endpoint.columns {
        if endpoint.filterable(&column.name).is_none() {
            not_in_filters.push(column.name.clone());
        }
    }
    out.push_str("\nFilters (`where`)\n");
    write_wrapped(out, "  only in filters   ", &list_or_none(&only_in_filters));
    write_wrapped(out, "  not in filters    ", &list_or_none(&not_in_filters));
    if endpoint.parameter("order_by").is_some() {
        let excluded = list_or_none(&endpoint.order_by_excludes);
        write_wrapped(out, "  not in the order  ", &excluded);
    }
    let conditions = format!("{FORMS}, joined by AND, OR, NOT and parentheses");
    write_wrapped(out, "  conditions        ", &conditions);
    if let Some(example) = example_filter(endpoint) {
        let example = format!("where = \"{example}\"");
        write_wrapped(out, "  for example       ", &example);
    }
}

fn list_or_none(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn filter_word(filter: &Filterable) -> String {
    let Filterable {
        name, kind, units, ..
    } = filter;
    if *units == 1 {
        format!("{name} ({kind})")
    } else {
        format!("{name} ({kind}, {units} units)")
    }
}

/// A filter on columns of the operation, to start with: a number, and a flag or a text.
fn example_filter(endpoint: &Endpoint) -> Option<String> {
    let mut conditions = Vec::new();
    let number =
        first_of(endpoint, &ColumnKind::Float).or_else(|| first_of(endpoint, &ColumnKind::Integer));
    if let Some(name) = number {
        conditions.push(format!("{name} >= 30"));
    }
    if let Some(name) = first_of(endpoint, &ColumnKind::Boolean) {
        conditions.push(name.to_owned());
    } else if let Some(name) = first_of(endpoint, &ColumnKind::Text) {
        conditions.push(format!("{name} LIKE '%shoes%'"));
    }
    if conditions.is_empty() {
        return None;
    }
    Some(conditions.join(" AND "))
}

fn first_of<'a>(endpoint: &'a Endpoint, kind: &ColumnKind) -> Option<&'a str> {
    let filter = endpoint
        .filterable
        .iter()
        .find(|filter| filter.kind == *kind)?;
    Some(&filter.name)
}
