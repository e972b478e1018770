//! A bucket for callers that wait: its requests go on on threads of their own.

use std::pin::pin;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

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
            Err(_) => self.sleep_until(asked),
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.sleep_until(asked)),
            // A runtime of one thread cannot give its work away: it stands still meanwhile.
            Ok(_) => std::thread::scope(|scope| match scope.spawn(|| self.sleep_until(asked)).join() {
                Ok(answer) => answer,
                Err(panic) => std::panic::resume_unwind(panic),
            }),
        }
    }

    /// Not by the runtime's own `block_on`: all of those on a thread sleep on one bell. A call that is meant for one further
    /// out, which is in the middle of its work, would wake this one and be forgotten, and the other would sleep on.
    fn sleep_until<F: Future>(&self, asked: F) -> F::Output {
        let _entered = self.threads.enter();
        let waker = Waker::from(Arc::new(Bell(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut asked = pin!(asked);
        loop {
            match asked.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

/// Wakes a thread that waits.
struct Bell(Thread);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_call_for_other_work_of_a_task_that_comes_while_it_waits_is_heard() {
        let remote = Remote::open("s3://acme", BucketOptions::default()).expect("opens");
        let (done, heard) = std::sync::mpsc::channel();
        // A thread of its own: one that sleeps for ever must fail this test, not keep it.
        std::thread::spawn(move || {
            let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
            let (sender, receiver) = tokio::sync::oneshot::channel();
            let waits = async {
                remote.wait(async {
                    sender.send(()).expect("awaited");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                });
                std::future::pending::<()>().await;
            };
            runtime.block_on(async {
                tokio::select! {
                    biased;
                    called = receiver => called.expect("sent"),
                    () = waits => {}
                }
            });
            done.send(()).expect("awaited");
        });
        heard.recv_timeout(Duration::from_secs(30)).expect("the call was heard");
    }
}
