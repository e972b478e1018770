//! Named fail points of saving and commit, at which a test can end the process.
//!
//! Compiled into development builds, and into release builds with the feature `failpoints`. In the shipped program
//! [`hit`] does nothing.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whether this build has fail points, and reads the variables `BACKHAUL_TEST_…` that set them.
pub const IS_ENABLED: bool = cfg!(any(debug_assertions, feature = "failpoints"));

static FAILPOINTS: OnceLock<Failpoints> = OnceLock::new();

/// What a test wants to happen at the fail points of this process.
#[derive(Debug, Default)]
pub struct Failpoints {
    /// End the process, as by `kill -9`, when this fail point is hit for the n-th time.
    pub crash_at: Option<(String, u64)>,
    /// Append the name of every fail point that is hit to this file.
    pub log: Option<PathBuf>,
    /// How often the fail point of `crash_at` was hit.
    pub num_hits: AtomicU64,
}

/// Sets the fail points of this process. The first call counts.
pub fn set(failpoints: Failpoints) {
    let _ = FAILPOINTS.set(failpoints);
}

/// A fail point: everything before it is durable, nothing after it has happened.
pub fn hit(name: &'static str) {
    if !IS_ENABLED {
        return;
    }
    if let Some(failpoints) = FAILPOINTS.get() {
        failpoints.hit(name);
    }
}

impl Failpoints {
    fn hit(&self, name: &str) {
        if let Some(path) = &self.log {
            // A log that cannot be written shows in the test that reads it.
            let _ = std::fs::File::options()
                .append(true)
                .create(true)
                .open(path)
                .and_then(|mut file| file.write_all(format!("{name}\n").as_bytes()));
        }
        let Some((crash_at, nth)) = &self.crash_at else {
            return;
        };
        if crash_at == name && self.num_hits.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
            let _ = rustix::process::kill_process(
                rustix::process::getpid(),
                rustix::process::Signal::KILL,
            );
            std::process::abort();
        }
    }
}
