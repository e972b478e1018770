//! Named steps of saving and commit, so that a test can end the process at each of them.
//!
//! Outside such tests nothing is watched, and passing a step costs one load.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

static WATCH: OnceLock<Watch> = OnceLock::new();

/// What a test wants of the steps.
#[derive(Debug, Default)]
pub struct Watch {
    /// End the process, as by `kill -9`, when this step is passed for the n-th time.
    pub crash_at: Option<(String, u64)>,
    /// Append the name of every step that is passed to this file.
    pub log: Option<PathBuf>,
    /// How often the step of `crash_at` was passed.
    pub passed: AtomicU64,
}

/// Watches the steps of this process from now on. The first call counts.
pub fn watch_steps(watch: Watch) {
    let _ = WATCH.set(watch);
}

/// A named step is passed: everything before it is durable, nothing behind it has happened.
pub fn step(name: &'static str) {
    if let Some(watch) = WATCH.get() {
        watch.pass(name);
    }
}

impl Watch {
    fn pass(&self, name: &str) {
        if let Some(path) = &self.log {
            // A log that cannot be written shows in the test that reads it.
            let _ = std::fs::File::options()
                .append(true)
                .create(true)
                .open(path)
                .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
        }
        if let Some((wanted, nth)) = &self.crash_at
            && wanted == name
            && self.passed.fetch_add(1, Ordering::SeqCst) + 1 == *nth
        {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            std::process::abort();
        }
    }
}
