//! Filters of the API: a typed tree, its JSON, the SQL and the JSON that users write, and the ranges that paging asks for.
//!
//! Knows the API's filter grammar and the catalog's filterable columns; knows nothing of requests or answers.

mod check;
mod comparison;
mod rules;
mod sql;

use serde_json::{Value as Json, json};

pub use check::check;
pub use comparison::Comparison;
pub use rules::{Fault, Place};
pub use sql::{FORMS, from_sql};

use crate::model::Value;

/// A filter in the API's grammar.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them.
    And(Vec<Filter>),
    /// Any of them.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// A column compared with a value.
    Is(String, Comparison, Value),
    /// A column without a value.
    IsNull(String),
    /// Text of no characters, or a list of no items.
    Empty(String),
    /// Items of a list compared with a value.
    Items(String, Quantifier, Comparison, Value),
    /// A filter that the user wrote as JSON, already checked.
    Json(Json),
}

/// How many items of a list must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one; so does a list without items.
    All,
}

impl Quantifier {
    fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
        }
    }
}

impl Filter {
    /// The API's JSON form.
    pub fn to_json(&self) -> Json {
        match self {
            Self::And(parts) => json!({"and": parts.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Or(parts) => json!({"or": parts.iter().map(Self::to_json).collect::<Vec<_>>()}),
            Self::Not(inner) => json!({"not": inner.to_json()}),
            Self::Is(field, comparison, value) => {
                json!({"field": field, "is": [comparison.as_str(), value.to_json()]})
            }
            Self::IsNull(field) => json!({"field": field, "is": "is_null"}),
            Self::Empty(field) => json!({"field": field, "is": "empty"}),
            Self::Items(field, quantifier, comparison, value) => {
                json!({"field": field, "list_is": {quantifier.as_str(): [comparison.as_str(), value.to_json()]}})
            }
            Self::Json(json) => json.clone(),
        }
    }

    /// Both filters; an absent one filters nothing.
    pub fn and(left: Option<Self>, right: Option<Self>) -> Option<Self> {
        match (left, right) {
            (Some(left), Some(right)) => Some(Self::And(vec![left, right])),
            (one, other) => one.or(other),
        }
    }

    /// Every column that the filter names, in order of appearance, with repetitions.
    pub fn columns(&self) -> Vec<String> {
        let mut columns = Vec::new();
        collect_columns(&self.to_json(), &mut columns);
        columns
    }
}

fn collect_columns(json: &Json, columns: &mut Vec<String>) {
    match json {
        Json::Object(object) => {
            if let Some(Json::String(field)) = object.get("field") {
                columns.push(field.clone());
            }
            for part in ["and", "or", "not"]
                .iter()
                .filter_map(|name| object.get(*name))
            {
                collect_columns(part, columns);
            }
        }
        Json::Array(parts) => parts.iter().for_each(|part| collect_columns(part, columns)),
        _ => {}
    }
}

/// `columns >= bound`, compared lexicographically; columns beyond the bound's length are free.
///
/// For `(a, b) >= (1, 2)`: `a > 1 or (a = 1 and b >= 2)`.
pub fn at_least(columns: &[impl AsRef<str>], bound: &[Value]) -> Option<Filter> {
    let mut pairs = columns.iter().zip(bound).rev();
    let (column, value) = pairs.next()?;
    let mut filter = Filter::Is(column.as_ref().to_owned(), Comparison::Gte, value.clone());
    for (column, value) in pairs {
        let column = column.as_ref();
        filter = Filter::Or(vec![
            Filter::Is(column.to_owned(), Comparison::Gt, value.clone()),
            Filter::And(vec![
                Filter::Is(column.to_owned(), Comparison::Eq, value.clone()),
                filter,
            ]),
        ]);
    }
    Some(filter)
}

/// What is left of a ranking by `column`, the greatest value first and equal ones by `columns`, from a place on:
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
