//! A filter as a tree, and its JSON.

use serde_json::{Value as Json, json};

use super::comparison::Comparison;
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

/// How many items of a list must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// Every one; a list without items matches.
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
            Self::And(parts) => json!({"and": list_to_json(parts)}),
            Self::Or(parts) => json!({"or": list_to_json(parts)}),
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

fn list_to_json(filters: &[Filter]) -> Json {
    filters.iter().map(Filter::to_json).collect()
}

fn collect_columns(json: &Json, columns: &mut Vec<String>) {
    match json {
        Json::Object(object) => {
            if let Some(Json::String(field)) = object.get("field") {
                columns.push(field.clone());
            }
            for connective in ["and", "or", "not"] {
                if let Some(part) = object.get(connective) {
                    collect_columns(part, columns);
                }
            }
        }
        Json::Array(parts) => {
            for part in parts {
                collect_columns(part, columns);
            }
        }
        _ => {}
    }
}
