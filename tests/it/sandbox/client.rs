//! A sandbox with a client that has its key, and requests about backlinks.

use backhaul::sandbox::{Options, Quirk, Sandbox};
use serde_json::Value;

use crate::support::start_sandbox;

pub const BACKLINKS: &str = "site-explorer/all-backlinks";

/// A sandbox with a client that holds its key.
pub struct SandboxClient {
    pub sandbox: Sandbox,
    pub client: reqwest::Client,
}

pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {}", self.text))
    }

    pub fn rows(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        let body = self.json();
        let (_, rows) = body.as_object().unwrap().iter().next().unwrap();
        rows.as_array().unwrap().clone()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

pub fn options() -> Options {
    Options {
        port: 0,
        rows: 2_000,
        units: None,
        requests_per_minute: None,
        ..Options::default()
    }
}

pub fn quirk(quirk: Quirk) -> Options {
    Options {
        quirks: vec![quirk],
        ..options()
    }
}

impl SandboxClient {
    pub async fn new(options: Options) -> Self {
        // Another test of this process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0)
            .build()
            .unwrap();
        Self {
            sandbox: start_sandbox(options).await,
            client,
        }
    }

    pub async fn send(
        &self,
        endpoint: &str,
        parameters: &[(&str, &str)],
        key: Option<&str>,
    ) -> reqwest::Result<Reply> {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(parameters)
            .finish();
        let mut request = self
            .client
            .get(format!("{}/{endpoint}?{query}", self.sandbox.url()));
        if let Some(key) = key {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Reply {
            status,
            headers,
            text: response.text().await?,
        })
    }

    pub async fn get(&self, endpoint: &str, parameters: &[(&str, &str)]) -> Reply {
        self.send(endpoint, parameters, Some("sandbox-key"))
            .await
            .unwrap()
    }

    /// Backlinks of `acme.com`, all rows of `aggregation=all` unless overridden.
    pub async fn links(&self, select: &str, more: &[(&str, &str)]) -> Reply {
        let mut parameters = vec![
            ("target", "acme.com"),
            ("select", select),
            ("history", "live"),
        ];
        if !more.iter().any(|(name, _)| *name == "aggregation") {
            parameters.push(("aggregation", "all"));
        }
        if !more.iter().any(|(name, _)| *name == "limit") {
            parameters.push(("limit", "1000000"));
        }
        parameters.extend_from_slice(more);
        self.get(BACKLINKS, &parameters).await
    }
}

pub fn text<'a>(row: &'a Value, column: &str) -> &'a str {
    row[column]
        .as_str()
        .unwrap_or_else(|| panic!("{column} is no text in {row}"))
}
