//! A destination on a local disk.
//!
//! ```text
//! <root>/<report>/snapshot_date=…/part-NNNNN-<commit>.parquet    what readers see
//! <root>/_backhaul/tables/<report>/<partition>.json              the truth about a partition
//! <root>/_backhaul/tables/<report>.json                          roll-up: commit number, recorded columns
//! <root>/_backhaul/staging/<commit>/                             written here, then renamed as a whole
//! <root>/_backhaul/staging/<commit>.json                         which partition it is for, while it may need recovery
//! <root>/_backhaul/staging/run-<run>/                            temporary files, while the run's lock is held
//! <root>/_backhaul/locks/…                                       held by live processes, released by the kernel
//! ```

mod commit;
mod durable;
mod exchange;
mod layout;
mod lock;
mod probe;
mod recover;
mod runs;
mod small_files;
mod staging;
mod sweep;
mod tables;
mod unfinished;

pub use commit::DiskCommit;
pub use durable::{remove_folder, replace_file};
pub use layout::{Disk, Replace, STAGED_SUFFIX};
pub use lock::FileLock;
pub use small_files::DiskFiles;
