//! The bucket half of the destination: S3, Google Cloud Storage, Azure, and what speaks their protocols.
//!
//! A bucket has no rename, no lock and no list that can be trusted to be one moment's. What it has is a whole object at a
//! time, create-if-absent and compare-and-swap; everything here is built on these three.
//!
//! ```text
//! <prefix>/<report>/snapshot_date=…/part-00000.parquet       what readers see: one object a partition
//! <prefix>/_backhaul/tables/<report>/<partition>.json        the truth: owner, upload under way, what is committed
//! <prefix>/_backhaul/tables/<report>.json                    roll-up: commit number, recorded columns
//! <prefix>/_backhaul/claims/…                                who is at work on a task
//! <prefix>/_backhaul/clock/…                                 written to read the store's time
//! ```
//!
//! Layers, from the wire up: `wire` sorts what went wrong into classes, `retry` tries again by class, `objects` is the
//! small face over objects, `fault` words the errors; `record`, `claim` and `commit` are the protocols on top.

mod claim;
mod commit;
mod fault;
mod footer;
mod garbage;
mod intent;
mod lease;
mod notes;
mod objects;
mod options;
mod probe;
mod record;
mod retry;
mod s3;
mod settle;
mod tables;
mod upload;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::ObjectStore;
use object_store::aws::AmazonS3;
use object_store::azure::MicrosoftAzure;
use object_store::gcp::GoogleCloudStorage;
use object_store::multipart::MultipartStore;

pub use claim::{Mark, Marked, RunClaim, RunClaimed};
pub use commit::BucketCommit;
pub use garbage::Garbage;
pub use objects::{Listed, Object, Version};
pub use options::{BucketOptions, Credentials, Encryption, Writers, set_lease, set_patience};
pub use probe::Fencing;
pub use record::{BucketState, Upload};
pub use tables::OBJECT;
pub use upload::{UploadWriter, Uploaded};

use options::{Address, Scheme};
use s3::S3Extra;

/// A bucket, opened. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Bucket {
    backend: Backend,
    address: Arc<Address>,
    options: Arc<BucketOptions>,
    /// When a run of another process was last seen to be alive.
    alive: Arc<Mutex<BTreeMap<String, Instant>>>,
}

#[derive(Debug, Clone)]
enum Backend {
    S3(Arc<AmazonS3>, Arc<S3Extra>),
    Gs(Arc<GoogleCloudStorage>),
    Az(Arc<MicrosoftAzure>),
}

impl Bucket {
    fn objects(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::S3(store, _) => &**store,
            Backend::Gs(store) => &**store,
            Backend::Az(store) => &**store,
        }
    }

    fn multipart(&self) -> &dyn MultipartStore {
        match &self.backend {
            Backend::S3(store, _) => &**store,
            Backend::Gs(store) => &**store,
            Backend::Az(store) => &**store,
        }
    }

    /// Makes sure that there are credentials, and renews those that are about to expire.
    async fn credentials(&self) -> object_store::Result<()> {
        match &self.backend {
            Backend::S3(store, _) => store.credentials().get_credential().await.map(drop),
            Backend::Gs(store) => store.credentials().get_credential().await.map(drop),
            Backend::Az(store) => store.credentials().get_credential().await.map(drop),
        }
    }

    fn scheme(&self) -> Scheme {
        self.address.scheme
    }

    /// The same bucket, asked once.
    fn once(&self) -> Self {
        let options = BucketOptions {
            patience: Duration::ZERO,
            ..(*self.options).clone()
        };
        Self {
            options: Arc::new(options),
            ..self.clone()
        }
    }

    /// The options that it was opened with.
    pub fn options(&self) -> &BucketOptions {
        &self.options
    }
}

/// Sixteen random hexadecimal digits: told apart from every other writer's.
fn nonce() -> String {
    format!("{:016x}", fastrand::u64(..))
}
