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

/// The error for columns that do not fit together: a defect.
fn internal(source: arrow::error::ArrowError) -> Error {
    Error::new(Code::Internal, "the columns of a batch do not fit together").with_source(source)
}
