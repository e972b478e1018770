//! What one live process has to itself: a run's life, a task, a folder of small files.
//!
//! On a disk these are locks, which the kernel frees with the process. In a bucket a run is kept alive by its lease, and
//! everything else is claimed in the run's name: see [`super::bucket`].

use std::path::PathBuf;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};

use super::bucket::{Mark, Marked, RunClaim, RunClaimed};
use super::{FileLock, Remote, Store, local};
use crate::error::{Code, Error, Result};
use crate::model::Night;

/// Folders of small files are held for moments.
const PATIENCE: Duration = Duration::from_mins(1);

/// Claims that are given back at a time.
const AT_A_TIME: usize = 16;

/// Says whose turn was the last.
const TURN: &str = "turn";

/// Between two looks at what somebody else holds.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// Something that this process has to itself until it is dropped or given back.
#[derive(Debug)]
pub struct Hold(Option<Kind>);

#[derive(Debug)]
enum Kind {
    Lock(FileLock, PathBuf),
    /// The life of a run in a bucket, and the lock on its files on this machine.
    Run(Remote, RunClaim, Option<FileLock>),
    Mark(Remote, Mark),
}

impl Hold {
    /// Gives it back, so that nothing is left of it.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn give_back(mut self) -> Result<()> {
        match self.0.take() {
            None => Ok(()),
            Some(Kind::Lock(lock, path)) => lock.remove(&path),
            Some(Kind::Run(remote, claim, _lock)) => remote.wait(claim.close()),
            Some(Kind::Mark(remote, mark)) => remote.wait(mark.give_back()),
        }
    }

    /// Gives several back, side by side. What cannot be given back is free when the run is over.
    pub fn give_all_back(holds: Vec<Self>) {
        let mut remote = None;
        let mut marks = Vec::new();
        for mut hold in holds {
            match hold.0.take() {
                Some(Kind::Mark(of, mark)) => {
                    marks.push(mark);
                    remote = Some(of);
                }
                // Freed with its file.
                kind => drop(Self(kind)),
            }
        }
        if let Some(remote) = remote {
            let given = stream::iter(marks)
                .map(Mark::give_back)
                .buffer_unordered(AT_A_TIME);
            remote.wait(given.for_each(|_| std::future::ready(())));
        }
    }

    /// Whether nobody ever had it before: what was known of it beforehand is true still. Never known of a lock.
    pub fn is_first(&self) -> bool {
        matches!(&self.0, Some(Kind::Mark(_, mark)) if mark.is_first())
    }

    /// Makes sure that no other process has it now, since this one was not heard of for too long: what is not committed yet
    /// is that one's to do. A lock is never lost.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process has it, [`Code::Destination`] if nobody can tell.
    pub fn confirm(&self) -> Result<()> {
        match &self.0 {
            Some(Kind::Run(remote, claim, _)) if claim.is_lost() || claim.is_in_doubt() => {
                remote.wait(claim.confirm())
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A lock is freed with its file. Of the rest nobody need wait until the run is over; if this fails, they do.
        if let Some(Kind::Mark(remote, mark)) = self.0.take() {
            let _ = remote.wait(mark.give_back());
        }
    }
}

impl Store {
    /// A folder of this machine for the rows of a run on their way, and what says that the run lives.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn run_folder(&self, run: &str, who: &str) -> Result<(PathBuf, Hold)> {
        match self {
            Self::Disk(disk) => {
                let (folder, lock) = disk.run_folder(run, who)?;
                Ok((folder, Hold(Some(Kind::Lock(lock, disk.run_lock(run))))))
            }
            Self::Bucket(remote) => {
                let claim = match remote.wait(remote.bucket().claim_run(run, who))? {
                    RunClaimed::Ours(claim) => claim,
                    RunClaimed::Held(holder) => {
                        return Err(held(&format!("the run {run}"), &holder));
                    }
                };
                let (folder, lock) = local::temporary()?.run_folder(run, who)?;
                Ok((
                    folder,
                    Hold(Some(Kind::Run(remote.clone(), claim, Some(lock)))),
                ))
            }
        }
    }

    /// Ends a run: its folder goes, and nobody waits for it any more.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn close_run(&self, run: &str, hold: Hold) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.remove_run_folder(run)?,
            Self::Bucket(_) => local::temporary()?.remove_run_folder(run)?,
        }
        hold.give_back()
    }

    /// Takes the place of a run that has ended without giving it back; `None` while it lives.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn dead_run(&self, run: &str, who: &str) -> Result<Option<Hold>> {
        match self {
            Self::Disk(disk) => {
                let path = disk.run_lock(run);
                Ok(FileLock::try_acquire(&path, who)?
                    .ok()
                    .map(|lock| Hold(Some(Kind::Lock(lock, path)))))
            }
            Self::Bucket(remote) => Ok(match remote.wait(remote.bucket().claim_run(run, who))? {
                RunClaimed::Ours(claim) => Some(Hold(Some(Kind::Run(remote.clone(), claim, None)))),
                RunClaimed::Held(_) => None,
            }),
        }
    }

    /// Whether a live process works on what has this name in staging. Nothing is created: the destination may be one that
    /// is only read. In a bucket nothing that readers could see lies there.
    pub fn is_of_live_run(&self, name: &str) -> bool {
        match self {
            Self::Disk(disk) => disk.is_of_live_run(name),
            Self::Bucket(_) => false,
        }
    }

    /// Claims something for a run, for example `2026-11-23/<task>`; or says who has it.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn claim(
        &self,
        name: &str,
        run: &str,
        who: &str,
    ) -> Result<std::result::Result<Hold, String>> {
        match self {
            Self::Disk(disk) => lock(disk.system("claims").join(name), who),
            Self::Bucket(remote) => {
                Ok(match remote.wait(remote.bucket().mark(name, run, who))? {
                    Marked::Ours(mark) => Ok(Hold(Some(Kind::Mark(remote.clone(), mark)))),
                    Marked::Held(holder) => Err(holder),
                })
            }
        }
    }

    /// Removes the claims on tasks of nights before this one that nobody holds. In a bucket also what is left of processes
    /// that were found to be dead meanwhile.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn sweep_claims(&self, before: Night, who: &str) -> Result<()> {
        match self {
            Self::Disk(disk) => disk.sweep_claims(before, who),
            Self::Bucket(remote) => remote.wait(async {
                let bucket = remote.bucket();
                bucket.settle_left(who).await?;
                bucket.sweep_runs(who).await?;
                bucket.sweep_marks(before).await
            }),
        }
    }

    /// Has a folder of small files, which every process may change, to itself; waits for whoever has it.
    ///
    /// # Errors
    /// [`Code::Locked`] if another process does not let go of it.
    pub fn lock_folder(&self, folder: &str, run: &str, who: &str) -> Result<Hold> {
        match self {
            Self::Disk(disk) => {
                let path = disk.folder_lock(folder);
                Ok(Hold(Some(Kind::Lock(
                    FileLock::acquire(&path, who, PATIENCE)?,
                    path,
                ))))
            }
            Self::Bucket(_) => {
                let start = Instant::now();
                loop {
                    match self.claim(&format!("_folders/{folder}"), run, who)? {
                        Ok(hold) => return Ok(hold),
                        Err(holder) if start.elapsed() >= PATIENCE => {
                            return Err(held(folder, &holder));
                        }
                        Err(_) => std::thread::sleep(LOOK_AGAIN),
                    }
                }
            }
        }
    }
}

impl Store {
    /// Does what reads and writes several small files of a folder as if nobody else did so meanwhile.
    ///
    /// In a bucket nobody can be kept waiting for sure: the work is done again where another process was faster. What it
    /// writes must be right when it is done again, and must err on the safe side until then.
    ///
    /// # Errors
    /// What `work` says; [`Code::Locked`] if another process does not let go of a folder on a disk.
    pub fn in_turn<T>(&self, folder: &str, run: &str, work: impl Fn() -> Result<T>) -> Result<T> {
        let files = match self {
            Self::Disk(_) => {
                let _held = self.lock_folder(folder, run, run)?;
                return work();
            }
            Self::Bucket(_) => self.files(folder),
        };
        loop {
            let turn = files.load(TURN)?;
            let outcome = work()?;
            let next = format!("{run} {:016x}", fastrand::u64(..));
            let is_ours = std::sync::atomic::AtomicBool::new(false);
            files.change(TURN, |now| {
                // Asked again after an answer that was lost, it finds its own word.
                let ours = now == turn.as_deref() || now == Some(next.as_bytes());
                is_ours.store(ours, std::sync::atomic::Ordering::Relaxed);
                Ok((now == turn.as_deref()).then(|| next.clone().into_bytes()))
            })?;
            if is_ours.into_inner() {
                return Ok(outcome);
            }
        }
    }
}

fn lock(path: PathBuf, who: &str) -> Result<std::result::Result<Hold, String>> {
    Ok(FileLock::try_acquire(&path, who)?.map(|lock| Hold(Some(Kind::Lock(lock, path)))))
}

fn held(what: &str, holder: &str) -> Error {
    Error::new(Code::Locked, format!("{what} is held by {holder}"))
        .with_next("wait for that process or end it, then run the same command again")
}
