//! Ranges of keys as filters: what paging requests.

use super::comparison::Comparison;
use super::expression::Filter;
use crate::model::Value;

/// `columns >= bound`, compared lexicographically; columns beyond the bound's length are free.
///
/// For `(a, b) >= (1, 2)`: `a > 1 or (a = 1 and b >= 2)`.
pub fn at_least(columns: &[impl AsRef<str>], bound: &[Value]) -> Option<Filter> {
    let mut pairs = columns.iter().zip(bound).rev();
    let (column, value) = pairs.next()?;
    let mut filter = Filter::Is(column.as_ref().to_owned(), Comparison::Gte, value.clone());
    for (column, value) in pairs {
        let column = column.as_ref().to_owned();
        let greater = Filter::Is(column.clone(), Comparison::Gt, value.clone());
        let equal = Filter::Is(column, Comparison::Eq, value.clone());
        filter = Filter::Or(vec![greater, Filter::And(vec![equal, filter])]);
    }
    Some(filter)
}

/// The rest of a ranking by `column`, the greatest value first and equal ones by `columns`, from a position on:
/// `column < value or (column = value and columns >= bound)`.
pub fn ranked_from(
    column: &str,
    value: &Value,
    columns: &[impl AsRef<str>],
    bound: &[Value],
) -> Filter {
    let equal = Filter::Is(column.to_owned(), Comparison::Eq, value.clone());
    let tied = match at_least(columns, bound) {
        Some(rest) => Filter::And(vec![equal, rest]),
        None => equal,
    };
    Filter::Or(vec![
        Filter::Is(column.to_owned(), Comparison::Lt, value.clone()),
        tied,
    ])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_rest_of_a_ranking_is_what_is_less_and_what_ties_from_a_key_on() {
        let value = Value::float(91.5);
        let filter = ranked_from("r", &value, &["a"], &[Value::Int(1)]).to_json();
        let less = json!({"field": "r", "is": ["lt", 91.5]});
        let equal = json!({"field": "r", "is": ["eq", 91.5]});
        let rest = json!({"field": "a", "is": ["gte", 1]});
        assert_eq!(filter, json!({"or": [less, {"and": [equal, rest]}]}));
        let without_key = ranked_from("r", &value, &[] as &[&str], &[]).to_json();
        assert_eq!(without_key, json!({"or": [less, equal]}));
    }

    #[test]
    fn a_two_column_bound_is_lexicographic() {
        let filter = at_least(&["a", "b"], &[Value::Int(1), Value::Text("x".into())])
            .map(|filter| filter.to_json());
        assert_eq!(
            filter,
            Some(json!({"or": [
                {"field": "a", "is": ["gt", 1]},
                {"and": [{"field": "a", "is": ["eq", 1]}, {"field": "b", "is": ["gte", "x"]}]}
            ]}))
        );
    }
}
