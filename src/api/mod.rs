//! The one client of the source: requests, retries, error classes. The only user of reqwest in the exporter.
//!
//! It never sees Arrow and never looks into a body: a caller's check says whether a body is good. The key goes to the
//! configured origin alone, over plain HTTP only to loopback, and no redirect is followed.

mod account;
mod backoff;
mod classify;
mod client;
mod drift;
mod free;
mod keys;
mod url;

pub use account::{Attempted, Outcome};
pub use classify::ApiError;
pub use client::{Client, ClientOptions, Quote, Rejected, Sent, Statistics};
pub use keys::KeyRing;
pub use url::encoded_query;
