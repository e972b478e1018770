//! What a sandbox without faults, caps and churn answers: the truth that exports are compared with.

use backhaul::catalog::{Catalog, Endpoint};
use backhaul::model::Method;
use backhaul::sandbox::{Options, Quirk};
use serde_json::{Map, Value as Json};

use super::context::{KEY, TestContext, start_sandbox, unlimited};
use super::values::canonical_json;

/// Text as a query may hold it.
fn encoded(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(encode).collect()
}

impl TestContext {
    /// One GET on a sandbox of the same seed without faults, caps or churn; quirks that change the data itself stay.
    pub fn ask_oracle(&self, endpoint: &str, query: &[(&str, &str)]) -> Json {
        let endpoint = Catalog::embedded().endpoint(endpoint).unwrap();
        let said = query
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Json::from(*value)))
            .collect();
        self.ask_oracle_all(&[(endpoint, said)]).remove(0)
    }

    /// The same for many questions, each in the query or the body as its operation wants it.
    pub fn ask_oracle_all(&self, questions: &[(&Endpoint, Map<String, Json>)]) -> Vec<Json> {
        let changes_data = |quirk: &&Quirk| {
            [
                "wide_groups",
                "round_trip",
                "null_keys",
                "null_in_non_nullable",
            ]
            .contains(&quirk.as_str())
        };
        let quirks = self
            .options
            .quirks
            .iter()
            .filter(changes_data)
            .copied()
            .collect();
        let Options {
            rows,
            seed,
            ties,
            daily_churn,
            clock_offset,
            ..
        } = self.options;
        let options = Options {
            seed,
            ties,
            daily_churn,
            clock_offset,
            quirks,
            ..unlimited(rows)
        };
        self.runtime.block_on(async {
            let oracle = start_sandbox(options).await;
            // Another test may have installed it already: any will do.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder().no_proxy().build().unwrap();
            let mut answers = Vec::new();
            for (endpoint, said) in questions {
                let url = format!("{}/{}", oracle.url(), endpoint.name);
                let request = match endpoint.method {
                    Method::Post => client
                        .post(url)
                        .body(Json::Object(said.clone()).to_string()),
                    Method::Get => {
                        let text = |value: &Json| {
                            value
                                .as_str()
                                .map_or_else(|| value.to_string(), str::to_owned)
                        };
                        let query: Vec<String> = said
                            .iter()
                            .map(|(name, value)| format!("{name}={}", encoded(&text(value))))
                            .collect();
                        client.get(format!("{url}?{}", query.join("&")))
                    }
                };
                let response = request.bearer_auth(KEY).send().await.unwrap();
                let status = response.status();
                let body = response.bytes().await.unwrap();
                let text = String::from_utf8_lossy(&body);
                assert!(
                    status.is_success(),
                    "the oracle says {status} to {} {said:?}: {text}",
                    endpoint.name
                );
                answers.push(serde_json::from_slice(&body).unwrap());
            }
            oracle.stop().await;
            answers
        })
    }

    /// The rows that one uncapped request to the oracle returns, canonical and sorted.
    pub fn oracle_rows(
        &self,
        endpoint: &str,
        columns: &[String],
        query: &[(&str, &str)],
    ) -> Vec<Vec<String>> {
        let select = columns.join(",");
        let mut query = query.to_vec();
        query.push(("select", &select));
        if !query.iter().any(|(name, _)| *name == "limit") {
            query.push(("limit", "100000000"));
        }
        let body = self.ask_oracle(endpoint, &query);
        let described = Catalog::embedded().endpoint(endpoint).unwrap();
        let Some(Json::Array(rows)) = body.get(&described.response_key) else {
            panic!("no rows in {body}")
        };
        let mut canonical: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                let cell = |name: &String| {
                    canonical_json(&described.column(name).unwrap().kind, &row[name])
                };
                columns.iter().map(cell).collect()
            })
            .collect();
        canonical.sort();
        canonical
    }
}
