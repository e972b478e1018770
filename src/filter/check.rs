//! Checks a filter that the user wrote as JSON against the grammar and the catalog's filterable columns, before it costs
//! anything: the API's own answers to a wrong filter name neither the column nor the operator.

use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value as Json};

use super::Filter;
use crate::catalog::{ColumnKind, Endpoint, nearest};

/// Operators that compare values of any type that has equality.
const EQUALITY: [&str; 2] = ["eq", "neq"];
/// Operators that need an order.
const ORDER: [&str; 4] = ["gt", "gte", "lt", "lte"];
/// Operators on text.
const TEXT: [&str; 7] = ["substring", "isubstring", "phrase_match", "iphrase_match", "prefix", "suffix", "regex"];
/// Conditions without a value.
const BARE: [&str; 2] = ["empty", "is_null"];

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong, with the word or value.
    pub message: String,
    /// What would be right.
    pub help: String,
    /// The word in the filter that is wrong, to underline it.
    pub word: Option<String>,
}

/// The filter, if the operation can answer it.
///
/// # Errors
/// The first thing that does not fit: grammar, column, operator or type of a value.
pub fn check(json: &Json, endpoint: &Endpoint) -> Result<Filter, Fault> {
    if endpoint.parameter("where").is_none() {
        return fault(format!("{} takes no filter", endpoint.name), "take the filter out", None);
    }
    node(json, endpoint)?;
    Ok(Filter::Json(json.clone()))
}

fn fault<T>(message: impl Into<String>, help: impl Into<String>, word: Option<&str>) -> Result<T, Fault> {
    Err(Fault { message: message.into(), help: help.into(), word: word.map(str::to_owned) })
}

const NODE_HELP: &str = r#"{"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}"#;

fn node(json: &Json, endpoint: &Endpoint) -> Result<(), Fault> {
    let Json::Object(object) = json else {
        return fault(format!("a filter cannot be {}", name_of(json)), NODE_HELP, None);
    };
    if object.contains_key("field") {
        return leaf(object, endpoint);
    }
    boolean(object, NODE_HELP, &|part| node(part, endpoint))
}

/// `and`, `or` or `not` over parts that `check` judges.
fn boolean(object: &Map<String, Json>, help: &str, check: &dyn Fn(&Json) -> Result<(), Fault>) -> Result<(), Fault> {
    let mut entries = object.iter();
    let (Some((name, parts)), None) = (entries.next(), entries.next()) else {
        return fault(format!("a part of the filter has {} keys", object.len()), help, None);
    };
    match (name.as_str(), parts) {
        ("and" | "or", Json::Array(parts)) if !parts.is_empty() => parts.iter().try_for_each(check),
        ("and" | "or", _) => fault(format!("`{name}` needs a list of filters"), "at least one", Some(name)),
        ("not", part) => check(part),
        (other, _) => fault(format!("a filter has no key `{other}`"), help, Some(other)),
    }
}

fn leaf(object: &Map<String, Json>, endpoint: &Endpoint) -> Result<(), Fault> {
    for key in object.keys().map(String::as_str) {
        if !["field", "is", "list_is", "modifier"].contains(&key) {
            return fault(format!("a condition has no key `{key}`"), "field, is, list_is, modifier", Some(key));
        }
    }
    let Some(Json::String(field)) = object.get("field") else {
        return fault("`field` must be the name of a column", "a string", Some("field"));
    };
    if object.get("modifier").is_some_and(|modifier| !modifier.is_string()) {
        return fault("`modifier` must be a string", "for example \"uppercase\"", Some("modifier"));
    }
    let column = Column { name: field, kind: kind_of(field, endpoint)?, endpoint };
    match (object.get("is"), object.get("list_is")) {
        (Some(condition), None) => column.is(condition),
        (None, Some(condition)) => column.list_is(condition),
        _ => fault(format!("`{field}` needs either `is` or `list_is`"), r#"for example "is": ["eq", 1]"#, Some(field)),
    }
}

/// The type of a column; a nested field of an object is not described by the catalog and takes any value.
fn kind_of(field: &str, endpoint: &Endpoint) -> Result<ColumnKind, Fault> {
    if let Some(filterable) = endpoint.filterable(field) {
        return Ok(filterable.kind.clone());
    }
    let parent = field.split_once('.').and_then(|(parent, _)| endpoint.filterable(parent));
    match parent.map(|parent| &parent.kind) {
        Some(ColumnKind::Json | ColumnKind::Struct(_)) => return Ok(ColumnKind::Json),
        Some(ColumnKind::List(item)) if **item == ColumnKind::Json => return Ok(ColumnKind::Json),
        _ => {}
    }
    let near = nearest(field, endpoint.filterable.iter().map(|filterable| filterable.name.as_str()));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("see: backhaul catalog {}", endpoint.name),
    };
    let message = if endpoint.column(field).is_some() {
        format!("{} selects `{field}` but cannot filter by it", endpoint.name)
    } else {
        format!("{} has no column `{field}` to filter by", endpoint.name)
    };
    fault(message, help, Some(field))
}

/// A column that a condition speaks of.
struct Column<'a> {
    name: &'a str,
    kind: ColumnKind,
    endpoint: &'a Endpoint,
}

impl Column<'_> {
    fn is(&self, condition: &Json) -> Result<(), Fault> {
        let is_list = matches!(self.kind, ColumnKind::List(_));
        if is_list && !condition.as_str().is_some_and(|word| BARE.contains(&word)) {
            let help = r#""list_is": {"any": …} or {"all": …}"#;
            return fault(format!("`{}` is a list: `is` does not fit it", self.name), help, Some(self.name));
        }
        self.condition(condition, &self.kind)
    }

    fn list_is(&self, condition: &Json) -> Result<(), Fault> {
        let ColumnKind::List(item) = &self.kind else {
            let message = format!("`{}` is no list: `list_is` does not fit it", self.name);
            return fault(message, r#"use "is""#, Some(self.name));
        };
        let entry = condition.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
        match entry {
            Some((name, condition)) if ["any", "all"].contains(&name.as_str()) => self.list_condition(condition, item),
            _ => fault("`list_is` must be one `any` or `all`", r#"{"any": ["eq", …]}"#, Some("list_is")),
        }
    }

    fn list_condition(&self, condition: &Json, item: &ColumnKind) -> Result<(), Fault> {
        match condition {
            Json::Object(object) => boolean(object, "and, or, not", &|part| self.list_condition(part, item)),
            other => self.condition(other, item),
        }
    }

    fn condition(&self, condition: &Json, kind: &ColumnKind) -> Result<(), Fault> {
        match condition {
            Json::String(word) if BARE.contains(&word.as_str()) => Ok(()),
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(operator), value] => self.comparison(operator, value, kind),
                _ => fault(
                    format!("a condition on `{}` must be an operator and a value", self.name),
                    r#"for example ["gte", 30]"#,
                    Some(self.name),
                ),
            },
            _ => fault(
                format!("a condition on `{}` cannot be {}", self.name, name_of(condition)),
                r#"["eq", VALUE], "empty" or "is_null""#,
                Some(self.name),
            ),
        }
    }

    fn comparison(&self, operator: &str, value: &Json, kind: &ColumnKind) -> Result<(), Fault> {
        let all = EQUALITY.iter().chain(&ORDER).chain(&TEXT).copied();
        if !all.clone().any(|known| known == operator) {
            let help = nearest(operator, all.clone())
                .map_or_else(|| all.collect::<Vec<_>>().join(", "), |near| format!("did you mean `{near}`?"));
            return fault(format!("a filter has no operator `{operator}`"), help, Some(operator));
        }
        let fits = match kind {
            ColumnKind::Text | ColumnKind::Json => true,
            ColumnKind::Boolean | ColumnKind::List(_) | ColumnKind::Struct(_) => EQUALITY.contains(&operator),
            ColumnKind::Integer | ColumnKind::Float | ColumnKind::Date | ColumnKind::DateTime => {
                !TEXT.contains(&operator)
            }
        };
        if !fits {
            let message = format!("`{operator}` does not fit `{}`, {}", self.name, words(kind));
            return fault(message, "eq, neq, or an operator of that type", Some(operator));
        }
        if TEXT.contains(&operator) && !value.is_string() {
            return fault(format!("`{operator}` needs a string, not {value}"), "write it in quotes", Some(operator));
        }
        if operator == "regex" {
            return self.pattern(value);
        }
        if value_fits(value, kind) {
            return Ok(());
        }
        let message = format!("`{}` is {} and cannot be compared with {value}", self.name, words(kind));
        fault(message, example(kind), Some(self.name))
    }

    /// The API's expressions are RE2, which the `regex` crate follows; some sections know only `*`.
    fn pattern(&self, value: &Json) -> Result<(), Fault> {
        let pattern = value.as_str().unwrap_or_default();
        if self.endpoint.wildcard_regex {
            return Ok(());
        }
        match regex::Regex::new(pattern) {
            Ok(_) => Ok(()),
            Err(_) => fault(
                format!("the regular expression on `{}` does not parse: {pattern}", self.name),
                "RE2 syntax, without look-around and back-references",
                Some("regex"),
            ),
        }
    }
}

fn value_fits(value: &Json, kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Integer => value.is_i64(),
        ColumnKind::Float => value.is_number(),
        ColumnKind::Boolean => value.is_boolean(),
        ColumnKind::Text => value.is_string(),
        ColumnKind::Date => value.as_str().is_some_and(is_date),
        ColumnKind::DateTime => value.as_str().is_some_and(|text| is_date(text) || is_time(text)),
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => true,
    }
}

fn is_date(text: &str) -> bool {
    NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_time(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
}

fn name_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    }
}

fn words(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "a whole number",
        ColumnKind::Float => "a number",
        ColumnKind::Boolean => "true or false",
        ColumnKind::Date => "a date",
        ColumnKind::DateTime => "a point in time",
        ColumnKind::Text => "text",
        ColumnKind::List(_) => "a list",
        ColumnKind::Struct(_) | ColumnKind::Json => "an object",
    }
}

fn example(kind: &ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => "for example 30, without quotes and fraction",
        ColumnKind::Float => "for example 30 or 0.5, without quotes",
        ColumnKind::Boolean => "true or false, without quotes",
        ColumnKind::Date => "for example \"2024-01-31\"",
        ColumnKind::DateTime => "for example \"2024-01-31T00:00:00Z\"",
        ColumnKind::Text => "write it in quotes",
        ColumnKind::List(_) | ColumnKind::Struct(_) | ColumnKind::Json => "see: backhaul catalog",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    fn verdict(filter: &Json) -> Result<(), String> {
        let endpoint = Catalog::embedded().endpoint("site-explorer/all-backlinks").expect("a known endpoint");
        check(filter, endpoint).map(drop).map_err(|fault| format!("{}; {}", fault.message, fault.help))
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
        .map(|filter| verdict(&filter).expect_err("a fault"))
        .to_vec();
        insta::assert_snapshot!(verdicts.join("\n"), @r#"
        site-explorer/all-backlinks has no column `domain_rating` to filter by; did you mean `domain_rating_target`?
        `domain_rating_source` is a number and cannot be compared with "30"; for example 30 or 0.5, without quotes
        `prefix` does not fit `domain_rating_source`, a number; eq, neq, or an operator of that type
        a filter has no operator `like`; eq, neq, gt, gte, lt, lte, substring, isubstring, phrase_match, iphrase_match, prefix, suffix, regex
        the regular expression on `title` does not parse: (?=a); RE2 syntax, without look-around and back-references
        `languages` is a list: `is` does not fit it; "list_is": {"any": …} or {"all": …}
        `title` is no list: `list_is` does not fit it; use "is"
        `and` needs a list of filters; at least one
        a part of the filter has 2 keys; {"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}
        a filter cannot be a string; {"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}
        "#);
    }
}
