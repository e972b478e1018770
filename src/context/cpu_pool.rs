//! Threads for work that takes processor time and memory: decoding, sorting, merging, encoding.
//!
//! There are two, whatever the machine and the number of tasks: what is worked on at a time bounds memory, and the
//! allocator keeps what was freed for the thread that had it, so that a pool of many threads keeps many times as much.
//! Two decode answers faster than any plan's requests a minute let them come.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, mpsc};

use tokio::sync::oneshot;

use crate::error::{Error, ErrorCode, Result};

const THREADS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

static JOBS: LazyLock<mpsc::Sender<Job>> = LazyLock::new(start);

/// Does heavy work as soon as one of the threads is free.
///
/// # Errors
/// [`ErrorCode::Internal`] if the work panicked.
pub async fn run_on_cpu_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let (answer, answered) = oneshot::channel();
    let job = Box::new(move || {
        // The receiver may be gone: then the result is not needed.
        let _ = answer.send(work());
    });
    // A job that cannot be sent is dropped with its sender, which the line below reports.
    let _ = JOBS.send(job);
    answered.await.map_err(|error| {
        Error::new(ErrorCode::Internal, "a background task was cut off").with_source(error)
    })
}

fn start() -> mpsc::Sender<Job> {
    let (sender, receiver) = mpsc::channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for number in 1..=THREADS {
        let receiver = Arc::clone(&receiver);
        let thread = std::thread::Builder::new().name(format!("heavy-{number}"));
        if let Err(error) = thread.spawn(move || work(&receiver)) {
            tracing::warn!(%error, "a thread for heavy work cannot start");
        }
    }
    sender
}

fn work(jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        // The receiver of a job that panics gets the dropped sender as an error; the thread continues.
        let _ = catch_unwind(AssertUnwindSafe(job));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_is_an_error_and_leaves_the_threads_alive() {
        for _ in 0..2 * THREADS {
            let outcome = run_on_cpu_pool(|| assert_eq!(1, 2, "on purpose")).await;
            assert_eq!(outcome.unwrap_err().code(), ErrorCode::Internal);
        }
        assert_eq!(run_on_cpu_pool(|| 7).await.unwrap(), 7);
    }
}
