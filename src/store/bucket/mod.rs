//! A destination in a bucket: S3, Google Cloud Storage, Azure, and services that speak their protocols.
//!
//! A bucket has no rename, no lock, and no listing of a single moment. It has whole objects, create-if-absent and
//! compare-and-swap; everything here is built on these three.
//!
//! ```text
//! <prefix>/<report>/snapshot_date=…/part-00000.parquet       what readers see: one object a partition
//! <prefix>/_backhaul/tables/<report>/<partition>.json        the truth: owner, upload under way, what is committed
//! <prefix>/_backhaul/tables/<report>.json                    roll-up: commit number, recorded columns
//! <prefix>/_backhaul/staging/<commit>.json                   which partition a commit is for, while it may need recovery
//! <prefix>/_backhaul/claims/…                                which runs live, and which tasks each is at work on
//! <prefix>/_backhaul/clock/…                                 written to read the store's time
//! ```
//!
//! Layers, from the wire up: `client` sends requests; `versioned_record` and `heartbeat` are leases on objects;
//! `run_claim`, `task_claim` and `commit` are the protocols on top. `remote` lets callers block.

mod claim_record;
mod client;
mod commit;
mod footer;
mod garbage;
mod heartbeat;
mod intent;
mod nonce;
mod probe;
mod recover;
mod remote;
mod run_claim;
mod small_files;
mod state;
mod tables;
mod task_claim;
mod unfinished;
mod upload;
mod versioned_record;

pub use client::{
    Bucket, BucketOptions, Credentials, Encryption, Object, Version, Writers, set_lease,
    set_patience,
};
pub use commit::BucketCommit;
pub use garbage::Garbage;
pub use probe::Fencing;
pub use remote::Remote;
pub use run_claim::RunClaim;
pub use small_files::BucketFiles;
pub use tables::OBJECT;
pub use task_claim::TaskClaim;
pub use upload::UploadWriter;
