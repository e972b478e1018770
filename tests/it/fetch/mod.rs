//! From a task to its saved answers: access, failures, shared requests, batches, changes.

mod api_access;
mod batches;
mod changes;
mod check_columns;
mod circuit_breaker;
mod failures;
mod shared_requests;
mod support;
