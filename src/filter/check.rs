//! Checks a filter that the user wrote as JSON against the grammar and the catalog's filterable columns, before it costs
//! anything: the API's own answers to a wrong filter name neither the column nor the operator.

use serde_json::{Map, Value as Json};

use super::rules::{self, Column, Fault};
use super::{Comparison, Filter};
use crate::catalog::{ColumnKind, Endpoint, nearest};

/// Conditions without a value.
const BARE: [&str; 2] = ["empty", "is_null"];

/// The keys of a condition, in the order in which they are sent.
const LEAF_KEYS: [&str; 4] = ["field", "is", "list_is", "modifier"];

/// The filter, if the operation can answer it.
///
/// # Errors
/// The first thing that does not fit: grammar, column, operator or type of a value.
pub fn check(json: &Json, endpoint: &Endpoint) -> Result<Filter, Fault> {
    rules::check_takes_filter(endpoint)?;
    node(json, endpoint)?;
    Ok(Filter::Json(ordered(json)))
}

/// The same filter with the keys of its conditions in one order, so that filters that say the same ask the same.
fn ordered(json: &Json) -> Json {
    match json {
        Json::Array(parts) => parts.iter().map(ordered).collect(),
        Json::Object(object) if object.contains_key("field") => {
            let entry = |key: &&str| {
                object
                    .get(*key)
                    .map(|value| ((*key).to_owned(), value.clone()))
            };
            Json::Object(LEAF_KEYS.iter().filter_map(entry).collect())
        }
        Json::Object(object) => object
            .iter()
            .map(|(key, part)| (key.clone(), ordered(part)))
            .collect(),
        other => other.clone(),
    }
}

fn fault<T>(
    message: impl Into<String>,
    help: impl Into<String>,
    word: Option<&str>,
) -> Result<T, Fault> {
    let fault = Fault::new(message, help);
    Err(match word {
        Some(word) => fault.of_word(word),
        None => fault,
    })
}

const NODE_HELP: &str = r#"{"and": […]}, {"or": […]}, {"not": …}, or {"field": …, "is": …}"#;

fn node(json: &Json, endpoint: &Endpoint) -> Result<(), Fault> {
    let Json::Object(object) = json else {
        return fault(
            format!("a filter cannot be {}", name_of(json)),
            NODE_HELP,
            None,
        );
    };
    if object.contains_key("field") {
        return leaf(object, endpoint);
    }
    boolean(object, NODE_HELP, &|part| node(part, endpoint))
}

/// `and`, `or` or `not` over parts that `check` judges.
fn boolean(
    object: &Map<String, Json>,
    help: &str,
    check: &dyn Fn(&Json) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut entries = object.iter();
    let (Some((name, parts)), None) = (entries.next(), entries.next()) else {
        return fault(
            format!("a part of the filter has {} keys", object.len()),
            help,
            None,
        );
    };
    match (name.as_str(), parts) {
        ("and" | "or", Json::Array(parts)) if !parts.is_empty() => parts.iter().try_for_each(check),
        ("and" | "or", _) => fault(
            format!("`{name}` needs a list of filters"),
            "at least one",
            Some(name),
        ),
        ("not", part) => check(part),
        (other, _) => fault(format!("a filter has no key `{other}`"), help, Some(other)),
    }
}

fn leaf(object: &Map<String, Json>, endpoint: &Endpoint) -> Result<(), Fault> {
    for key in object.keys().map(String::as_str) {
        if !LEAF_KEYS.contains(&key) {
            return fault(
                format!("a condition has no key `{key}`"),
                LEAF_KEYS.join(", "),
                Some(key),
            );
        }
    }
    let Some(Json::String(field)) = object.get("field") else {
        return fault(
            "`field` must be the name of a column",
            "a string",
            Some("field"),
        );
    };
    if object
        .get("modifier")
        .is_some_and(|modifier| !modifier.is_string())
    {
        return fault(
            "`modifier` must be a string",
            "for example \"uppercase\"",
            Some("modifier"),
        );
    }
    let column = Leaf(Column::find(field, endpoint).map_err(|fault| fault.of_word(field))?);
    match (object.get("is"), object.get("list_is")) {
        (Some(condition), None) => column.is(condition),
        (None, Some(condition)) => column.list_is(condition),
        _ => fault(
            format!("`{field}` needs either `is` or `list_is`"),
            r#"for example "is": ["eq", 1]"#,
            Some(field),
        ),
    }
}

/// A column that a condition speaks of.
struct Leaf<'a>(Column<'a>);

impl Leaf<'_> {
    fn is(&self, condition: &Json) -> Result<(), Fault> {
        let name = self.0.name.as_str();
        let is_list = matches!(self.0.kind, ColumnKind::List(_));
        if is_list && !condition.as_str().is_some_and(|word| BARE.contains(&word)) {
            let help = r#""list_is": {"any": …} or {"all": …}"#;
            return fault(
                format!("`{name}` is a list: `is` does not fit it"),
                help,
                Some(name),
            );
        }
        self.condition(condition, &self.0.kind)
    }

    fn list_is(&self, condition: &Json) -> Result<(), Fault> {
        let name = self.0.name.as_str();
        let Some(item) = self.0.items() else {
            return fault(
                format!("`{name}` is no list: `list_is` does not fit it"),
                r#"use "is""#,
                Some(name),
            );
        };
        let entry = condition
            .as_object()
            .filter(|object| object.len() == 1)
            .and_then(|object| object.iter().next());
        match entry {
            Some((name, condition)) if ["any", "all"].contains(&name.as_str()) => {
                self.list_condition(condition, item)
            }
            _ => fault(
                "`list_is` must be one `any` or `all`",
                r#"{"any": ["eq", …]}"#,
                Some("list_is"),
            ),
        }
    }

    fn list_condition(&self, condition: &Json, item: &ColumnKind) -> Result<(), Fault> {
        match condition {
            Json::Object(object) => boolean(object, "and, or, not", &|part| {
                self.list_condition(part, item)
            }),
            other => self.condition(other, item),
        }
    }

    fn condition(&self, condition: &Json, kind: &ColumnKind) -> Result<(), Fault> {
        let name = self.0.name.as_str();
        match condition {
            Json::String(word) if BARE.contains(&word.as_str()) => Ok(()),
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(operator), value] => self.comparison(operator, value, kind),
                _ => fault(
                    format!("a condition on `{name}` must be an operator and a value"),
                    r#"for example ["gte", 30]"#,
                    Some(name),
                ),
            },
            _ => fault(
                format!("a condition on `{name}` cannot be {}", name_of(condition)),
                r#"["eq", VALUE], "empty" or "is_null""#,
                Some(name),
            ),
        }
    }

    fn comparison(&self, operator: &str, value: &Json, kind: &ColumnKind) -> Result<(), Fault> {
        let name = self.0.name.as_str();
        let Some(comparison) = Comparison::named(operator) else {
            let all = || Comparison::ALL.into_iter().map(Comparison::as_str);
            let help = nearest(operator, all()).map_or_else(
                || all().collect::<Vec<_>>().join(", "),
                |near| format!("did you mean `{near}`?"),
            );
            return fault(
                format!("a filter has no operator `{operator}`"),
                help,
                Some(operator),
            );
        };
        if !rules::operator_fits(comparison, kind) {
            let message = format!("`{operator}` does not fit `{name}`, {}", rules::words(kind));
            return fault(
                message,
                "eq, neq, or an operator of that type",
                Some(operator),
            );
        }
        if comparison.is_textual() && !value.is_string() {
            return fault(
                format!("`{operator}` needs a string, not {value}"),
                "write it in quotes",
                Some(operator),
            );
        }
        if !comparison.is_textual() && !rules::value_fits(value, kind) {
            let message = format!(
                "`{name}` is {} and cannot be compared with {value}",
                rules::words(kind)
            );
            return fault(message, rules::example(kind, '"'), Some(name));
        }
        let text = value.as_str().unwrap_or_default();
        match comparison {
            Comparison::Regex => self
                .0
                .check_pattern(text)
                .map_err(|fault| fault.of_word("regex")),
            Comparison::Eq | Comparison::Neq => self
                .0
                .check_known(text)
                .map_err(|fault| fault.of_word(text)),
            _ => Ok(()),
        }
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::catalog::Catalog;

    fn verdict(filter: &Json) -> Result<(), String> {
        let endpoint = Catalog::embedded()
            .endpoint("site-explorer/all-backlinks")
            .expect("a known endpoint");
        check(filter, endpoint)
            .map(drop)
            .map_err(|fault| format!("{}; {}", fault.message, fault.help))
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
