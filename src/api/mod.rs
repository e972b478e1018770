//! The client of the API: requests, retries, classes of errors. The exporter's only user of reqwest.
//!
//! It does not know Arrow and does not look into a body: the caller's check says whether a body is good. The key goes to
//! the configured origin alone, over plain HTTP only to loopback, and no redirect is followed.

mod api_error;
mod attempt_record;
mod classify;
mod client;
mod free;
mod hint;
mod key_ring;
mod retry_policy;
mod schema_drift;
mod transport;
mod url;

pub use attempt_record::{AttemptRecord, Outcome};
pub use client::{BodyCheck, Client, ClientOptions, Quote, Response, Statistics};
pub use key_ring::KeyRing;
pub use retry_policy::RetryPolicy;
pub use url::encoded_query;
