//! One request for many targets: its body, and its answer split row by row. Pure.
//!
//! Values are passed on as received: nothing is parsed and serialized again.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value as Json};

use crate::catalog::{Endpoint, Shape};
use crate::decode::decompress;
use crate::error::{Error, ErrorCode, Result};
use crate::model::{Encoding, Method, Request};
use crate::plan::INDEX;

/// The parameters of each target: the name in a task's query, and the name in the body.
const OF_TARGET: [(&str, &str); 3] = [
    ("target", "url"),
    ("mode", "mode"),
    ("protocol", "protocol"),
];

/// Mode and protocol for an operation that has no such parameters: the answer is about the domain.
const DEFAULTS: [(&str, &str); 2] = [("mode", "subdomains"), ("protocol", "both")];

/// The request for some columns of some targets; each is given by its task's query. Parameters that apply to all of them
/// are read from the first.
pub(crate) fn request(
    endpoint: &Endpoint,
    columns: &[&str],
    targets: &[&[(String, String)]],
) -> Request {
    let mut body = Map::new();
    body.insert("select".to_owned(), columns.to_vec().into());
    let objects: Vec<Json> = targets.iter().map(|query| target(query)).collect();
    body.insert("targets".to_owned(), objects.into());
    let first = targets.first().copied().unwrap_or_default();
    for parameter in endpoint.inputs() {
        let name = parameter.name.as_str();
        if find_text(&OF_TARGET, name).is_none()
            && let Some(text) = query_value(first, name)
        {
            body.insert(name.to_owned(), text.into());
        }
    }
    Request {
        endpoint: endpoint.name.clone(),
        method: Method::Post,
        query: Vec::new(),
        body: Some(Json::Object(body).to_string()),
    }
}

/// One target of the body.
fn target(query: &[(String, String)]) -> Json {
    let mut target = Map::new();
    for (name, key) in OF_TARGET {
        let value = query_value(query, name);
        if let Some(text) = value.or_else(|| find_text(&DEFAULTS, name)) {
            target.insert(key.to_owned(), text.into());
        }
    }
    Json::Object(target)
}

/// The value of a parameter in a query.
pub(super) fn query_value<'a>(query: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let (_, value) = query.iter().find(|(known, _)| known == name)?;
    Some(value)
}

fn find_text(pairs: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    let (_, text) = pairs.iter().find(|(known, _)| *known == name)?;
    Some(text)
}

/// How the body of one target's answer is made from its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerTemplate {
    /// The key of the rows in the batch.
    #[serde(rename = "from")]
    batch_key: String,
    /// The key of the answer.
    #[serde(rename = "to")]
    answer_key: String,
    /// Whether the answer is one object rather than a list of one.
    is_record: bool,
    /// The columns: the name in the batch, and the name in the answer.
    columns: Vec<(String, String)>,
    /// Columns of the answer that are null where the batch has 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    zero_is_null: Vec<String>,
}

impl AnswerTemplate {
    /// The template of an operation's answer. `columns` are its own names, each with the name in the batch.
    pub fn of(own: &Endpoint, batch: &Endpoint, columns: &[(String, String)]) -> Self {
        let zero_is_null = match &own.batch {
            Some(batch) => batch.zero_is_null.clone(),
            None => Vec::new(),
        };
        let mut batch_columns = Vec::with_capacity(columns.len());
        for (own, batch) in columns {
            batch_columns.push((batch.clone(), own.clone()));
        }
        Self {
            batch_key: batch.response_key.clone(),
            answer_key: own.response_key.clone(),
            is_record: own.shape == Shape::Record,
            columns: batch_columns,
            zero_is_null,
        }
    }

    /// The name in the answer of a column of the batch.
    fn answer_column(&self, batch_column: &str) -> Option<&str> {
        let mut columns = self.columns.iter();
        let (_, own) = columns.find(|(batch, _)| batch == batch_column)?;
        Some(own)
    }

    /// The answer for one target. What the batch has beside the columns is passed on, so that it is reported as it would be
    /// in an answer of its own.
    fn body(&self, row: &ObjectFields) -> Vec<u8> {
        let mut object = String::from("{");
        for (batch_column, value) in &row.0 {
            let own = self.answer_column(batch_column);
            if batch_column == INDEX && own.is_none() {
                continue;
            }
            if object.len() > 1 {
                object.push(',');
            }
            let name = own.unwrap_or(batch_column);
            object.push_str(&Json::from(name).to_string());
            object.push(':');
            let is_zero = value.get() == "0";
            if is_zero && self.zero_is_null.iter().any(|column| column == name) {
                object.push_str("null");
            } else {
                object.push_str(value.get());
            }
        }
        object.push('}');
        let key = Json::from(self.answer_key.as_str());
        let whole = if self.is_record {
            format!("{{{key}:{object}}}")
        } else {
            format!("{{{key}:[{object}]}}")
        };
        whole.into_bytes()
    }
}

/// The fields of an object, in order, with the text of their values.
struct ObjectFields(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for ObjectFields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ObjectFields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<ObjectFields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(ObjectFields(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl ObjectFields {
    fn get(&self, name: &str) -> Option<&RawValue> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// Splits the answer of a batch: for each target, in the order of the request, the body of its own answer, or `None` where
/// the batch has no row for it.
///
/// # Errors
/// [`ErrorCode::Body`] if the body is not JSON; [`ErrorCode::Value`] if its rows cannot be assigned to targets: one without an index,
/// with an index out of range, or two with the same.
pub(crate) fn split_body(
    body: &[u8],
    templates: &[&AnswerTemplate],
) -> Result<Vec<Option<Vec<u8>>>> {
    let whole: ObjectFields = serde_json::from_slice(body).map_err(|error| {
        Error::new(
            ErrorCode::Body,
            "the answer for many targets is not a JSON object",
        )
        .with_source(error)
    })?;
    let key = templates.first().map_or("", |first| &first.batch_key);
    let rows = whole.get(key).map(RawValue::get).unwrap_or_default();
    let Ok(rows) = serde_json::from_str::<Vec<ObjectFields>>(rows) else {
        return Err(unassignable(format!("it has no rows under `{key}`")));
    };
    let mut bodies: Vec<Option<Vec<u8>>> = vec![None; templates.len()];
    for row in rows {
        let index = row.get(INDEX).map_or("missing", RawValue::get);
        let position: usize = index.parse().unwrap_or(usize::MAX);
        let (Some(slot), Some(template)) = (bodies.get_mut(position), templates.get(position))
        else {
            let number = templates.len();
            return Err(unassignable(format!(
                "the {INDEX} of a row is {index}, of {number} targets"
            )));
        };
        if slot.is_some() {
            return Err(unassignable(format!("two rows have the {INDEX} {index}")));
        }
        *slot = Some(template.body(&row));
    }
    Ok(bodies)
}

/// The same for a body that is compressed.
///
/// # Errors
/// As [`split_body`]; [`ErrorCode::Body`] if it cannot be read.
pub(crate) fn split_compressed_body(
    body: &[u8],
    encoding: Encoding,
    templates: &[&AnswerTemplate],
) -> Result<Vec<Option<Vec<u8>>>> {
    split_body(&decompress(body, encoding)?, templates)
}

fn unassignable(what: String) -> Error {
    Error::new(
        ErrorCode::Value,
        "the rows of an answer cannot be assigned to their targets",
    )
    .with_context("answer", what)
    .with_hint(
        "run the same command again; if it repeats, report it: nothing of the answer was used",
    )
}

/// A target as it can be compared with the one that an error of the API names.
pub(crate) fn normalized_target(url: &str) -> String {
    let lower = url.trim().to_lowercase();
    let rest = lower
        .split_once("://")
        .map_or(lower.as_str(), |(_, rest)| rest);
    rest.trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    fn template(endpoint: &str) -> AnswerTemplate {
        let batch = Catalog::embedded()
            .endpoint("batch-analysis/batch-analysis")
            .expect("known");
        let own = Catalog::embedded().endpoint(endpoint).expect("known");
        let columns =
            ["domain_rating", "ahrefs_rank"].map(|name| (name.to_owned(), name.to_owned()));
        AnswerTemplate::of(own, batch, &columns)
    }

    fn texts(body: &str, template: &AnswerTemplate, number: usize) -> Result<Vec<Option<String>>> {
        let bodies = split_body(body.as_bytes(), &vec![template; number])?;
        Ok(bodies
            .into_iter()
            .map(|body| body.map(|body| String::from_utf8(body).expect("text")))
            .collect())
    }

    #[test]
    fn rows_are_assigned_by_index_with_unchanged_values() {
        let body = r#"{"targets":[{"index":2,"domain_rating":26,"ahrefs_rank":null},
            {"index" : 0, "domain_rating": 91.00, "ahrefs_rank":1e3}]}"#;
        let record = texts(body, &template("site-explorer/domain-rating"), 3).expect("sound");
        assert_eq!(
            record[0].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":91.00,"ahrefs_rank":1e3}}"#)
        );
        assert_eq!(record[1], None);
        assert_eq!(
            record[2].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":26,"ahrefs_rank":null}}"#)
        );
        let row = texts(body, &template("batch-analysis/batch-analysis"), 3).expect("sound");
        assert_eq!(
            row[2].as_deref(),
            Some(r#"{"targets":[{"domain_rating":26,"ahrefs_rank":null}]}"#)
        );
    }

    #[test]
    fn unrequested_columns_are_passed_on() {
        let body =
            r#"{"targets":[{"index":0,"domain_rating":1,"surprise":"\u00e9","ahrefs_rank":2}]}"#;
        let row = texts(body, &template("site-explorer/domain-rating"), 1).expect("sound");
        let expected =
            r#"{"domain_rating":{"domain_rating":1,"surprise":"\u00e9","ahrefs_rank":2}}"#;
        assert_eq!(row[0].as_deref(), Some(expected));
    }

    #[test]
    fn a_rank_of_zero_in_a_batch_is_null_in_the_answer() {
        let body = r#"{"targets":[{"index":0,"domain_rating":0,"ahrefs_rank":0}]}"#;
        let row = texts(body, &template("site-explorer/domain-rating"), 1).expect("sound");
        assert_eq!(
            row[0].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":0,"ahrefs_rank":null}}"#)
        );
        let row = texts(body, &template("batch-analysis/batch-analysis"), 1).expect("sound");
        assert_eq!(
            row[0].as_deref(),
            Some(r#"{"targets":[{"domain_rating":0,"ahrefs_rank":0}]}"#)
        );
    }

    #[test]
    fn rows_that_cannot_be_assigned_are_refused() {
        for (rows, why) in [
            (r#"{"index":0},{"index":0}"#, "two rows"),
            (r#"{"index":2}"#, "the index of a row is 2"),
            (r#"{"index":-1}"#, "the index of a row is -1"),
            (r#"{"index":"0"}"#, "is \"0\""),
            (r#"{"domain_rating":1}"#, "is missing"),
        ] {
            let error = texts(
                &format!("{{\"targets\":[{rows}]}}"),
                &template("site-explorer/domain-rating"),
                2,
            );
            let error = error.expect_err("refused");
            assert_eq!(error.code(), ErrorCode::Value);
            assert!(
                error
                    .context_value("answer")
                    .is_some_and(|text| text.contains(why)),
                "{}",
                error.render()
            );
        }
        let damaged = texts(
            "{\"targets\":[{\"ind",
            &template("site-explorer/domain-rating"),
            2,
        )
        .expect_err("refused");
        assert_eq!(damaged.code(), ErrorCode::Body);
    }

    #[test]
    fn the_body_lists_targets_in_order_and_shared_parameters_once() {
        let batch = Catalog::embedded()
            .endpoint("batch-analysis/batch-analysis")
            .expect("known");
        let query = |url: &str| {
            [
                ("target", url),
                ("mode", "exact"),
                ("protocol", "https"),
                ("country", "us"),
                ("output", "json"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        let (one, two) = (query("a.com"), query("b.com/x"));
        let request = request(batch, &["index", "url"], &[&one, &two]);
        assert_eq!(
            request.body.as_deref(),
            Some(
                "{\"select\":[\"index\",\"url\"],\"targets\":[{\"url\":\"a.com\",\"mode\":\"exact\",\"protocol\":\
                 \"https\"},{\"url\":\"b.com/x\",\"mode\":\"exact\",\"protocol\":\"https\"}],\"country\":\"us\",\
                 \"output\":\"json\"}"
            )
        );
        let selected = crate::fetch::request::selected_columns(&request);
        assert_eq!(
            selected,
            ["index", "url"],
            "none of them is treated as a removed column"
        );
    }

    #[test]
    fn a_target_is_recognised_whatever_its_spelling() {
        assert_eq!(normalized_target("HTTPS://Acme.com/"), "acme.com");
        assert_eq!(normalized_target("acme.com/a"), "acme.com/a");
    }
}
