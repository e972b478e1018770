//! A bucket for callers that wait: its requests go on on threads of their own.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use super::bucket::{Bucket, BucketOptions};
use crate::error::{Code, Error, Result};

/// Threads that renew leases and send parts, whatever else the process is busy with.
static THREADS: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).thread_name("bucket").enable_all().build());

/// A bucket that can be waited for. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Remote {
    bucket: Bucket,
    threads: Handle,
}

impl Remote {
    /// Opens a bucket. Nothing is sent.
    ///
    /// # Errors
    /// As [`Bucket::open`].
    pub fn open(url: &str, options: BucketOptions) -> Result<Self> {
        Self::new(Bucket::open(url, options)?)
    }

    /// The same of a bucket that is open.
    ///
    /// # Errors
    /// [`Code::Internal`] if this machine gives no threads.
    pub fn new(bucket: Bucket) -> Result<Self> {
        let threads = THREADS.as_ref().map_err(|error| {
            Error::new(Code::Internal, format!("the threads that speak to buckets cannot start: {error}"))
        })?;
        Ok(Self { bucket, threads: threads.handle().clone() })
    }

    /// The bucket itself.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Waits for what is asked of the bucket. Other tasks of an async thread go on meanwhile.
    pub fn wait<F: Future<Output: Send> + Send>(&self, asked: F) -> F::Output {
        match Handle::try_current().map(|current| current.runtime_flavor()) {
            Err(_) => self.threads.block_on(asked),
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.threads.block_on(asked)),
            // A runtime of one thread cannot give its work away: it stands still meanwhile.
            Ok(_) => std::thread::scope(|scope| match scope.spawn(|| self.threads.block_on(asked)).join() {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic),
            }),
        }
    }
}
