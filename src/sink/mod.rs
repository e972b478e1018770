//! Module `sink`: record batches → sorted, rolled, encoded Parquet.
//!
//! ```text
//! pages of a task ─▶ TaskSorter ─▶ sorted batches ─▶ PartitionWriter ─▶ part-00000-….parquet, part-00001-….parquet
//!                      └─ runs in scratch              ├─ TaskColumnsFiller: metadata columns
//!                                                      └─ RollingWriter: a file up to its size, counted and hashed
//!                                                           └─ FileLocations: names and paths
//! ```
//! It knows tables and files in a directory that it is given; nothing of JSON, requests, commits or buckets.
//!
//! Invariants: the order of rows depends on their values alone, not on how they arrived; memory stays within stated
//! bounds whatever the number of rows; a writer that is dropped without `close` leaves its files for the caller to delete.

mod encode;
mod error;
mod file_locations;
mod hashing_writer;
mod identity_counter;
mod partition_writer;
mod read_file;
mod read_layout;
mod rolling_writer;
mod row_order;
mod run_cursor;
mod run_merger;
mod sorter;
mod spilled_run;
mod task_columns;

pub use encode::WriterOptions;
pub use file_locations::Output;
pub use identity_counter::IdentityCounter;
pub use partition_writer::PartitionWriter;
pub use read_file::{Batches, FileFooter, read_batches, read_footer, read_rows};
pub use read_layout::read_layout;
pub use sorter::{SortedRows, SorterOptions, TaskSorter};
pub use task_columns::{SortPosition, TaskColumns};
