//! What a request says, by name: from the query of a GET or the body of a POST, each against the type that the catalog
//! gives it. Knows nothing of what the names mean.

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value as Json};

use super::refusal::Refusal;
use crate::catalog::{Catalog, Endpoint, Parameter, ParameterKind};
use crate::model::Method;

/// The parameters of a request by name, as sent; unknown names are ignored.
pub(super) struct Parameters<'a>(pub(super) &'a [(String, String)]);

impl Parameters<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What was sent, or would have been meant without it, for every parameter of an operation that has a value.
#[derive(Debug, Default)]
pub(super) struct Values(Vec<(String, String)>);

impl Values {
    /// The value of one parameter; empty ones count as left out.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.even_empty(name).filter(|value| !value.is_empty())
    }

    /// The value of one parameter as it is.
    pub(super) fn even_empty(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The items of a comma-separated value, each once, as first written.
    pub(super) fn list(&self, name: &str) -> Vec<&str> {
        let mut items: Vec<&str> = Vec::new();
        for item in self
            .get(name)
            .unwrap_or("")
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
        {
            if !items.contains(&item) {
                items.push(item);
            }
        }
        items
    }

    /// The day of a date or date-time.
    pub(super) fn day(&self, name: &str) -> Option<NaiveDate> {
        self.get(name)?.get(..10)?.parse().ok()
    }

    /// All but some, as one text.
    pub(super) fn without(&self, names: &[&str]) -> String {
        let others = self
            .0
            .iter()
            .filter(|(name, _)| !names.contains(&name.as_str()));
        others
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&")
    }
}

/// Checks what was sent against what the operation takes.
pub(super) fn read(
    endpoint: &Endpoint,
    parameters: &Parameters<'_>,
    now: DateTime<Utc>,
) -> Result<Values, Refusal> {
    let known = if endpoint.method == Method::Post {
        of_body(endpoint)
    } else {
        endpoint.parameters.clone()
    };
    let mut values = Vec::new();
    for parameter in &known {
        let sent = parameters.get(&parameter.name);
        check(parameter, sent, now)?;
        if let Some(value) = sent.or(parameter.default.as_deref()) {
            values.push((parameter.name.clone(), value.to_owned()));
        }
    }
    let values = Values(values);
    for either in one_of(endpoint) {
        if either.iter().all(|name| values.get(name).is_none()) {
            return Err(Refusal::MissingArgument(
                (*either.first().unwrap_or(&"")).to_owned(),
            ));
        }
    }
    Ok(values)
}

/// Parameters of which one must be there, though none is called required.
fn one_of(endpoint: &Endpoint) -> &'static [&'static [&'static str]] {
    let takes = |name: &str| endpoint.parameter(name).is_some();
    if takes("portfolio_id") {
        &[&["project_id", "portfolio_id"]]
    } else if endpoint.section() == "keywords-explorer" && takes("keyword_list_id") {
        &[&["keywords", "keyword_list_id"]]
    } else {
        &[]
    }
}

/// Whether a value is a comma-separated list, which the catalog does not tell of enums.
fn is_list(parameter: &Parameter) -> bool {
    parameter.default.as_deref() == Some("") || parameter.name == "data_source"
}

/// One parameter against its type.
fn check(parameter: &Parameter, value: Option<&str>, now: DateTime<Utc>) -> Result<(), Refusal> {
    let Some(value) = value.filter(|value| !(parameter.required && value.is_empty())) else {
        return if parameter.required {
            Err(Refusal::MissingArgument(parameter.name.clone()))
        } else {
            Ok(())
        };
    };
    if parameter.name == "output"
        && value != "json"
        && matches!(parameter.kind, ParameterKind::Enum(_))
    {
        return Err(Refusal::Output(value.to_owned()));
    }
    if is_list(parameter) {
        let items = value.split(',').filter(|item| !item.is_empty());
        return items
            .map(str::trim)
            .try_for_each(|item| check_one(&parameter.kind, &parameter.name, item, now));
    }
    check_one(&parameter.kind, &parameter.name, value, now)
}

fn check_one(
    kind: &ParameterKind,
    name: &str,
    value: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let fits = match kind {
        ParameterKind::Enum(values) => {
            let known = values.iter().any(|known| known == value);
            return if known {
                Ok(())
            } else {
                Err(Refusal::BadEnum(value.to_owned()))
            };
        }
        // Limits and offsets stay under 2^32, ids may be longer.
        ParameterKind::Integer if matches!(name, "limit" | "offset" | "top_positions") => {
            value.parse::<u32>().is_ok()
        }
        ParameterKind::Integer => value.parse::<u64>().is_ok(),
        ParameterKind::Number => value.parse::<f64>().is_ok(),
        ParameterKind::Boolean => matches!(value, "true" | "false"),
        ParameterKind::Date | ParameterKind::DateTime => {
            let time = if *kind == ParameterKind::Date {
                None
            } else {
                DateTime::parse_from_rfc3339(value).ok()
            };
            match time
                .map(|time| time.date_naive())
                .or_else(|| value.parse::<NaiveDate>().ok())
            {
                Some(day) if day > now.date_naive() => {
                    return Err(Refusal::FutureDate(value.to_owned()));
                }
                day => day.is_some(),
            }
        }
        ParameterKind::List(item) => {
            let mut items = value.split(',').map(str::trim);
            return items.try_for_each(|value| check_one(item, name, value, now));
        }
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Refusal::BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
        })
    }
}

/// The fields of a body as the parameters that they are in all but place.
pub(super) fn of_body(endpoint: &Endpoint) -> Vec<Parameter> {
    let body = endpoint.body.as_ref();
    let required = body
        .and_then(|body| body.get("required"))
        .and_then(Json::as_array);
    let is_required =
        |name: &str| required.is_some_and(|names| names.iter().any(|known| known == name));
    let fields = body
        .and_then(|body| body.get("fields"))
        .and_then(Json::as_object);
    let parameter = |(name, field): (&String, &Json)| Parameter {
        name: name.clone(),
        kind: kind_of(field),
        default: None,
        required: is_required(name),
    };
    fields.into_iter().flatten().map(parameter).collect()
}

fn kind_of(field: &Json) -> ParameterKind {
    let text = |name: &str| field.get(name).and_then(Json::as_str).unwrap_or("");
    match (text("type"), text("format"), field.get("enum")) {
        (_, _, Some(Json::Array(values))) => ParameterKind::Enum(
            values
                .iter()
                .filter_map(Json::as_str)
                .map(str::to_owned)
                .collect(),
        ),
        // A named enum: the one that bodies use is spelt out where the query has it.
        (_, _, Some(_)) => countries(),
        ("integer", ..) => ParameterKind::Integer,
        ("number", ..) => ParameterKind::Number,
        ("boolean", ..) => ParameterKind::Boolean,
        ("object", ..) => ParameterKind::Json,
        ("array", ..) => match field.get("items").map(kind_of) {
            Some(ParameterKind::Json) | None => ParameterKind::Json,
            Some(item) => ParameterKind::List(Box::new(item)),
        },
        (_, "date", _) => ParameterKind::Date,
        (_, "date-time", _) => ParameterKind::DateTime,
        _ => ParameterKind::Text,
    }
}

fn countries() -> ParameterKind {
    let endpoint = Catalog::embedded().endpoint("keywords-explorer/overview");
    endpoint
        .and_then(|endpoint| endpoint.parameter("country"))
        .map_or(ParameterKind::Text, |one| one.kind.clone())
}

/// A body as name and value: lists comma-separated, objects as JSON, as a query would have them.
pub(super) fn read_body(
    endpoint: &Endpoint,
    body: &[u8],
) -> Result<Vec<(String, String)>, Refusal> {
    let body: Map<String, Json> = serde_json::from_slice(body).or(Err(Refusal::Body))?;
    let known = of_body(endpoint);
    let mut values = Vec::new();
    for (name, value) in &body {
        let Some(parameter) = known.iter().find(|parameter| parameter.name == *name) else {
            continue;
        };
        if let Some(text) = text_of(&parameter.kind, name, value)? {
            values.push((name.clone(), text));
        }
    }
    Ok(values)
}

fn text_of(kind: &ParameterKind, name: &str, value: &Json) -> Result<Option<String>, Refusal> {
    let text = match (kind, value) {
        (_, Json::Null) => return Ok(None),
        (ParameterKind::Json, Json::Object(_) | Json::Array(_))
        | (ParameterKind::Integer | ParameterKind::Number, Json::Number(_))
        | (ParameterKind::Boolean, Json::Bool(_)) => value.to_string(),
        (ParameterKind::List(item), Json::Array(items)) => {
            let items = items.iter().map(|value| text_of(item, name, value));
            items
                .filter_map(Result::transpose)
                .collect::<Result<Vec<_>, _>>()?
                .join(",")
        }
        (
            ParameterKind::Text
            | ParameterKind::Url
            | ParameterKind::Date
            | ParameterKind::DateTime
            | ParameterKind::Enum(_),
            Json::String(text),
        ) => text.clone(),
        _ => {
            return Err(Refusal::BadParameter {
                name: name.to_owned(),
                value: value.to_string(),
            });
        }
    };
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Result<Values, Refusal> {
        let endpoint = Catalog::embedded()
            .endpoint("brand-radar/citations-history")
            .unwrap();
        let now = "2026-10-02T00:00:00Z".parse().unwrap();
        read(
            endpoint,
            &Parameters(&read_body(endpoint, text.as_bytes())?),
            now,
        )
    }

    #[test]
    fn a_body_is_read_as_a_query_would_be() {
        let text = r#"{"data_source": ["chatgpt", "gemini"], "date_from": "2026-01-01", "country": ["us"], "what": 1}"#;
        let values = body(text).unwrap();
        assert_eq!(values.list("data_source"), ["chatgpt", "gemini"]);
        assert_eq!(values.day("date_from").unwrap().to_string(), "2026-01-01");
        assert_eq!(values.get("what"), None);
    }

    #[test]
    fn fields_of_a_body_are_refused_as_parameters_are() {
        let bad = |name: &str, value: &str| Refusal::BadParameter {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        for (text, refusal) in [
            ("[1]", Refusal::Body),
            ("{", Refusal::Body),
            (
                r#"{"date_from": "2026-01-01"}"#,
                Refusal::MissingArgument("data_source".to_owned()),
            ),
            (
                r#"{"data_source": ["chatgpt"]}"#,
                Refusal::MissingArgument("date_from".to_owned()),
            ),
            (
                r#"{"data_source": "chatgpt", "date_from": "2026-01-01"}"#,
                bad("data_source", "\"chatgpt\""),
            ),
            (
                r#"{"data_source": ["altavista"], "date_from": "2026-01-01"}"#,
                Refusal::BadEnum("altavista".to_owned()),
            ),
            (
                r#"{"data_source": ["grok"], "date_from": "2027-01-01"}"#,
                Refusal::FutureDate("2027-01-01".to_owned()),
            ),
            (
                r#"{"data_source": ["grok"], "date_from": "2026-01-01", "country": ["xx"]}"#,
                Refusal::BadEnum("xx".to_owned()),
            ),
        ] {
            assert_eq!(body(text).err(), Some(refusal), "{text}");
        }
    }
}
