//! Saved responses: bodies that were paid for, kept so that they need not be fetched again.
//!
//! One file a response, written whole and durably before anything builds on it. They are the only record: what a task has
//! fetched, spent and proven is a fold over the responses of an attempt, in order. A new attempt begins where the responses
//! of the one before cannot be built on any more, or are to be paid for again; its responses stay until they are old. Knows
//! files, never rows.
//!
//! ```text
//! <responses>/<night>/<task>/<attempt>/000000.response     a checksum, one line of JSON, then the body
//! <responses>/packs/<name>.response                        the same, for many tasks, until it is divided
//! ```

mod attempt;
mod batches;
mod claimed_tasks;
mod headers;
mod listing_cache;
mod response_store;
mod retention;
mod saved_response;
#[cfg(test)]
mod tests;

pub use attempt::Attempt;
pub use response_store::ResponseStore;
pub use saved_response::{AnswerOrigin, ResponseHeader, SavedResponse};
