//! The parameters of a request by name, each checked against the type that the catalog gives it. What the names
//! mean is not known here.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};

use super::body::body_parameters;
use crate::catalog::{Endpoint, Parameter, ParameterKind};
use crate::model::Method;
use crate::sandbox::refusal::Refusal;

/// The parameters of a request by name, as sent; unknown names are ignored.
pub(crate) struct Parameters<'a>(pub(crate) &'a [(String, String)]);

impl Parameters<'_> {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        value_of(self.0, name)
    }
}

fn value_of<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = pairs.iter().find(|(known, _)| known == name)?;
    Some(value)
}

/// The value of every parameter of an operation that has one: as sent, or the default.
#[derive(Debug, Default)]
pub(crate) struct Values(Vec<(String, String)>);

impl Values {
    /// The value of one parameter; empty ones count as missing.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.get_or_empty(name).filter(|value| !value.is_empty())
    }

    /// The value of one parameter, which may be empty.
    pub(crate) fn get_or_empty(&self, name: &str) -> Option<&str> {
        value_of(&self.0, name)
    }

    /// The value of one parameter; empty where it is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or("")
    }

    /// The items of a comma-separated value, each once, as first written.
    pub(crate) fn list(&self, name: &str) -> Vec<&str> {
        let mut items: Vec<&str> = Vec::new();
        for item in self.text(name).split(',') {
            let item = item.trim();
            if !item.is_empty() && !items.contains(&item) {
                items.push(item);
            }
        }
        items
    }

    /// The items of [`Values::list`].
    pub(crate) fn owned_list(&self, name: &str) -> Vec<String> {
        self.list(name).into_iter().map(str::to_owned).collect()
    }

    /// The day of a date or date-time.
    pub(crate) fn day(&self, name: &str) -> Option<NaiveDate> {
        self.get(name)?.get(..10)?.parse().ok()
    }

    /// The days of `date_from` and `date_to`.
    pub(crate) fn date_range(&self) -> (Option<NaiveDate>, Option<NaiveDate>) {
        (self.day("date_from"), self.day("date_to"))
    }

    /// Whether a parameter is missing or has this value.
    pub(crate) fn allows(&self, name: &str, value: &str) -> bool {
        match self.get(name) {
            Some(wanted) => wanted == value,
            None => true,
        }
    }

    /// All but some, as one text.
    pub(crate) fn without(&self, names: &[&str]) -> String {
        let mut text = String::new();
        for (name, value) in &self.0 {
            if names.contains(&name.as_str()) {
                continue;
            }
            if !text.is_empty() {
                text.push('&');
            }
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
        text
    }
}

/// Checks what was sent against what the operation takes.
pub(crate) fn read(
    endpoint: &Endpoint,
    parameters: &Parameters<'_>,
    now: DateTime<Utc>,
) -> Result<Values, Refusal> {
    let known = if endpoint.method == Method::Post {
        Cow::Owned(body_parameters(endpoint))
    } else {
        Cow::Borrowed(&endpoint.parameters)
    };
    let mut values = Vec::new();
    for parameter in known.iter() {
        let sent = parameters.get(&parameter.name);
        check(parameter, sent, now)?;
        if let Some(value) = sent.or(parameter.default.as_deref()) {
            values.push((parameter.name.clone(), value.to_owned()));
        }
    }
    let values = Values(values);
    if let Some([first, second]) = alternatives(endpoint)
        && values.get(first).is_none()
        && values.get(second).is_none()
    {
        return Err(Refusal::MissingArgument(first.to_owned()));
    }
    Ok(values)
}

/// Two parameters of which one must be sent, though the catalog calls neither required.
fn alternatives(endpoint: &Endpoint) -> Option<[&'static str; 2]> {
    if endpoint.parameter("portfolio_id").is_some() {
        return Some(["project_id", "portfolio_id"]);
    }
    let is_keywords = endpoint.section() == "keywords-explorer";
    if is_keywords && endpoint.parameter("keyword_list_id").is_some() {
        return Some(["keywords", "keyword_list_id"]);
    }
    None
}

/// Whether a value is a comma-separated list, which the catalog does not record for enums.
fn is_list(parameter: &Parameter) -> bool {
    parameter.default.as_deref() == Some("") || parameter.name == "data_source"
}

/// One parameter against its type.
fn check(parameter: &Parameter, value: Option<&str>, now: DateTime<Utc>) -> Result<(), Refusal> {
    let value = match value {
        Some("") | None if parameter.required => {
            return Err(Refusal::MissingArgument(parameter.name.clone()));
        }
        Some(value) => value,
        None => return Ok(()),
    };
    let is_enum = matches!(parameter.kind, ParameterKind::Enum(_));
    if parameter.name == "output" && value != "json" && is_enum {
        return Err(Refusal::Output(value.to_owned()));
    }
    if !is_list(parameter) {
        return check_value(&parameter.kind, &parameter.name, value, now);
    }
    for item in value.split(',') {
        if !item.is_empty() {
            check_value(&parameter.kind, &parameter.name, item.trim(), now)?;
        }
    }
    Ok(())
}

fn check_value(
    kind: &ParameterKind,
    name: &str,
    value: &str,
    now: DateTime<Utc>,
) -> Result<(), Refusal> {
    let fits = match kind {
        ParameterKind::Enum(values) => {
            if values.iter().any(|known| known == value) {
                return Ok(());
            }
            return Err(Refusal::BadEnum(value.to_owned()));
        }
        // Limits and offsets are below 2^32, ids may be longer.
        ParameterKind::Integer if matches!(name, "limit" | "offset" | "top_positions") => {
            value.parse::<u32>().is_ok()
        }
        ParameterKind::Integer => value.parse::<u64>().is_ok(),
        ParameterKind::Number => value.parse::<f64>().is_ok(),
        ParameterKind::Boolean => matches!(value, "true" | "false"),
        ParameterKind::Date | ParameterKind::DateTime => match day(kind, value) {
            Some(day) if day > now.date_naive() => {
                return Err(Refusal::FutureDate(value.to_owned()));
            }
            day => day.is_some(),
        },
        ParameterKind::List(item) => {
            for value in value.split(',') {
                check_value(item, name, value.trim(), now)?;
            }
            return Ok(());
        }
        ParameterKind::Text | ParameterKind::Url | ParameterKind::Json => true,
    };
    if fits {
        return Ok(());
    }
    Err(Refusal::BadParameter {
        name: name.to_owned(),
        value: value.to_owned(),
    })
}

/// The day of a date, or of a date-time where the parameter takes one.
fn day(kind: &ParameterKind, value: &str) -> Option<NaiveDate> {
    if *kind == ParameterKind::DateTime
        && let Ok(time) = DateTime::parse_from_rfc3339(value)
    {
        return Some(time.date_naive());
    }
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::sandbox::request::body::read_body;

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
