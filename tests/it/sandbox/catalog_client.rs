//! A sandbox on a fixed day with a client that sends any operation of the catalog what it requires.

use backhaul::catalog::{Catalog, Endpoint, Parameter, ParameterKind, Shape};
use backhaul::model::Method;
use backhaul::sandbox::{Options, Sandbox};
use serde_json::{Map, Value, json};

use crate::support::{now, start_sandbox};

pub const BATCH: &str = "batch-analysis/batch-analysis";

pub const TODAY: &str = "2026-10-02";

/// A sandbox whose clock is at [`TODAY`], or a day near it.
pub struct CatalogClient {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
}

pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

pub type Sent = Vec<(String, Value)>;

impl Reply {
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    #[track_caller]
    pub fn rows(&self, endpoint: &Endpoint) -> Vec<Value> {
        assert_eq!(self.status, 200, "{} {}", endpoint.name, self.text);
        let body = self.json();
        assert_eq!(
            body.as_object().unwrap().len(),
            1,
            "{} has one key",
            endpoint.name
        );
        match (&endpoint.shape, &body[&endpoint.response_key]) {
            (Shape::Record, record @ Value::Object(_)) => vec![record.clone()],
            (Shape::Rows | Shape::Scalars, Value::Array(rows)) => rows.clone(),
            (_, other) => panic!("{}: {other}", endpoint.name),
        }
    }

    pub fn header(&self, name: &str) -> u64 {
        self.headers[name].to_str().unwrap().parse().unwrap()
    }
}

pub fn options() -> Options {
    Options {
        port: 0,
        rows: 60,
        units: None,
        requests_per_minute: None,
        ..Options::default()
    }
}

impl CatalogClient {
    pub async fn new(options: Options) -> Self {
        Self::on(TODAY, options).await
    }

    pub async fn on(day: &str, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let noon = day
            .parse::<chrono::NaiveDate>()
            .unwrap()
            .and_hms_opt(12, 0, 0)
            .unwrap()
            .and_utc();
        let clock_offset = noon - now();
        Self {
            sandbox: start_sandbox(Options {
                clock_offset,
                ..options
            })
            .await,
            client,
        }
    }

    pub async fn send(&self, endpoint: &Endpoint, sent: &Sent) -> Reply {
        let path = endpoint.path.strip_prefix("/v3").unwrap();
        let url = format!("{}{path}", self.sandbox.url());
        let request = if endpoint.method == Method::Post {
            let body: Map<String, Value> = sent.iter().cloned().map(of_body).collect();
            self.client.post(url).body(Value::Object(body).to_string())
        } else {
            let text = |value: &Value| {
                value
                    .as_str()
                    .map_or_else(|| value.to_string(), str::to_owned)
            };
            let pairs = sent
                .iter()
                .map(|(name, value)| (name.as_str(), text(value)));
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs)
                .finish();
            self.client.get(format!("{url}?{query}"))
        };
        let response = request
            .header("authorization", "Bearer sandbox-key")
            .send()
            .await
            .unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Reply {
            status,
            headers,
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, name: &str, parameters: &[(&str, &str)]) -> Reply {
        let sent = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        self.send(endpoint(name), &sent).await
    }

    pub async fn rows(&self, name: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
        self.get(name, parameters).await.rows(endpoint(name))
    }
}

/// A value as a body has it: columns in an array, a filter as an object.
pub fn of_body((name, value): (String, Value)) -> (String, Value) {
    let value = match (name.as_str(), value.as_str()) {
        ("select", Some(columns)) => json!(columns.split(',').collect::<Vec<_>>()),
        ("where", Some(filter)) => serde_json::from_str(filter).unwrap_or(value),
        _ => value,
    };
    (name, value)
}

pub fn endpoint(name: &str) -> &'static Endpoint {
    Catalog::embedded()
        .endpoint(name)
        .unwrap_or_else(|| panic!("no {name}"))
}

/// Every operation but Batch Analysis, which has tests of its own.
pub fn operations() -> impl Iterator<Item = &'static Endpoint> {
    Catalog::embedded()
        .endpoints()
        .filter(|endpoint| endpoint.name != BATCH)
}

/// Columns that can be selected together.
pub fn selectable(endpoint: &Endpoint) -> Vec<&str> {
    let columns = endpoint
        .columns
        .iter()
        .filter(|column| column.not_with.is_none());
    columns.map(|column| column.name.as_str()).collect()
}

/// A value for a required parameter.
pub fn value_of(endpoint: &Endpoint, parameter: &Parameter) -> Value {
    match (parameter.name.as_str(), &parameter.kind) {
        ("select", _) => json!(selectable(endpoint).join(",")),
        ("target" | "target_url", _) => json!("https://acme.com/"),
        ("keyword" | "keywords", _) => json!("running shoes"),
        ("country" | "country_code", _) => json!("us"),
        ("brand", _) => json!("Acme"),
        ("project_id", _) => json!(1001),
        ("post_id", _) => json!(50_001),
        ("report_id", _) => json!("6f1d8c1e-0001"),
        ("channel_id", _) => json!("ch-1"),
        ("external_post_id", _) => json!("x12kx"),
        ("date", _) => json!("2026-09-30"),
        ("date_from", _) => json!("2026-06-01"),
        (_, ParameterKind::Enum(values)) => json!(values[0]),
        (_, ParameterKind::Integer) => json!(7),
        (name, kind) => panic!("{}: no value for {name}: {kind:?}", endpoint.name),
    }
}

/// The least that the operation answers to.
pub fn minimal(endpoint: &Endpoint) -> Sent {
    let mut sent: Sent = match endpoint.name.as_str() {
        "brand-radar/citations-overview" => {
            vec![
                ("select".to_owned(), json!(selectable(endpoint))),
                ("data_source".to_owned(), json!(["chatgpt"])),
            ]
        }
        "brand-radar/citations-history" => {
            vec![
                ("date_from".to_owned(), json!("2026-09-01")),
                ("data_source".to_owned(), json!(["gemini"])),
            ]
        }
        _ => {
            let required = endpoint
                .parameters
                .iter()
                .filter(|parameter| parameter.required);
            required
                .map(|parameter| (parameter.name.clone(), value_of(endpoint, parameter)))
                .collect()
        }
    };
    let takes = |name: &str| endpoint.parameter(name).is_some();
    if takes("portfolio_id") {
        sent.push(("project_id".to_owned(), json!(1001)));
    }
    if endpoint.section() == "keywords-explorer" && takes("keywords") {
        sent.push(("keywords".to_owned(), json!("running shoes,river,ahrefs")));
    }
    sent
}

pub fn with(sent: &Sent, more: &[(&str, Value)]) -> Sent {
    let mut all: Sent = sent
        .iter()
        .filter(|(name, _)| !more.iter().any(|(other, _)| other == name))
        .cloned()
        .collect();
    all.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone())),
    );
    all
}

pub fn without(sent: &Sent, name: &str) -> Sent {
    sent.iter()
        .filter(|(known, _)| known != name)
        .cloned()
        .collect()
}

pub fn texts(rows: &[Value], column: &str) -> Vec<String> {
    rows.iter()
        .map(|row| {
            row[column]
                .as_str()
                .unwrap_or_else(|| panic!("{column} in {row}"))
                .to_owned()
        })
        .collect()
}
