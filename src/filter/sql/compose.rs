//! Filters of comparisons and of other filters, so that null never matches and equivalent expressions give one filter.

use crate::filter::column::FilterColumn;
use crate::filter::comparison::Comparison;
use crate::filter::expression::Filter;
use crate::model::Value;

/// A column compared with a value, or the negation of it; null matches neither.
pub(super) fn compare(
    column: &FilterColumn<'_>,
    comparison: Comparison,
    value: Value,
    is_negated: bool,
) -> Filter {
    if !is_negated {
        return compare_as(column, comparison, value);
    }
    if let Some(opposite) = comparison.negated() {
        return compare_as(column, opposite, value);
    }
    let filter = Filter::Is(column.name.clone(), comparison, value);
    negated_if(true, column, filter)
}

fn compare_as(column: &FilterColumn<'_>, comparison: Comparison, value: Value) -> Filter {
    let name = column.name.clone();
    match (comparison, value) {
        (Comparison::Neq, Value::Bool(value)) => {
            Filter::Is(name, Comparison::Eq, Value::Bool(!value))
        }
        (Comparison::Neq, value) => not_null_and(column, Filter::Is(name, Comparison::Neq, value)),
        (comparison, value) => Filter::Is(name, comparison, value),
    }
}

/// A filter that null must not match, though the API might let it.
pub(super) fn not_null_and(column: &FilterColumn<'_>, filter: Filter) -> Filter {
    if !column.nullable {
        return filter;
    }
    let is_null = Filter::IsNull(column.name.clone());
    Filter::And(vec![filter, Filter::Not(Box::new(is_null))])
}

/// The filter itself, or its negation where null must not match that either.
pub(super) fn negated_if(is_negated: bool, column: &FilterColumn<'_>, filter: Filter) -> Filter {
    if is_negated {
        not_null_and(column, Filter::Not(Box::new(filter)))
    } else {
        filter
    }
}

/// All of the parts: conjunctions among them are merged, repetitions left out.
pub(super) fn all_of(parts: Vec<Filter>) -> Filter {
    let mut merged = Vec::new();
    for part in parts {
        match part {
            Filter::And(inner) => add_new(&mut merged, inner),
            other => add_new(&mut merged, vec![other]),
        }
    }
    if merged.len() == 1 {
        return merged.remove(0);
    }
    Filter::And(merged)
}

/// Any of the parts: disjunctions among them are merged, repetitions left out.
pub(super) fn any_of(parts: Vec<Filter>) -> Filter {
    let mut merged = Vec::new();
    for part in parts {
        match part {
            Filter::Or(inner) => add_new(&mut merged, inner),
            other => add_new(&mut merged, vec![other]),
        }
    }
    if merged.len() == 1 {
        return merged.remove(0);
    }
    Filter::Or(merged)
}

fn add_new(merged: &mut Vec<Filter>, filters: Vec<Filter>) {
    for filter in filters {
        if !merged.contains(&filter) {
            merged.push(filter);
        }
    }
}
