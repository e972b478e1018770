//! A bucket for callers that wait: its requests go on on threads of their own.

use std::pin::pin;
use std::sync::{Arc, Condvar, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use super::bucket::{Bucket, BucketOptions};
use crate::error::{Code, Error, Result};

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

    /// The same of a bucket that is open.
    ///
    /// # Errors
    /// [`Code::Internal`] if this machine gives no threads.
    pub fn new(bucket: Bucket) -> Result<Self> {
        let threads = THREADS.as_ref().map_err(|error| {
            Error::new(
                Code::Internal,
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

    /// Waits for what is asked of the bucket. Other tasks of an async thread go on meanwhile.
    pub fn wait<F: Future<Output: Send> + Send>(&self, asked: F) -> F::Output {
        match Handle::try_current().map(|current| current.runtime_flavor()) {
            Err(_) => self.wait_here(asked),
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| self.wait_here(asked)),
            // A runtime of one thread cannot give its work away: it stands still meanwhile.
            Ok(_) => {
                std::thread::scope(|scope| match scope.spawn(|| self.wait_here(asked)).join() {
                    Ok(answer) => answer,
                    Err(panic) => std::panic::resume_unwind(panic),
                })
            }
        }
    }

    /// Not by [`Handle::block_on`]: a thread has one place to be woken at, which that would share with a `block_on` further
    /// up its stack. What wakes the outer one meanwhile would be taken for the inner one's, and the outer one, which is the
    /// whole program, would sleep for ever.
    fn wait_here<F: Future>(&self, asked: F) -> F::Output {
        let _on_its_threads = self.threads.enter();
        // The share of time of the task that waits is not for what it waits for: used up, it would never be renewed here.
        let mut asked = pin!(tokio::task::unconstrained(asked));
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        let mut context = Context::from_waker(&waker);
        loop {
            if let Poll::Ready(answer) = asked.as_mut().poll(&mut context) {
                return answer;
            }
            bell.wait();
        }
    }
}

/// Wakes one thread that waits for one thing.
#[derive(Debug, Default)]
struct Bell {
    has_rung: Mutex<bool>,
    rings: Condvar,
}

impl Bell {
    fn wait(&self) {
        let mut has_rung = self.has_rung.lock().unwrap_or_else(PoisonError::into_inner);
        while !std::mem::take(&mut *has_rung) {
            has_rung = self
                .rings
                .wait(has_rung)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.has_rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.rings.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A program that waits for a bucket on the thread on which it is polled hears what happens meanwhile.
    #[test]
    fn who_waits_for_a_bucket_misses_nothing_that_happens_meanwhile() {
        let options = BucketOptions {
            endpoint: Some("http://127.0.0.1:1".to_owned()),
            ..BucketOptions::default()
        };
        let remote = Remote::open("s3://acme", options).expect("opened");
        let (tell, told) = tokio::sync::oneshot::channel();
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let teller = async {
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(20));
                        let _ = tell.send(());
                    });
                    // It is told while this waits; nothing else will wake the program.
                    remote.wait(async { tokio::time::sleep(Duration::from_millis(200)).await });
                };
                let (heard, ()) = tokio::join!(told, teller);
                heard.expect("told");
            });
            let _ = done.send(());
        });
        is_done
            .recv_timeout(Duration::from_secs(30))
            .expect("it does not sleep for ever");
    }
}
