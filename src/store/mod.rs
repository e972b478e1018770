//! The destination: partitions and their state, commits, locks, garbage; on a disk or in a bucket.
//!
//! The truth is one state object per partition under `_backhaul/tables/`; everything temporary is under `_backhaul/`, never
//! in a table's folder, since readers glob those. Knows files and manifests, never rows or requests.
//!
//! The interface is synchronous, as file systems are: requests to a bucket run on threads of their own, and the caller
//! blocks. Call it where blocking is allowed.
//!
//! ```text
//! <destination>/<report>/snapshot_date=…/part-….parquet               what readers see
//! <destination>/_backhaul/tables/<report>/<partition>.json            the truth about a partition
//! <destination>/_backhaul/tables/<report>.json                        roll-up: commit number, recorded columns
//! <destination>/_backhaul/staging/…                                   commits under way
//! <destination>/_backhaul/claims/…                                    which process works on which task
//! <destination>/_backhaul/nights/…  runs/…  units/…  responses/…      small files
//! ```

pub mod bucket;
mod claim_result;
mod claims;
mod destination;
mod disk;
mod file_metadata;
mod intent;
mod io_error;
mod json;
mod layout;
mod lease;
mod listing;
mod local_file;
#[cfg(any(debug_assertions, feature = "testing"))]
mod memory_files;
mod partition_commit;
mod small_files;
mod table_record;
mod tables;
mod temporary;
mod unfinished;
mod verify;

pub use bucket::{BucketFiles, Remote};
pub use claim_result::ClaimResult;
pub use destination::Store;
pub use disk::{Disk, DiskFiles, FileLock, Replace, STAGED_SUFFIX, remove_folder, replace_file};
pub use file_metadata::FileMetadata;
pub use json::to_json;
pub use layout::{Commit, UNPARTITIONED};
pub use lease::Lease;
pub use local_file::LocalFile;
#[cfg(any(debug_assertions, feature = "testing"))]
pub use memory_files::MemoryFiles;
pub use partition_commit::{PartitionCommit, Staging};
pub use small_files::{SharedFiles, SmallFiles};
pub use table_record::TableRecord;
pub use verify::{KnownFiles, file_problem, foreign_files, hidden_data, verify_files};
