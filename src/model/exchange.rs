//! Requests to the API and its responses. Requests and prices are stored on disk: keys are never renamed.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// HTTP method of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Parameters in the query.
    Get,
    /// Parameters in a JSON body.
    Post,
}

/// One request to the API, complete but for the key and the origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Catalog name, for example `site-explorer/all-backlinks`.
    pub endpoint: String,
    /// HTTP method.
    pub method: Method,
    /// Query parameters in the order sent, not yet percent-encoded.
    pub query: Vec<(String, String)>,
    /// JSON body of a POST.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What the headers of a response say about its price. Absent headers stay `None`: nothing is guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// `x-api-rows`.
    pub rows: Option<u64>,
    /// `x-api-units-cost-row`.
    pub units_per_row: Option<u64>,
    /// `x-api-units-cost-total`: what the request would cost without a cache.
    pub units_total: Option<u64>,
    /// `x-api-units-cost-total-actual`: what was charged.
    pub units_actual: Option<u64>,
    /// `x-api-cache` was `hit`.
    pub cache_hit: bool,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// gzip, as received.
    Gzip,
    /// zstd, as saved by this program.
    Zstd,
}

/// A 200 as received: the body is unchanged.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The body as received.
    pub body: Bytes,
    /// Its content encoding.
    pub encoding: Encoding,
    /// What the headers say about the price.
    pub price: Price,
    /// When the last byte arrived.
    pub received_at: DateTime<Utc>,
    /// The attempts that it took, this one included.
    pub attempts: u32,
}
