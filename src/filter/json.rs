//! Checks a filter that the user wrote as JSON against the grammar and the catalog's filterable columns, before any request:
//! the API's own answers to a wrong filter name neither the column nor the operator.

use serde_json::{Map, Value as Json};

use super::column::{FilterColumn, check_takes_filter};
use super::comparison::Comparison;
use super::error::FilterError;
use super::expression::Filter;
use super::types::{example_value, operator_fits, type_words, value_fits};
use crate::catalog::{ColumnKind, Endpoint, nearest};

/// Conditions without a value.
const BARE_CONDITIONS: [&str; 2] = ["empty", "is_null"];

/// The keys of a condition, in the order in which they are sent.
const CONDITION_KEYS: [&str; 4] = ["field", "is", "list_is", "modifier"];

const FILTER_HELP: &str = r#"{"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}"#;

/// The filter, if the operation can answer it.
///
/// # Errors
/// The first thing that does not fit: grammar, column, operator or type of a value.
pub fn from_json(json: &Json, endpoint: &Endpoint) -> Result<Filter, FilterError> {
    check_takes_filter(endpoint)?;
    check_filter(json, endpoint)?;
    Ok(Filter::Json(in_canonical_order(json)))
}

/// The same filter with the keys of its conditions in one order, so that equivalent filters give equal requests.
fn in_canonical_order(json: &Json) -> Json {
    match json {
        Json::Array(parts) => parts.iter().map(in_canonical_order).collect(),
        Json::Object(object) if object.contains_key("field") => {
            let mut condition = Map::new();
            for key in CONDITION_KEYS {
                if let Some(value) = object.get(key) {
                    condition.insert(key.to_owned(), value.clone());
                }
            }
            Json::Object(condition)
        }
        Json::Object(object) => {
            let mut filter = Map::new();
            for (key, part) in object {
                filter.insert(key.clone(), in_canonical_order(part));
            }
            Json::Object(filter)
        }
        other => other.clone(),
    }
}

fn error<T>(
    message: impl Into<String>,
    help: impl Into<String>,
    word: Option<&str>,
) -> Result<T, FilterError> {
    let error = FilterError::new(message, help);
    Err(match word {
        Some(word) => error.at_word(word),
        None => error,
    })
}

fn check_filter(json: &Json, endpoint: &Endpoint) -> Result<(), FilterError> {
    let Json::Object(object) = json else {
        return error(
            format!("a filter cannot be {}", kind_of(json)),
            FILTER_HELP,
            None,
        );
    };
    if object.contains_key("field") {
        return check_condition(object, endpoint);
    }
    check_connective(object, FILTER_HELP, &|part| check_filter(part, endpoint))
}

/// `and`, `or` or `not` over parts that `check_part` judges.
fn check_connective(
    object: &Map<String, Json>,
    help: &str,
    check_part: &dyn Fn(&Json) -> Result<(), FilterError>,
) -> Result<(), FilterError> {
    let mut entries = object.iter();
    let (Some((name, parts)), None) = (entries.next(), entries.next()) else {
        let message = format!("a part of the filter has {} keys", object.len());
        return error(message, help, None);
    };
    match (name.as_str(), parts) {
        ("and" | "or", Json::Array(parts)) if !parts.is_empty() => {
            for part in parts {
                check_part(part)?;
            }
            Ok(())
        }
        ("and" | "or", _) => error(
            format!("`{name}` needs a list of filters"),
            "at least one",
            Some(name),
        ),
        ("not", part) => check_part(part),
        (other, _) => error(format!("a filter has no key `{other}`"), help, Some(other)),
    }
}

fn check_condition(object: &Map<String, Json>, endpoint: &Endpoint) -> Result<(), FilterError> {
    for key in object.keys() {
        if !CONDITION_KEYS.contains(&key.as_str()) {
            return error(
                format!("a condition has no key `{key}`"),
                CONDITION_KEYS.join(", "),
                Some(key),
            );
        }
    }
    let Some(Json::String(field)) = object.get("field") else {
        return error(
            "`field` must be the name of a column",
            "a string",
            Some("field"),
        );
    };
    if let Some(modifier) = object.get("modifier")
        && !modifier.is_string()
    {
        return error(
            "`modifier` must be a string",
            "for example \"uppercase\"",
            Some("modifier"),
        );
    }
    let column = FilterColumn::find(field, endpoint).map_err(|error| error.at_word(field))?;
    match (object.get("is"), object.get("list_is")) {
        (Some(condition), None) => check_is(&column, condition),
        (None, Some(condition)) => check_list_is(&column, condition),
        _ => error(
            format!("`{field}` needs either `is` or `list_is`"),
            r#"for example "is": ["eq", 1]"#,
            Some(field),
        ),
    }
}

fn check_is(column: &FilterColumn<'_>, condition: &Json) -> Result<(), FilterError> {
    let name = column.name.as_str();
    let is_list = matches!(column.kind, ColumnKind::List(_));
    if is_list && !is_bare(condition) {
        return error(
            format!("`{name}` is a list: `is` does not apply"),
            r#""list_is": {"any": …} or {"all": …}"#,
            Some(name),
        );
    }
    check_test(column, condition, &column.kind)
}

fn is_bare(condition: &Json) -> bool {
    BARE_CONDITIONS.contains(&condition.as_str().unwrap_or_default())
}

fn check_list_is(column: &FilterColumn<'_>, condition: &Json) -> Result<(), FilterError> {
    let name = column.name.as_str();
    let Some(item) = column.items() else {
        return error(
            format!("`{name}` is not a list: `list_is` does not apply"),
            r#"use "is""#,
            Some(name),
        );
    };
    if let Json::Object(object) = condition
        && object.len() == 1
        && let Some(condition) = object.get("any").or(object.get("all"))
    {
        return check_item_condition(column, condition, item);
    }
    error(
        "`list_is` must be one `any` or `all`",
        r#"{"any": ["eq", …]}"#,
        Some("list_is"),
    )
}

fn check_item_condition(
    column: &FilterColumn<'_>,
    condition: &Json,
    item: &ColumnKind,
) -> Result<(), FilterError> {
    match condition {
        Json::Object(object) => check_connective(object, "and, or, not", &|part| {
            check_item_condition(column, part, item)
        }),
        other => check_test(column, other, item),
    }
}

fn check_test(
    column: &FilterColumn<'_>,
    condition: &Json,
    kind: &ColumnKind,
) -> Result<(), FilterError> {
    let name = column.name.as_str();
    if is_bare(condition) {
        return Ok(());
    }
    let Json::Array(parts) = condition else {
        return error(
            format!("a condition on `{name}` cannot be {}", kind_of(condition)),
            r#"["eq", VALUE], "empty" or "is_null""#,
            Some(name),
        );
    };
    let [Json::String(operator), value] = parts.as_slice() else {
        return error(
            format!("a condition on `{name}` must be an operator and a value"),
            r#"for example ["gte", 30]"#,
            Some(name),
        );
    };
    check_comparison(column, operator, value, kind)
}

fn check_comparison(
    column: &FilterColumn<'_>,
    operator: &str,
    value: &Json,
    kind: &ColumnKind,
) -> Result<(), FilterError> {
    let name = column.name.as_str();
    let Some(comparison) = Comparison::from_name(operator) else {
        return Err(unknown_operator(operator));
    };
    if !operator_fits(comparison, kind) {
        return error(
            format!("`{operator}` does not fit `{name}`, {}", type_words(kind)),
            "eq, neq, or an operator of that type",
            Some(operator),
        );
    }
    if comparison.is_textual() && !value.is_string() {
        return error(
            format!("`{operator}` needs a string, not {value}"),
            "write it in quotes",
            Some(operator),
        );
    }
    if !comparison.is_textual() && !value_fits(value, kind) {
        let kind_words = type_words(kind);
        let message = format!("`{name}` is {kind_words} and cannot be compared with {value}");
        return error(message, example_value(kind, '"'), Some(name));
    }
    let text = value.as_str().unwrap_or_default();
    match comparison {
        Comparison::Regex => column
            .check_pattern(text)
            .map_err(|error| error.at_word("regex")),
        Comparison::Eq | Comparison::Neq => column
            .check_known(text)
            .map_err(|error| error.at_word(text)),
        _ => Ok(()),
    }
}

fn unknown_operator(operator: &str) -> FilterError {
    let names = Comparison::ALL.map(Comparison::as_str);
    let help = match nearest(operator, names) {
        Some(near) => format!("did you mean `{near}`?"),
        None => names.join(", "),
    };
    FilterError::new(format!("a filter has no operator `{operator}`"), help).at_word(operator)
}

fn kind_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    fn verdict(filter: &Json) -> Result<(), String> {
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .expect("a known endpoint");
        from_json(filter, endpoint)
            .map(drop)
            .map_err(|error| format!("{}; {}", error.message, error.help))
    }

    #[test]
    fn every_form_of_the_grammar_passes() {
        for filter in [
            json!({"field": "is_dofollow", "is": ["eq", true]}),
            json!({"field": "domain_rating_source", "is": ["gte", 30]}),
            json!({"field": "first_seen", "is": ["lt", "2024-01-31"]}),
            json!({"field": "title", "is": ["regex", "^a.*b$"], "modifier": "uppercase"}),
            json!({"field": "last_seen", "is": "is_null"}),
            json!({"field": "languages", "list_is": {"any": {"or": [["eq", "en"], {"not": ["prefix", "d"]}]}}}),
            json!({"and": [{"not": {"field": "is_spam", "is": ["eq", true]}}, {"or": [{"field": "alt", "is": "empty"}]}]}),
        ] {
            assert_eq!(verdict(&filter), Ok(()), "{filter}");
        }
    }

    #[test]
    fn each_wrong_filter_says_what_is_wrong_and_what_is_right() {
        let verdicts: Vec<_> = [
            json!({"field": "domain_rating", "is": ["gte", 30]}),
            json!({"field": "domain_rating_source", "is": ["gte", "30"]}),
            json!({"field": "domain_rating_source", "is": ["prefix", "3"]}),
            json!({"field": "title", "is": ["like", "a%"]}),
            json!({"field": "title", "is": ["regex", "(?=a)"]}),
            json!({"field": "languages", "is": ["eq", "en"]}),
            json!({"field": "title", "list_is": {"any": ["eq", "a"]}}),
            json!({"and": []}),
            json!({"and": [], "or": []}),
            json!("is_dofollow"),
        ]
        .map(|filter| verdict(&filter).expect_err("an error"))
        .to_vec();
        insta::assert_snapshot!(verdicts.join("\n"), @r#"
        site-explorer/all-backlinks has no column `domain_rating` to filter by; did you mean `domain_rating_target`?
        `domain_rating_source` is a number and cannot be compared with "30"; for example 30 or 0.5, without quotes
        `prefix` does not fit `domain_rating_source`, a number; eq, neq, or an operator of that type
        a filter has no operator `like`; eq, neq, gt, gte, lt, lte, substring, isubstring, phrase_match, iphrase_match, prefix, suffix, regex
        the regular expression on `title` does not parse: (?=a); RE2 syntax, without look-around and back-references
        `languages` is a list: `is` does not apply; "list_is": {"any": …} or {"all": …}
        `title` is not a list: `list_is` does not apply; use "is"
        `and` needs a list of filters; at least one
        a part of the filter has 2 keys; {"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}
        a filter cannot be a string; {"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}
        "#);
    }
}
