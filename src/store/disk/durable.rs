//! The only functions that rename, link or remove files and folders of a destination on a disk.
//!
//! Sync and rename are in one place, so that no caller can forget one. After a function here returns, its effect survives
//! a power cut, unless its name says otherwise.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::error::Result;
use crate::failpoint;
use crate::store::io_error::io_error;
use crate::store::listing::names;

/// Suffix of the name of a file that is being written. What a killed process left under such a name is overwritten by the
/// next writer, or swept.
const TEMPORARY_SUFFIX: &str = ".tmp";

/// The outcome of exchanging two folders.
pub(super) enum Exchange {
    /// Each has the other's name now.
    Done,
    /// The file system cannot exchange folders: nothing happened.
    Unsupported(std::io::Error),
}

/// Stores `bytes` under `path`, whole or not at all, replacing what was there. One writer at a time: callers hold the lock
/// that guards the path.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`]; what was there before is then untouched.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary_path(path, "");
    write_synced(path, &temporary, bytes)?;
    failpoint::hit("durable.written");
    std::fs::rename(&temporary, path).map_err(|error| io_error("replace", path, error))?;
    failpoint::hit("durable.renamed");
    sync_folder(parent(path))
}

/// Stores `bytes` under `path` unless something is there already. Returns whether it did.
pub(super) fn create_file(path: &Path, bytes: &[u8]) -> Result<bool> {
    let writer = format!(".{}-{:08x}", std::process::id(), fastrand::u32(..));
    let temporary = temporary_path(path, &writer);
    write_synced(path, &temporary, bytes)?;
    let linked = std::fs::hard_link(&temporary, path);
    let removed = std::fs::remove_file(&temporary);
    match linked {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        Err(error) => return Err(io_error("create", path, error)),
    }
    removed.map_err(|error| io_error("remove", &temporary, error))?;
    sync_folder(parent(path))?;
    Ok(true)
}

/// Makes sure that a folder is there, with every folder above it.
pub(super) fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    if above != path && !above.as_os_str().is_empty() {
        create_folder(above)?;
    }
    match std::fs::create_dir(path) {
        Ok(()) if above.as_os_str().is_empty() => sync_folder(Path::new(".")),
        Ok(()) => sync_folder(above),
        // Another process was faster, and syncs it.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(io_error("create the folder", path, error)),
    }
}

/// Gives a file or folder another name, which is free.
pub(super) fn rename_entry(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| io_error("rename", from, error))?;
    sync_folder(parent(to))?;
    if parent(from) == parent(to) {
        Ok(())
    } else {
        sync_folder(parent(from))
    }
}

/// Gives a file of a folder that no reader looks at its final name. Not synced: callers sync the folder once for all files.
pub(super) fn name_unsynced(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| io_error("rename", from, error))
}

/// Exchanges two folders in one step.
pub(super) fn exchange_folders(left: &Path, right: &Path) -> Result<Exchange> {
    match renameat_with(CWD, left, CWD, right, RenameFlags::EXCHANGE) {
        Ok(()) => {
            sync_folder(parent(right))?;
            sync_folder(parent(left))?;
            Ok(Exchange::Done)
        }
        Err(error @ (Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP)) => {
            Ok(Exchange::Unsupported(error.into()))
        }
        Err(error) => Err(io_error("exchange", right, error.into())),
    }
}

/// Links a file under a second name, whose folder is created. Not synced: callers sync the folder once for all files.
pub(super) fn link_unsynced(from: &Path, to: &Path) -> Result<()> {
    let folder = parent(to);
    std::fs::create_dir_all(folder)
        .map_err(|error| io_error("create the folder", folder, error))?;
    std::fs::hard_link(from, to).map_err(|error| io_error("link", from, error))
}

/// Removes a file; it may be absent.
pub(super) fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Ok(()) => sync_folder(parent(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error("remove", path, error)),
    }
}

/// Removes a file that may come back with a power cut; it may be absent.
pub(super) fn remove_file_unsynced(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path, error)),
        _ => Ok(()),
    }
}

/// Removes a folder with all that is in it; it may be absent, and may come back with a power cut.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub fn remove_folder(path: &Path) -> Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path, error)),
        _ => Ok(()),
    }
}

/// Removes a folder if nothing is in it. It may come back with a power cut, empty.
pub(super) fn remove_folder_if_empty(path: &Path) {
    if std::fs::remove_dir(path).is_ok() {
        let _ = sync_folder(parent(path));
    }
}

/// Syncs a folder, so that names created or removed in it survive a power cut.
pub(super) fn sync_folder(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| io_error("sync the folder", path, error))
}

/// Syncs a folder and all folders below it.
pub(super) fn sync_tree(folder: &Path) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|error| io_error("list", folder, error))?;
    for entry in entries {
        let entry = entry.map_err(|error| io_error("list", folder, error))?;
        let file_type = entry
            .file_type()
            .map_err(|error| io_error("read", &entry.path(), error))?;
        if file_type.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    sync_folder(folder)
}

/// Half-written files in a folder, each with the name that it would have had.
pub(super) fn half_written_files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut files = Vec::new();
    for name in names(folder)? {
        if let Some(hidden) = name.strip_suffix(TEMPORARY_SUFFIX)
            && let Some(whole) = hidden.strip_prefix('.')
        {
            files.push((folder.join(&name), whole.to_owned()));
        }
    }
    Ok(files)
}

fn temporary_path(path: &Path, writer: &str) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!(".{name}{writer}{TEMPORARY_SUFFIX}"))
}

fn write_synced(path: &Path, temporary: &Path, bytes: &[u8]) -> Result<()> {
    create_folder(parent(path))?;
    let written = File::create(temporary).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| {
        // The failed write is the error worth reporting; what is left behind is swept.
        let _ = std::fs::remove_file(temporary);
        io_error("write", path, error)
    })
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_the_new_bytes_and_no_temporary_file() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("a/state.json");
        replace_file(&path, b"one").expect("first");
        replace_file(&path, b"two").expect("second");
        assert_eq!(std::fs::read(&path).expect("readable"), b"two");
        assert_eq!(
            std::fs::read_dir(folder.path().join("a"))
                .expect("listable")
                .count(),
            1
        );
    }

    #[test]
    fn creating_distinguishes_the_first_from_the_second() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join("claim");
        assert!(create_file(&path, b"mine").expect("first"));
        assert!(!create_file(&path, b"yours").expect("second"));
        assert_eq!(std::fs::read(&path).expect("readable"), b"mine");
        assert_eq!(
            std::fs::read_dir(folder.path()).expect("listable").count(),
            1
        );
    }
}
