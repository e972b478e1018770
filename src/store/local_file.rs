//! Files of the destination that can be read on this machine: in place on a disk, as a copy from a bucket.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::bucket::{Remote, Version};
use super::destination::Store;
use super::io_error::io_error;
use super::layout::partition_file;
use super::temporary::copies_folder;
use crate::error::Result;

/// Bytes of a copy that are requested at a time.
const CHUNK_BYTES: u64 = 8 << 20;

/// Attempts at a copy whose object is replaced meanwhile.
const MAX_ATTEMPTS: u32 = 5;

/// A file of the destination that can be read here. A copy is removed when dropped.
#[derive(Debug)]
pub struct LocalFile {
    path: PathBuf,
    is_copy: bool,
}

impl LocalFile {
    /// Where it is stored.
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
            // Its folder is removed as a whole by the next sweep.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Store {
    /// A committed file of a partition; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn table_file(
        &self,
        report: &str,
        partition: &str,
        name: &str,
    ) -> Result<Option<LocalFile>> {
        self.local_file(&partition_file(report, partition, name))
    }

    /// A file of the destination, by its name from the root on; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn local_file(&self, name: &str) -> Result<Option<LocalFile>> {
        match self {
            Self::Disk(disk) => {
                let path = disk.root().join(name);
                Ok(path.exists().then_some(LocalFile {
                    path,
                    is_copy: false,
                }))
            }
            Self::Bucket(remote) => copy(remote, name),
        }
    }
}

fn copy(remote: &Remote, name: &str) -> Result<Option<LocalFile>> {
    let copy = LocalFile {
        path: copies_folder()?.join(format!("{:016x}", fastrand::u64(..))),
        is_copy: true,
    };
    let mut attempt = 1;
    loop {
        let Some((metadata, version)) = remote.wait(remote.bucket().head(name))? else {
            return Ok(None);
        };
        match copy_version(remote, name, metadata.bytes, &version, &copy.path) {
            Ok(()) => return Ok(Some(copy)),
            // Replaced meanwhile: the new object is as good.
            Err(_) if attempt < MAX_ATTEMPTS && has_changed(remote, name, &version)? => {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn copy_version(
    remote: &Remote,
    name: &str,
    bytes: u64,
    version: &Version,
    path: &Path,
) -> Result<()> {
    let mut file = File::create(path).map_err(|error| io_error("write", path, error))?;
    let mut start = 0;
    while start < bytes {
        let end = (start + CHUNK_BYTES).min(bytes);
        let chunk = remote.bucket().get_range(name, start..end, Some(version));
        file.write_all(&remote.wait(chunk)?)
            .map_err(|error| io_error("write", path, error))?;
        start = end;
    }
    Ok(())
}

fn has_changed(remote: &Remote, name: &str, version: &Version) -> Result<bool> {
    match remote.wait(remote.bucket().head(name))? {
        Some((_, present)) => Ok(present != *version),
        None => Ok(true),
    }
}
