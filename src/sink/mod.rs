//! Room `sink`: record batches → sorted, rolled, encoded Parquet.
//!
//! ```text
//! pages of a task ─▶ TaskSorter ─▶ sorted batches ─▶ PartitionWriter ─▶ part-00000-….parquet, part-00001-….parquet
//!                      └─ runs in scratch              └─ metadata columns, bytes counted and hashed
//! ```
//! It knows tables and files in a directory that it is given; nothing of JSON, requests, commits or buckets.
//!
//! Invariants: the order of rows depends on their values alone, not on how they arrived; memory stays within stated
//! bounds whatever the number of rows; a writer that is dropped without `close` leaves its files for the caller to delete.

mod cursor;
mod encode;
mod identity;
mod layout;
mod merge;
mod order;
mod partition;
mod read;
mod sorter;
mod spill;
mod tee;

pub use encode::{Compression, WriterOptions};
pub use identity::IdentityCounter;
pub use layout::read_layout;
pub use partition::{Output, PartitionWriter, TaskColumns, TaskPlace};
pub use read::{Batches, FileFacts, describe_file, file_facts, read_batches, read_rows};
pub use sorter::{SortedRows, SorterOptions, TaskSorter};

use crate::error::{Code, Error};

/// The error for a file that cannot be written or read.
fn destination(what: &str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::Destination, what.to_owned()).with_source(source)
}

/// The error of ours that a stream was stopped by, if it was one: it says why, which what wraps it does not.
fn own_cause(error: &(dyn std::error::Error + 'static)) -> Option<Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        // An I/O error gives its cause's cause for its own.
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        let inner = inner.map(|inner| inner as &(dyn std::error::Error + 'static));
        if let Some(own) = inner.unwrap_or(error).downcast_ref::<Error>() {
            let copy = Error::new(own.code(), own.one_line()).with_next(own.next());
            return Some(own.context().iter().fold(copy, |copy, (key, value)| {
                copy.with_context(key, value.as_str())
            }));
        }
        cause = inner.or_else(|| error.source());
    }
    None
}

/// The error for columns that do not fit together: a defect.
fn internal(source: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, "the columns of a batch do not fit together").with_source(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stopped_a_stream_is_told_and_not_what_it_was_wrapped_in() {
        let own = Error::new(Code::Destination, "the bucket is full")
            .with_next("free space")
            .with_context("object", "a");
        let wrapped = parquet::errors::ParquetError::from(std::io::Error::other(own));
        let told = own_cause(&wrapped).expect("told");
        assert_eq!(
            (told.to_string().as_str(), told.next()),
            ("the bucket is full", "free space")
        );
        assert_eq!(told.context_value("object"), Some("a"));
        assert!(
            own_cause(&parquet::errors::ParquetError::from(std::io::Error::other(
                "a disk"
            )))
            .is_none()
        );
    }
}
