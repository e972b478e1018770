//! Locks that the kernel releases: a process that ends loses them, one that sleeps does not.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::durable::remove_file_unsynced;
use crate::error::{Error, ErrorCode, Result};
use crate::store::claim_result::ClaimResult;
use crate::store::io_error::io_error;

/// How often a lock is tried while another process holds it.
const POLL: Duration = Duration::from_millis(50);

/// An exclusive lock on a file, released when dropped or when the process ends. The file names the holder.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] if the file cannot be opened.
    pub fn try_acquire(path: &Path, who: &str) -> Result<ClaimResult<Self>> {
        loop {
            let Some(mut file) = open_lock_file(path)? else {
                continue;
            };
            match file.try_lock() {
                // Its last holder may have deleted the file between our opening and our locking it.
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => {
                    file.set_len(0)
                        .and_then(|()| file.write_all(who.as_bytes()))
                        .map_err(|error| io_error("write the lock", path, error))?;
                    return Ok(ClaimResult::Claimed(Self { _file: file }));
                }
                Err(TryLockError::WouldBlock) => return Ok(ClaimResult::HeldBy(holder(&mut file))),
                Err(TryLockError::Error(error)) => {
                    return Err(io_error("lock", path, error).with_hint(
                        "the destination must be on a file system that supports locks (flock)",
                    ));
                }
            }
        }
    }

    /// Takes the lock, waiting for a holder that is at work: commits are short.
    ///
    /// # Errors
    /// [`ErrorCode::Locked`] naming the holder after `patience`.
    pub fn acquire(path: &Path, who: &str, patience: Duration) -> Result<Self> {
        let started = Instant::now();
        loop {
            match Self::try_acquire(path, who)? {
                ClaimResult::Claimed(lock) => return Ok(lock),
                ClaimResult::HeldBy(holder) if started.elapsed() >= patience => {
                    let message = format!("{} is held by {holder}", path.display());
                    return Err(Error::new(ErrorCode::Locked, message).with_hint(
                        "wait for that process or end it, then run the same command again",
                    ));
                }
                ClaimResult::HeldBy(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// Releases the lock and deletes its file, so that locks of what has ended do not pile up.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub fn remove(self, path: &Path) -> Result<()> {
        // Deleted while it is held: a process that opened the file before finds out in `try_acquire`.
        remove_file_unsynced(path)
    }
}

/// The lock that guards a small file, beside it.
pub(super) fn lock_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lock"))
}

/// How this process is named in the locks that it holds for a moment.
pub(super) fn this_process() -> String {
    format!("process {}", std::process::id())
}

/// Opens or creates the file of a lock; `None` if its folder was swept in between.
fn open_lock_file(path: &Path) -> Result<Option<File>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| io_error("create the folder", folder, error))?;
    }
    let opened = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("open the lock", path, error)),
    }
}

fn holder(file: &mut File) -> String {
    let mut holder = String::new();
    let _ = file
        .seek(SeekFrom::Start(0))
        .and_then(|_| file.read_to_string(&mut holder));
    if holder.is_empty() {
        "another process".to_owned()
    } else {
        holder
    }
}

/// Whether a path still leads to this very file.
fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(held), Ok(there)) => (held.dev(), held.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_learns_who_the_first_is() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("locks/x");
        let first = FileLock::try_acquire(&path, "run a")
            .expect("opens")
            .claimed()
            .expect("free");
        match FileLock::try_acquire(&path, "run b").expect("opens") {
            ClaimResult::HeldBy(holder) => assert_eq!(holder, "run a"),
            ClaimResult::Claimed(_) => panic!("it is held"),
        }
        drop(first);
        let second = FileLock::try_acquire(&path, "run b").expect("opens");
        assert!(second.claimed().is_some());
    }

    /// Two processes must never both hold "the" lock because one of them holds a file that was deleted.
    #[test]
    fn a_lock_on_a_deleted_file_does_not_count() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("claim");
        for _ in 0..50 {
            let holders = std::sync::atomic::AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..20 {
                            let lock = FileLock::try_acquire(&path, "x").expect("opens");
                            if let Some(lock) = lock.claimed() {
                                assert_eq!(
                                    holders.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
                                    0
                                );
                                holders.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                                lock.remove(&path).expect("removable");
                            }
                        }
                    });
                }
            });
        }
    }
}
