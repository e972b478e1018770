//! Sync and rename, in one place, so that no caller can forget one.
//!
//! After [`replace`] or [`create_new`] returns, the file survives a power cut under its name, whole.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::store::{cannot, step};

/// Stands behind the name of a file that is being written. What a dead process left under such a name is overwritten by
/// the next one, or swept up.
pub(super) const TEMPORARY_SUFFIX: &str = ".tmp";

/// Puts `bytes` under `path`, whole or not at all, replacing what was there. One writer at a time: callers hold the lock
/// that guards the path.
///
/// # Errors
/// [`crate::error::Code::Destination`]; what was there before is then untouched.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary(path, "");
    write(path, &temporary, bytes)?;
    step("durable.written");
    std::fs::rename(&temporary, path).map_err(|error| cannot("put in place", path, error))?;
    step("durable.renamed");
    sync_dir(parent(path))
}

/// Makes sure that a folder is there, and that it and every folder above it that had to be made survives a power cut.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    if above != path && !above.as_os_str().is_empty() {
        create_folder(above)?;
    }
    match std::fs::create_dir(path) {
        Ok(()) => sync_dir(if above.as_os_str().is_empty() {
            Path::new(".")
        } else {
            above
        }),
        // Another process was faster; whoever made it syncs it.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(cannot("create the folder", path, error)),
    }
}

/// Removes a file; it may be absent. The removal survives a power cut.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_dir(parent(path)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot("remove", path, error)),
    }
}

/// Puts `bytes` under `path` unless something is there already; says whether it did.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn create_new(path: &Path, bytes: &[u8]) -> Result<bool> {
    let temporary = temporary(
        path,
        &format!(".{}-{:08x}", std::process::id(), fastrand::u32(..)),
    );
    write(path, &temporary, bytes)?;
    let linked = std::fs::hard_link(&temporary, path);
    let removed = std::fs::remove_file(&temporary);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(cannot("create", path, error)),
    }
    removed.map_err(|error| cannot("remove", &temporary, error))?;
    sync_dir(parent(path))?;
    Ok(true)
}

/// Syncs a folder, so that names created or removed in it survive a power cut.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn sync_dir(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| cannot("sync the folder", path, error))
}

/// Removes a folder with all that is in it; it may be absent.
///
/// # Errors
/// [`crate::error::Code::Destination`].
pub fn remove_tree(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot("remove", path, error)),
    }
}

fn temporary(path: &Path, mark: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!(".{name}{mark}{TEMPORARY_SUFFIX}"))
}

fn write(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<()> {
    create_folder(parent(path))?;
    let written = File::create(temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| {
        // The write failed, and that is the error worth telling; what is left behind is garbage of no consequence.
        let _ = std::fs::remove_file(temporary);
        cannot("write", path, error)
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replace_leaves_the_new_bytes_and_no_temporary_file() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a/state.json");
        replace(&path, b"one").expect("first");
        replace(&path, b"two").expect("second");
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
        assert_eq!(
            std::fs::read_dir(folder.path().join("a"))
                .expect("listable")
                .count(),
            1
        );
    }

    #[test]
    fn create_new_tells_the_first_from_the_second() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("claim");
        assert!(create_new(&path, b"mine").expect("first"));
        assert!(!create_new(&path, b"yours").expect("second"));
        assert_eq!(std::fs::read(&path).expect("readable"), b"mine");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("listable").count(),
            1
        );
    }
}
