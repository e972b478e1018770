//! Files on this machine's disk where the destination is a bucket: copies of committed files, for as long as they are
//! read, and the rows of a run on their way.
//!
//! They lie in the system's folder for temporary files (`TMPDIR`), under a lock that says whose they are.

use std::fs::{DirBuilder, File};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::committing::file_name;
use super::{Disk, FileLock, Remote, Store, cannot};
use crate::error::{Code, Error, Result};

/// Bytes of a copy that are asked for at a time.
const CHUNK_BYTES: u64 = 8 << 20;

/// Rights to the folder of them all: rows that were paid for are nobody else's to read.
const PRIVATE: u32 = 0o700;

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
    pub fn table_file(
        &self,
        report: &str,
        partition: &str,
        name: &str,
    ) -> Result<Option<LocalFile>> {
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
                Ok(path.exists().then_some(LocalFile {
                    path,
                    is_copy: false,
                }))
            }
            Self::Bucket(remote) => copy(remote, name),
        }
    }
}

/// The folder in which runs keep what is on its way to a bucket.
///
/// # Errors
/// [`Code::Destination`] if it cannot be made, or is somebody else's.
pub(super) fn temporary() -> Result<Disk> {
    let user = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("backhaul-{user}"));
    make_private(&path, user)?;
    Ok(Disk::at(path))
}

/// Removes what dead processes left there.
pub(super) fn sweep(who: &str) -> Result<()> {
    temporary()?.sweep(who)
}

/// Makes sure that a folder is there which nobody but its owner may look into: others use the folder above it too, and
/// whoever is first there could lay it out for us.
fn make_private(path: &Path, user: u32) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(PRIVATE).create(path);
    made.map_err(|error| cannot("create the folder", path, error))?;
    let metadata = std::fs::symlink_metadata(path).map_err(|error| cannot("read", path, error))?;
    if !metadata.is_dir() || metadata.uid() != user {
        return Err(Error::new(
            Code::Destination,
            format!("{} is not a folder of this user", path.display()),
        )
        .with_next(
            "remove it, or set TMPDIR to a folder of your own, then run the same command again",
        ));
    }
    if metadata.mode() & 0o777 == PRIVATE {
        return Ok(());
    }
    let permissions = std::fs::Permissions::from_mode(PRIVATE);
    std::fs::set_permissions(path, permissions)
        .map_err(|error| cannot("take others' rights to", path, error))
}

fn copy(remote: &Remote, name: &str) -> Result<Option<LocalFile>> {
    let path = copies()?.join(format!("{:016x}", fastrand::u64(..)));
    let copy = LocalFile {
        path: path.clone(),
        is_copy: true,
    };
    for attempt in 1.. {
        let Some((listed, version)) = remote.wait(remote.bucket().head(name))? else {
            return Ok(None);
        };
        let mut file = File::create(&path).map_err(|error| cannot("write", &path, error))?;
        let mut outcome = Ok(());
        for start in (0..listed.bytes).step_by(usize::try_from(CHUNK_BYTES).unwrap_or(usize::MAX)) {
            let range = start..(start + CHUNK_BYTES).min(listed.bytes);
            match remote.wait(remote.bucket().get_range(name, range, Some(&version))) {
                Ok(bytes) => file
                    .write_all(&bytes)
                    .map_err(|error| cannot("write", &path, error))?,
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
    let (folder, lock) =
        temporary()?.run_folder(&name, &format!("process {}", std::process::id()))?;
    *copies = Some((folder.clone(), lock));
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_its_way_is_nobody_else_s_to_read_or_to_lay_out() {
        let folder = tempfile::tempdir().expect("temp dir");
        let user = rustix::process::geteuid().as_raw();
        let path = folder.path().join("a/backhaul");
        let rights = || std::fs::metadata(&path).expect("there").mode() & 0o777;
        make_private(&path, user).expect("made");
        assert_eq!(rights(), 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("loosened");
        make_private(&path, user).expect("made");
        assert_eq!(rights(), 0o700, "one of an earlier version");
        let error = make_private(&path, user + 1).expect_err("somebody else's");
        assert!(error.next().contains("TMPDIR"), "{}", error.render());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(
            make_private(&link, user).is_err(),
            "a link leads where somebody else wants"
        );
    }
}
