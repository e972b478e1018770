//! Locks that the kernel frees: a holder that dies lets go, one that sleeps does not.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use super::cannot;
use crate::error::{Code, Error, Result};

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
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| cannot("create the folder", folder, error))?;
        }
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| cannot("open the lock", path, error))?;
        match file.try_lock() {
            Ok(()) => {
                let written = file.set_len(0).and_then(|()| file.write_all(who.as_bytes()));
                written.map_err(|error| cannot("write the lock", path, error))?;
                Ok(Ok(Self { _file: file }))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_string(&mut holder));
                Ok(Err(if holder.is_empty() { "another process".to_owned() } else { holder }))
            }
            Err(TryLockError::Error(error)) => Err(cannot("lock", path, error)
                .with_next("the destination must be on a file system that supports locks (flock)")),
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
                    return Err(Error::new(Code::Locked, format!("{} is held by {holder}", path.display()))
                        .with_next("wait for that process or end it, then run the same command again"));
                }
                Err(_) => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("locks/x");
        let first = FileLock::try_acquire(&path, "run a").expect("opens").expect("free");
        let holder = FileLock::try_acquire(&path, "run b").expect("opens").expect_err("held");
        assert_eq!(holder, "run a");
        drop(first);
        assert!(FileLock::try_acquire(&path, "run b").expect("opens").is_ok());
    }
}
