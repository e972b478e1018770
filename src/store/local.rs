//! Files on this machine's disk where the destination is a bucket: copies of committed files, for as long as they are
//! read, and the rows of a run on their way.
//!
//! They lie in the system's folder for temporary files (`TMPDIR`), under a lock that says whose they are.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::committing::file_name;
use super::{Disk, FileLock, Remote, Store, cannot};
use crate::error::{Code, Error, Result};

/// Bytes of a copy that are asked for at a time.
const CHUNK_BYTES: u64 = 8 << 20;

/// Times that a copy is begun anew because the object was replaced meanwhile.
const ATTEMPTS: u32 = 5;

/// This process's folder of copies.
static COPIES: Mutex<Option<(PathBuf, FileLock)>> = Mutex::new(None);

/// A file of the destination that can be read here. A copy goes with it.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    is_copy: bool,
}

impl LocalFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl AsRef<Path> for LocalFile {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

impl Drop for LocalFile {
    fn drop(&mut self) {
        if self.is_copy {
            // Its folder goes as a whole with the next sweep.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Store {
    /// A committed file of a partition; `None` if it is not there.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn table_file(&self, report: &str, partition: &str, name: &str) -> Result<Option<LocalFile>> {
        self.local(&file_name(report, partition, name))
    }

    /// A file of the destination, by its name from the root on; `None` if it is not there.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub fn local(&self, name: &str) -> Result<Option<LocalFile>> {
        match self {
            Self::Disk(disk) => {
                let path = disk.root().join(name);
                Ok(path.exists().then_some(LocalFile { path, is_copy: false }))
            }
            Self::Bucket(remote) => copy(remote, name),
        }
    }
}

/// The folder in which runs keep what is on its way to a bucket.
pub(super) fn temporary() -> Disk {
    let user = rustix::process::geteuid().as_raw();
    Disk::at(std::env::temp_dir().join(format!("backhaul-{user}")))
}

/// Removes what dead processes left there.
pub(super) fn sweep(who: &str) -> Result<()> {
    temporary().sweep(who)
}

fn copy(remote: &Remote, name: &str) -> Result<Option<LocalFile>> {
    let path = copies()?.join(format!("{:016x}", fastrand::u64(..)));
    let copy = LocalFile { path: path.clone(), is_copy: true };
    for attempt in 1.. {
        let Some((listed, version)) = remote.wait(remote.bucket().head(name))? else { return Ok(None) };
        let mut file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
        let mut outcome = Ok(());
        for start in (0..listed.bytes).step_by(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX)) {
            let range = start..(start + CHUNK_BYTES).min(listed.bytes);
            match remote.wait(remote.bucket().get_range(name, range, Some(&version))) {
                Ok(bytes) => file.write_all(&bytes).map_err(|error| cannot("write", &path, error))?,
                Err(error) => {
                    outcome = Err(error);
                    break;
                }
            }
        }
        match outcome {
            Ok(()) => return Ok(Some(copy)),
            // Replaced meanwhile: the new one is as good.
            Err(_) if attempt < ATTEMPTS && has_changed(remote, name, &version)? => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(Code::Internal, "a copy came to no end"))
}

fn has_changed(remote: &Remote, name: &str, version: &super::bucket::Version) -> Result<bool> {
    let now = remote.wait(remote.bucket().head(name))?;
    Ok(now.is_none_or(|(_, now)| now != *version))
}

fn copies() -> Result<PathBuf> {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((folder, _)) = copies.as_ref() {
        return Ok(folder.clone());
    }
    let name = format!("copies-{:08x}", fastrand::u32(..));
    let (folder, lock) = temporary().run_folder(&name, &format!("process {}", std::process::id()))?;
    *copies = Some((folder.clone(), lock));
    Ok(folder)
}
