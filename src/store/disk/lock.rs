//! Locks that the kernel frees: a holder that dies lets go, one that sleeps does not.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::store::cannot;

/// How often a lock is asked for while somebody is waited for.
const POLL: Duration = Duration::from_millis(50);

/// An exclusive lock on a file, freed when dropped or when the process ends. The file says who holds it since when.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// [`Code::Destination`] if the file cannot be opened; `Ok(Err(holder))` if somebody else holds it.
    pub fn try_acquire(path: &Path, who: &str) -> Result<std::result::Result<Self, String>> {
        loop {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder)
                    .map_err(|error| cannot("create the folder", folder, error))?;
            }
            let mut file = match File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
            {
                Ok(file) => file,
                // The folder was swept away in between.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot("open the lock", path, error)),
            };
            match file.try_lock() {
                // Its last holder may have deleted the file between our opening and our locking it.
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => {
                    let written = file
                        .set_len(0)
                        .and_then(|()| file.write_all(who.as_bytes()));
                    written.map_err(|error| cannot("write the lock", path, error))?;
                    return Ok(Ok(Self { _file: file }));
                }
                Err(TryLockError::WouldBlock) => {
                    let mut holder = String::new();
                    let _ = file
                        .seek(SeekFrom::Start(0))
                        .and_then(|_| file.read_to_string(&mut holder));
                    return Ok(Err(if holder.is_empty() {
                        "another process".to_owned()
                    } else {
                        holder
                    }));
                }
                Err(TryLockError::Error(error)) => {
                    return Err(cannot("lock", path, error).with_next(
                        "the destination must be on a file system that supports locks (flock)",
                    ));
                }
            }
        }
    }

    /// Takes the lock, waiting for a holder that is at work: commits are short.
    ///
    /// # Errors
    /// [`Code::Locked`] naming the holder after `patience`.
    pub fn acquire(path: &Path, who: &str, patience: Duration) -> Result<Self> {
        let started = std::time::Instant::now();
        loop {
            match Self::try_acquire(path, who)? {
                Ok(lock) => return Ok(lock),
                Err(holder) if started.elapsed() >= patience => {
                    return Err(Error::new(
                        Code::Locked,
                        format!("{} is held by {holder}", path.display()),
                    )
                    .with_next(
                        "wait for that process or end it, then run the same command again",
                    ));
                }
                Err(_) => std::thread::sleep(POLL),
            }
        }
    }

    /// Frees the lock and deletes its file, so that locks of what has ended do not pile up.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn remove(self, path: &Path) -> Result<()> {
        // Deleted while it is held: whoever opened the file before finds out in `try_acquire`.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(cannot("remove the lock", path, error))
            }
            _ => Ok(()),
        }
    }
}

/// The lock that guards a small file, beside it.
pub fn lock_beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lock"))
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
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("locks/x");
        let first = FileLock::try_acquire(&path, "run a")
            .expect("opens")
            .expect("free");
        let holder = FileLock::try_acquire(&path, "run b")
            .expect("opens")
            .expect_err("held");
        assert_eq!(holder, "run a");
        drop(first);
        assert!(
            FileLock::try_acquire(&path, "run b")
                .expect("opens")
                .is_ok()
        );
    }

    /// Two processes must never both hold "the" lock because one of them holds a file that was deleted.
    #[test]
    fn a_lock_on_a_deleted_file_is_no_lock() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("claim");
        for _ in 0..50 {
            let holders = std::sync::atomic::AtomicU32::new(0);
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..20 {
                            if let Ok(lock) = FileLock::try_acquire(&path, "x").expect("opens") {
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
