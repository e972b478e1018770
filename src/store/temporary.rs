//! Temporary files on this machine where the destination is a bucket: copies of committed files, while they are read, and
//! the rows of a run before they are uploaded.
//!
//! They are in the system's folder for temporary files (`TMPDIR`), under a lock that names their process.

use std::fs::DirBuilder;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::disk::{Disk, FileLock};
use super::io_error::io_error;
use crate::error::{Error, ErrorCode, Result};

/// Permissions of the folder of them all: other users must not read rows that were paid for.
const PRIVATE: u32 = 0o700;

/// This process's folder of copies.
static COPIES: Mutex<Option<(PathBuf, FileLock)>> = Mutex::new(None);

/// The folder of temporary files of this user, laid out as a destination.
///
/// # Errors
/// [`ErrorCode::Destination`] if it cannot be created, or belongs to another user.
pub(super) fn temporary_disk() -> Result<Disk> {
    let user = rustix::process::geteuid().as_raw();
    let path = std::env::temp_dir().join(format!("backhaul-{user}"));
    create_private_folder(&path, user)?;
    Ok(Disk::open_read_only(path))
}

/// The folder of this process for copies of committed files.
///
/// # Errors
/// As [`temporary_disk`].
pub(super) fn copies_folder() -> Result<PathBuf> {
    let mut copies = COPIES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((folder, _)) = copies.as_ref() {
        return Ok(folder.clone());
    }
    let name = format!("copies-{:08x}", fastrand::u32(..));
    let who = format!("process {}", std::process::id());
    let (folder, lock) = temporary_disk()?.run_folder(&name, &who)?;
    *copies = Some((folder.clone(), lock));
    Ok(folder)
}

/// Makes sure that a folder is there which only its owner may read: the folder above it is shared with other users, who
/// could create it first.
fn create_private_folder(path: &Path, user: u32) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(PRIVATE)
        .create(path)
        .map_err(|error| io_error("create the folder", path, error))?;
    let metadata =
        std::fs::symlink_metadata(path).map_err(|error| io_error("read", path, error))?;
    if !metadata.is_dir() || metadata.uid() != user {
        let message = format!("{} is not a folder of this user", path.display());
        return Err(Error::new(ErrorCode::Destination, message).with_hint(
            "remove it, or set TMPDIR to a folder of your own, then run the same command again",
        ));
    }
    if metadata.mode() & 0o777 == PRIVATE {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(PRIVATE))
        .map_err(|error| io_error("restrict the permissions of", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_files_are_private_to_the_user() {
        let folder = tempfile::tempdir().expect("temp dir");
        let user = rustix::process::geteuid().as_raw();
        let path = folder.path().join("a/backhaul");
        let permissions = || std::fs::metadata(&path).expect("there").mode() & 0o777;
        create_private_folder(&path, user).expect("created");
        assert_eq!(permissions(), 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("loosened");
        create_private_folder(&path, user).expect("created");
        assert_eq!(permissions(), 0o700, "one of an earlier version");
        let error = create_private_folder(&path, user + 1).expect_err("another user's");
        assert!(error.hint().contains("TMPDIR"), "{}", error.render());
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        assert!(
            create_private_folder(&link, user).is_err(),
            "another user decides where a link leads"
        );
    }
}
