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
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.wait_elsewhere(asked)),
            // A runtime of one thread cannot give its work away: it stands still meanwhile.
            Ok(_) => self.wait_elsewhere(asked),
        }
    }

    /// Waits on a thread of its own. Where an async thread itself waited, the two waits would share what wakes a thread up,
    /// and the inner one would swallow what was meant for the outer: nobody would ever look at what had come meanwhile.
    fn wait_elsewhere<F: Future<Output: Send> + Send>(&self, asked: F) -> F::Output {
        std::thread::scope(|scope| match scope.spawn(|| self.threads.block_on(asked)).join() {
            Ok(answer) => answer,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_wait_does_not_swallow_what_wakes_its_caller() {
        let remote = Remote::open("s3://acme", BucketOptions::default()).unwrap();
        let caller = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (tell, told) = oneshot::channel();
        let asked = async {
            remote.wait(async {
                tell.send("told").unwrap();
                // Long enough to fall asleep, with the message on its way to the caller.
                tokio::time::sleep(Duration::from_millis(5)).await;
            });
        };
        // One task with two things to wait for, as a run has many: the first is told while the second waits.
        let both = async { tokio::join!(biased; told, asked).0 };
        let heard = caller.block_on(async {
            tokio::select! {
                // First: whoever is woken by this alone would find the message, late.
                biased;
                () = tokio::time::sleep(Duration::from_secs(30)) => None,
                heard = both => heard.ok(),
            }
        });
        assert_eq!(heard, Some("told"));
    }
}
