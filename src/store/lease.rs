//! What one live process has to itself: a run, a task, a folder of small files.
//!
//! On a disk these are locks, which the kernel releases with the process. In a bucket a run renews its own lease, and
//! everything else is claimed in the run's name: see [`super::bucket`].

use std::path::PathBuf;

use futures_util::{StreamExt as _, stream};

use super::bucket::{Remote, RunClaim, TaskClaim};
use super::disk::FileLock;
use crate::error::Result;

/// Claims that are released at a time.
const CONCURRENT_RELEASES: usize = 16;

/// Something that this process has to itself until it is dropped or released.
#[derive(Debug)]
pub struct Lease(Option<LeaseKind>);

#[derive(Debug)]
enum LeaseKind {
    /// A lock and its file.
    Lock(FileLock, PathBuf),
    /// A run in a bucket, and the lock on its temporary files on this machine.
    Run(Remote, RunClaim, Option<FileLock>),
    /// A task or folder in a bucket.
    Task(Remote, TaskClaim),
}

impl Lease {
    pub(super) fn of_lock(lock: FileLock, path: PathBuf) -> Self {
        Self(Some(LeaseKind::Lock(lock, path)))
    }

    pub(super) fn of_run(remote: &Remote, claim: RunClaim, lock: Option<FileLock>) -> Self {
        Self(Some(LeaseKind::Run(remote.clone(), claim, lock)))
    }

    pub(super) fn of_task(remote: &Remote, claim: TaskClaim) -> Self {
        Self(Some(LeaseKind::Task(remote.clone(), claim)))
    }

    /// Releases it, so that nothing is left of it.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn release(mut self) -> Result<()> {
        match self.0.take() {
            None => Ok(()),
            Some(LeaseKind::Lock(lock, path)) => lock.remove(&path),
            Some(LeaseKind::Run(remote, claim, _lock)) => remote.wait(claim.close()),
            Some(LeaseKind::Task(remote, claim)) => remote.wait(claim.release()),
        }
    }

    /// Releases several, side by side. What cannot be released is free when the run has ended.
    pub fn release_all(leases: Vec<Self>) {
        let mut last_remote = None;
        let mut claims = Vec::new();
        for mut lease in leases {
            match lease.0.take() {
                Some(LeaseKind::Task(remote, claim)) => {
                    claims.push(claim);
                    last_remote = Some(remote);
                }
                // A lock is released with its file.
                kind => drop(Self(kind)),
            }
        }
        if let Some(remote) = last_remote {
            let released = stream::iter(claims)
                .map(TaskClaim::release)
                .buffer_unordered(CONCURRENT_RELEASES);
            remote.wait(released.for_each(|_| std::future::ready(())));
        }
    }

    /// Whether it never had a holder before: what was known beforehand of what it guards is still true. Always `false` for
    /// a lock.
    pub fn is_first_holder(&self) -> bool {
        match &self.0 {
            Some(LeaseKind::Task(_, claim)) => claim.is_first_holder(),
            _ => false,
        }
    }

    /// Makes sure that it was not lost to another process, if this one did not renew it for too long: what is not committed
    /// yet is then left to that process. A lock is never lost.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Locked`] if another process has it, [`crate::error::ErrorCode::Destination`] if the store does not
    /// answer.
    pub fn ensure_held(&self) -> Result<()> {
        match &self.0 {
            Some(LeaseKind::Run(remote, claim, _)) if claim.is_lost() || claim.is_uncertain() => {
                remote.wait(claim.ensure_held())
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // A lock is released with its file. Claims on tasks block other processes until the run has ended, if this fails.
        if let Some(LeaseKind::Task(remote, claim)) = self.0.take() {
            let _ = remote.wait(claim.release());
        }
    }
}
