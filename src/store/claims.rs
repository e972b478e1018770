//! Claims of a run: on its own life, on tasks, and on folders of small files.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::claim_result::ClaimResult;
use super::destination::Store;
use super::disk::FileLock;
use super::lease::Lease;
use super::temporary::temporary_disk;
use crate::error::{Error, ErrorCode, Result};
use crate::model::SnapshotDate;

/// Folders of small files are held for moments.
const PATIENCE: Duration = Duration::from_mins(1);

/// Time between two attempts at a folder that another process holds.
const POLL: Duration = Duration::from_millis(200);

/// The file that changes with each exclusive use of a folder in a bucket.
const TURN: &str = "turn";

impl Store {
    /// A folder of this machine for the temporary files of a run, and the lease that shows that the run lives.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`], or [`ErrorCode::Locked`] if the run lives already.
    pub fn run_folder(&self, run: &str, who: &str) -> Result<(PathBuf, Lease)> {
        match self {
            Self::Disk(disk) => {
                let (folder, lock) = disk.run_folder(run, who)?;
                Ok((folder, Lease::of_lock(lock, disk.run_lock(run))))
            }
            Self::Bucket(remote) => match remote.wait(remote.bucket().claim_run(run, who))? {
                ClaimResult::Claimed(claim) => {
                    let (folder, lock) = temporary_disk()?.run_folder(run, who)?;
                    Ok((folder, Lease::of_run(remote, claim, Some(lock))))
                }
                ClaimResult::HeldBy(holder) => Err(held(&format!("the run {run}"), &holder)),
            },
        }
    }

    /// Ends a run: removes its folder and releases its lease.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn close_run(&self, run: &str, lease: Lease) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.remove_run_folder(run)?,
            Self::Bucket(_) => temporary_disk()?.remove_run_folder(run)?,
        }
        lease.release()
    }

    /// Takes over a run that has ended without releasing its lease; `None` while it lives.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn take_over_dead_run(&self, run: &str, who: &str) -> Result<Option<Lease>> {
        let claimed = match self {
            Self::Disk(disk) => try_lock(disk.run_lock(run), who)?,
            Self::Bucket(remote) => remote
                .wait(remote.bucket().claim_run(run, who))?
                .map(|claim| Lease::of_run(remote, claim, None)),
        };
        Ok(claimed.claimed())
    }

    /// Whether a live process works on what has this name in staging. Nothing is created: the destination may be one that
    /// is only read. In a bucket staging contains nothing that readers could see.
    pub fn is_of_live_run(&self, name: &str) -> bool {
        match self {
            Self::Disk(disk) => disk.is_of_live_run(name),
            Self::Bucket(_) => false,
        }
    }

    /// Claims something for a run, for example `2026-11-23/<task>`.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn claim(&self, name: &str, run: &str, who: &str) -> Result<ClaimResult<Lease>> {
        match self {
            Self::Disk(disk) => try_lock(disk.system("claims").join(name), who),
            Self::Bucket(remote) => {
                let claimed = remote.wait(remote.bucket().claim_task(name, run, who))?;
                Ok(claimed.map(|claim| Lease::of_task(remote, claim)))
            }
        }
    }

    /// Removes the claims on tasks of nights before this one that no process holds. In a bucket also what is left of
    /// processes that were found to be dead meanwhile.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn sweep_claims(&self, before: SnapshotDate, who: &str) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.sweep_claims(before, who),
            Self::Bucket(remote) => remote.wait(async {
                let bucket = remote.bucket();
                bucket.recover_commits(who).await?;
                bucket.sweep_runs(who).await?;
                bucket.sweep_task_claims(before).await
            }),
        }
    }

    /// Locks a folder of small files that every process may change; waits for a process that has it.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] if another process does not release it.
    pub fn lock_folder(&self, folder: &str, run: &str, who: &str) -> Result<Lease> {
        if let Self::Disk(disk) = self {
            let path = disk.folder_lock(folder);
            let lock = FileLock::acquire(&path, who, PATIENCE)?;
            return Ok(Lease::of_lock(lock, path));
        }
        let start = Instant::now();
        loop {
            match self.claim(&format!("_folders/{folder}"), run, who)? {
                ClaimResult::Claimed(lease) => return Ok(lease),
                ClaimResult::HeldBy(holder) if start.elapsed() >= PATIENCE => {
                    return Err(held(folder, &holder));
                }
                ClaimResult::HeldBy(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// Does `work`, which reads and writes several small files of a folder, as if no other process did so meanwhile.
    ///
    /// In a bucket no process can reliably be kept waiting: the work is done again where another process was faster. What
    /// it writes must be right when it is done again, and must err on the safe side until then.
    ///
    /// # Errors
    /// The error of `work`; [`ErrorCode::Locked`] if another process does not release a folder on a disk.
    pub fn with_exclusive_folder<T>(
        &self,
        folder: &str,
        run: &str,
        work: impl Fn() -> Result<T>,
    ) -> Result<T> {
        if let Self::Disk(_) = self {
            let _lease = self.lock_folder(folder, run, run)?;
            return work();
        }
        let files = self.files(folder);
        loop {
            let turn = files.load(TURN)?;
            let outcome = work()?;
            let next = format!("{run} {:016x}", fastrand::u64(..));
            let is_ours = AtomicBool::new(false);
            files.update(TURN, &|present| {
                let is_unchanged = present == turn.as_deref();
                // Called again after an answer that was lost, it finds what it wrote.
                let is_written = present == Some(next.as_bytes());
                is_ours.store(is_unchanged || is_written, Ordering::Relaxed);
                Ok(is_unchanged.then(|| next.clone().into_bytes()))
            })?;
            if is_ours.into_inner() {
                return Ok(outcome);
            }
        }
    }
}

fn try_lock(path: PathBuf, who: &str) -> Result<ClaimResult<Lease>> {
    let locked = FileLock::try_acquire(&path, who)?;
    Ok(locked.map(|lock| Lease::of_lock(lock, path)))
}

fn held(what: &str, holder: &str) -> Error {
    Error::new(ErrorCode::Locked, format!("{what} is held by {holder}"))
        .with_hint("wait for that process or end it, then run the same command again")
}
