//! A bucket for callers that block: its requests run on threads of their own.

use std::pin::pin;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use super::client::{Bucket, BucketOptions};
use crate::error::{Error, ErrorCode, Result};

/// Threads that renew leases and send parts, whatever else the process is busy with.
static THREADS: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("bucket")
        .enable_all()
        .build()
});

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

    /// The same for a bucket that is open.
    ///
    /// # Errors
    /// [`ErrorCode::Internal`] if no threads can be started.
    pub fn new(bucket: Bucket) -> Result<Self> {
        let threads = THREADS.as_ref().map_err(|error| {
            Error::new(
                ErrorCode::Internal,
                format!("the threads that speak to buckets cannot start: {error}"),
            )
        })?;
        Ok(Self {
            bucket,
            threads: threads.handle().clone(),
        })
    }

    /// The bucket itself.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Waits for a request to the bucket. Other tasks of an async thread continue meanwhile.
    pub fn wait<F: Future<Output: Send> + Send>(&self, request: F) -> F::Output {
        match Handle::try_current().map(|current| current.runtime_flavor()) {
            Err(_) => self.block_on(request),
            Ok(RuntimeFlavor::MultiThread) => {
                tokio::task::block_in_place(|| self.block_on(request))
            }
            // A runtime of one thread cannot pass its work on: it stops meanwhile.
            Ok(_) => {
                std::thread::scope(
                    |scope| match scope.spawn(|| self.block_on(request)).join() {
                        Ok(answer) => answer,
                        Err(panic) => std::panic::resume_unwind(panic),
                    },
                )
            }
        }
    }

    /// Not by [`Handle::block_on`]: a thread has one place to be woken at, which that would share with a `block_on` further
    /// up its stack. A wake-up of the outer future would be taken for one of the inner, and the outer, which is the whole
    /// program, would sleep forever.
    fn block_on<F: Future>(&self, request: F) -> F::Output {
        let _guard = self.threads.enter();
        // Unconstrained: the budget of the task that waits is not renewed here.
        let mut request = pin!(tokio::task::unconstrained(request));
        let signal = Arc::new(Signal::default());
        let waker = Waker::from(Arc::clone(&signal));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(output) = request.as_mut().poll(&mut context) {
                return output;
            }
            signal.wait();
        }
    }
}

/// Wakes one thread that waits for one thing.
#[derive(Debug, Default)]
struct Signal {
    is_set: Mutex<bool>,
    changed: Condvar,
}

impl Signal {
    fn wait(&self) {
        let mut is_set = self.is_set.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *is_set) {
            is_set = self
                .changed
                .wait(is_set)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        *self.is_set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A program that waits for a bucket on the thread on which it is polled receives what happens meanwhile.
    #[test]
    fn waiting_for_a_bucket_loses_no_wake_up() {
        let options = BucketOptions {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..BucketOptions::default()
        };
        let remote = Remote::open("s3://acme", options).expect("opened");
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let waiting = async {
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(20));
                        let _ = sender.send(());
                    });
                    // The message is sent while this waits; nothing else will wake the program.
                    remote.wait(async { tokio::time::sleep(Duration::from_millis(200)).await });
                };
                let (received, ()) = tokio::join!(receiver, waiting);
                received.expect("sent");
            });
            let _ = done.send(());
        });
        is_done
            .recv_timeout(Duration::from_secs(30))
            .expect("it does not sleep forever");
    }
}
