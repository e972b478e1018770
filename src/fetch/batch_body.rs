//! Many targets in one request: its body, and its answer taken apart row by row. Pure.
//!
//! Values are passed on as the text that came: nothing is parsed and written again.

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

/// What each target is asked about, by the name that it has in a task's query and in the body.
const OF_TARGET: [(&str, &str); 3] = [
    ("target", "url"),
    ("mode", "mode"),
    ("protocol", "protocol"),
];

/// What stands for a mode and a protocol that an operation does not take: the answer is about the domain.
const DEFAULTS: [(&str, &str); 2] = [("mode", "subdomains"), ("protocol", "both")];

/// The request for some columns of some targets; each is given by its task's query. What is asked of all of them is taken
/// from the first.
pub(crate) fn request(
    endpoint: &Endpoint,
    columns: &[&str],
    targets: &[&[(String, String)]],
) -> Request {
    let value = |query: &[(String, String)], name: &str| {
        query
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
    };
    let target = |query: &&[(String, String)]| {
        let default = |name: &str| {
            DEFAULTS
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, text)| (*text).to_owned())
        };
        let part = |(name, body): &(&str, &str)| {
            Some((
                (*body).to_owned(),
                Json::from(value(query, name).or_else(|| default(name))?),
            ))
        };
        Json::Object(OF_TARGET.iter().filter_map(part).collect())
    };
    let mut body = Map::new();
    body.insert("select".to_owned(), columns.to_vec().into());
    body.insert("targets".to_owned(), targets.iter().map(target).collect());
    let first = targets.first().copied().unwrap_or_default();
    for parameter in endpoint.inputs() {
        let name = parameter.name.as_str();
        if !OF_TARGET.iter().any(|(known, _)| *known == name)
            && let Some(text) = value(first, name)
        {
            body.insert(name.to_owned(), text.into());
        }
    }
    let body = Some(Json::Object(body).to_string());
    Request {
        endpoint: endpoint.name.clone(),
        method: Method::Post,
        query: Vec::new(),
        body,
    }
}

/// How the body of one target's answer is made from its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AnswerTemplate {
    /// The key under which the rows of the pack lie.
    from: String,
    /// The key under which the answer lies.
    to: String,
    /// Whether it is one object rather than a list of one.
    is_record: bool,
    /// The columns by the names that they have in the pack, with those that they have in the answer.
    columns: Vec<(String, String)>,
    /// Columns of the answer that are null where the pack says 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    zero_is_null: Vec<String>,
}

impl AnswerTemplate {
    /// The form of an operation's answer. `columns` are its own names, each with that in the pack.
    pub fn of(own: &Endpoint, batch: &Endpoint, columns: &[(String, String)]) -> Self {
        Self {
            from: batch.response_key.clone(),
            to: own.response_key.clone(),
            is_record: own.shape == Shape::Record,
            columns: columns
                .iter()
                .map(|(own, batch)| (batch.clone(), own.clone()))
                .collect(),
            zero_is_null: own
                .batch
                .as_ref()
                .map(|batch| batch.zero_is_null.clone())
                .unwrap_or_default(),
        }
    }

    /// The answer for one target. What the pack sent beside the columns is passed on, so that it is noticed as it would be
    /// in an answer of its own.
    fn body(&self, row: &ObjectFields) -> Vec<u8> {
        let named = |name: &str| {
            self.columns
                .iter()
                .find(|(batch, _)| batch == name)
                .map(|(_, own)| own.as_str())
        };
        let mut object = String::from("{");
        for (name, value) in &row.0 {
            if name == INDEX && named(name).is_none() {
                continue;
            }
            if object.len() > 1 {
                object.push(',');
            }
            let name = named(name).unwrap_or(name);
            object.push_str(&Json::from(name).to_string());
            object.push(':');
            let is_null =
                value.get() == "0" && self.zero_is_null.iter().any(|column| column == name);
            object.push_str(if is_null { "null" } else { value.get() });
        }
        object.push('}');
        let key = Json::from(self.to.as_str());
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
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(ObjectFields(pairs))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

impl ObjectFields {
    fn get(&self, name: &str) -> Option<&RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_ref())
    }
}

/// Takes a pack's answer apart: for each target, in the order in which they were asked, the body of its own answer, or
/// `None` where the pack has no row of it.
///
/// # Errors
/// [`ErrorCode::Body`] if the body is no JSON; [`ErrorCode::Value`] if its rows cannot be told apart: one without a place, with a
/// place that nobody asked for, or two with the same.
pub(crate) fn split_body(body: &[u8], forms: &[&AnswerTemplate]) -> Result<Vec<Option<Vec<u8>>>> {
    let whole: ObjectFields = serde_json::from_slice(body).map_err(|error| {
        Error::new(
            ErrorCode::Body,
            "the answer for many targets is no JSON object",
        )
        .with_source(error)
    })?;
    let key = forms.first().map_or("", |form| form.from.as_str());
    let rows = whole
        .get(key)
        .and_then(|rows| serde_json::from_str::<Vec<ObjectFields>>(rows.get()).ok());
    let rows = rows.ok_or_else(|| contradiction(format!("it has no rows under `{key}`")))?;
    let mut bodies: Vec<Option<Vec<u8>>> = vec![None; forms.len()];
    for row in rows {
        let index = row.get(INDEX).map_or("nothing", RawValue::get);
        let slot = index
            .parse::<usize>()
            .ok()
            .and_then(|place| Some((bodies.get_mut(place)?, forms.get(place)?)));
        match slot {
            None => {
                return Err(contradiction(format!(
                    "a row says that its {INDEX} is {index}, of {} targets",
                    forms.len()
                )));
            }
            Some((Some(_), _)) => {
                return Err(contradiction(format!(
                    "two rows say that their {INDEX} is {index}"
                )));
            }
            Some((slot, form)) => *slot = Some(form.body(&row)),
        }
    }
    Ok(bodies)
}

/// The same for a body that is compressed.
///
/// # Errors
/// As [`divide`]; [`ErrorCode::Body`] if it cannot be read.
pub(crate) fn split_compressed_body(
    body: &[u8],
    encoding: Encoding,
    forms: &[&AnswerTemplate],
) -> Result<Vec<Option<Vec<u8>>>> {
    split_body(&decompress(body, encoding)?, forms)
}

fn contradiction(what: String) -> Error {
    Error::new(
        ErrorCode::Value,
        "the answer for many targets cannot be told apart by target",
    )
    .with_context("answer", what)
    .with_hint(
        "run the same command again; if it repeats, report it: nothing of the answer was used",
    )
}

/// A target as it can be recognised in what the API says of it.
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

    fn forms(endpoint: &str) -> AnswerTemplate {
        let batch = Catalog::embedded()
            .endpoint("batch-analysis/batch-analysis")
            .expect("known");
        let own = Catalog::embedded().endpoint(endpoint).expect("known");
        let columns =
            ["domain_rating", "ahrefs_rank"].map(|name| (name.to_owned(), name.to_owned()));
        AnswerTemplate::of(own, batch, &columns)
    }

    fn texts(body: &str, form: &AnswerTemplate, number: usize) -> Result<Vec<Option<String>>> {
        let bodies = split_body(body.as_bytes(), &vec![form; number])?;
        Ok(bodies
            .into_iter()
            .map(|body| body.map(|body| String::from_utf8(body).expect("text")))
            .collect())
    }

    #[test]
    fn rows_go_to_their_targets_by_index_with_their_values_to_the_letter() {
        let body = r#"{"targets":[{"index":2,"domain_rating":26,"ahrefs_rank":null},
            {"index" : 0, "domain_rating": 91.00, "ahrefs_rank":1e3}]}"#;
        let record = texts(body, &forms("site-explorer/domain-rating"), 3).expect("sound");
        assert_eq!(
            record[0].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":91.00,"ahrefs_rank":1e3}}"#)
        );
        assert_eq!(record[1], None);
        assert_eq!(
            record[2].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":26,"ahrefs_rank":null}}"#)
        );
        let row = texts(body, &forms("batch-analysis/batch-analysis"), 3).expect("sound");
        assert_eq!(
            row[2].as_deref(),
            Some(r#"{"targets":[{"domain_rating":26,"ahrefs_rank":null}]}"#)
        );
    }

    #[test]
    fn what_was_not_asked_for_is_passed_on_to_be_noticed() {
        let body =
            r#"{"targets":[{"index":0,"domain_rating":1,"surprise":"\u00e9","ahrefs_rank":2}]}"#;
        let row = texts(body, &forms("site-explorer/domain-rating"), 1).expect("sound");
        let expected =
            r#"{"domain_rating":{"domain_rating":1,"surprise":"\u00e9","ahrefs_rank":2}}"#;
        assert_eq!(row[0].as_deref(), Some(expected));
    }

    #[test]
    fn a_site_without_a_rank_has_none_though_a_pack_says_zero() {
        let body = r#"{"targets":[{"index":0,"domain_rating":0,"ahrefs_rank":0}]}"#;
        let row = texts(body, &forms("site-explorer/domain-rating"), 1).expect("sound");
        assert_eq!(
            row[0].as_deref(),
            Some(r#"{"domain_rating":{"domain_rating":0,"ahrefs_rank":null}}"#)
        );
        let row = texts(body, &forms("batch-analysis/batch-analysis"), 1).expect("sound");
        assert_eq!(
            row[0].as_deref(),
            Some(r#"{"targets":[{"domain_rating":0,"ahrefs_rank":0}]}"#)
        );
    }

    #[test]
    fn rows_that_cannot_be_told_apart_are_refused() {
        for (rows, why) in [
            (r#"{"index":0},{"index":0}"#, "two rows"),
            (r#"{"index":2}"#, "its index is 2"),
            (r#"{"index":-1}"#, "its index is -1"),
            (r#"{"index":"0"}"#, "is \"0\""),
            (r#"{"domain_rating":1}"#, "is nothing"),
        ] {
            let error = texts(
                &format!("{{\"targets\":[{rows}]}}"),
                &forms("site-explorer/domain-rating"),
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
            &forms("site-explorer/domain-rating"),
            2,
        )
        .expect_err("refused");
        assert_eq!(damaged.code(), ErrorCode::Body);
    }

    #[test]
    fn targets_stand_in_the_body_in_order_and_what_is_asked_of_all_stands_once() {
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
            "none of them is taken for a removed column"
        );
    }

    #[test]
    fn a_target_is_recognised_whatever_its_spelling() {
        assert_eq!(normalized_target("HTTPS://Acme.com/"), "acme.com");
        assert_eq!(normalized_target("acme.com/a"), "acme.com/a");
    }
}
