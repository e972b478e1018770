//! Requests to the objects of a bucket, retried until they have a definite answer.
//!
//! `wire` classifies failures, `retry` retries by class, `request_failure` makes them errors; `objects` and `writes` read
//! and write objects; `open` and `options` configure the client.

mod address;
mod bucket;
mod objects;
mod open;
mod options;
mod request_failure;
mod retry;
mod s3;
mod wire;
mod writes;

pub(super) use address::Scheme;
pub(super) use bucket::Backend;
pub use bucket::Bucket;
pub use objects::{Object, Version};
pub use options::{BucketOptions, Credentials, Encryption, Writers, set_lease, set_patience};
pub(super) use request_failure::Operation;
pub(super) use s3::OpenUpload;
pub(super) use wire::FailureClass;
