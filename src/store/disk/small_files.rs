//! Small files on a local disk. What is written survives a power cut.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::durable;
use super::lock::{FileLock, lock_beside, this_process};
use crate::error::Result;
use crate::store::file_metadata::FileMetadata;
use crate::store::io_error::io_error;
use crate::store::listing::{file_names, names};
use crate::store::small_files::{Change, SmallFiles};

/// An update takes milliseconds; a process that holds a file longer is stuck.
const PATIENCE: Duration = Duration::from_mins(1);

/// A folder of small files on a local disk.
#[derive(Debug, Clone)]
pub struct DiskFiles {
    root: PathBuf,
}

impl DiskFiles {
    /// Small files in a folder, which is created when the first is written.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl SmallFiles for DiskFiles {
    fn replace(&self, name: &str, bytes: Bytes) -> Result<()> {
        durable::replace_file(&self.root.join(name), &bytes)
    }

    fn create_new(&self, name: &str, bytes: Bytes) -> Result<bool> {
        durable::create_file(&self.root.join(name), &bytes)
    }

    fn update(&self, name: &str, change: &Change<'_>) -> Result<()> {
        let path = self.root.join(name);
        let lock_path = lock_beside(&path);
        let lock = FileLock::acquire(&lock_path, &this_process(), PATIENCE)?;
        let present = read(&path)?.filter(|bytes| !bytes.is_empty());
        let written = match change(present.as_deref())? {
            None => Ok(()),
            Some(next) if next.is_empty() => durable::remove_file(&path),
            Some(next) => durable::replace_file(&path, &next),
        };
        lock.remove(&lock_path)?;
        written
    }

    fn load(&self, name: &str) -> Result<Option<Bytes>> {
        let bytes = read(&self.root.join(name))?.map(Bytes::from);
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    fn load_start(&self, name: &str, num_bytes: usize) -> Result<Option<Bytes>> {
        let path = self.root.join(name);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path, error)),
        };
        let mut start = Vec::new();
        file.take(u64::try_from(num_bytes).unwrap_or(u64::MAX))
            .read_to_end(&mut start)
            .map_err(|error| io_error("read", &path, error))?;
        Ok(Some(Bytes::from(start)).filter(|start| !start.is_empty()))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut listed = names(&self.root.join(folder))?;
        listed.retain(|name| !name.starts_with('.'));
        listed.sort();
        Ok(listed)
    }

    fn list_all(&self, folder: &str) -> Result<Vec<String>> {
        let mut listed: Vec<String> = file_names(&self.root.join(folder))?.into_iter().collect();
        listed.retain(|name| !name.split('/').any(|part| part.starts_with('.')));
        Ok(listed)
    }

    fn list_with_metadata(&self, _folder: &str) -> Result<Option<Vec<FileMetadata>>> {
        Ok(None)
    }

    fn changed_at(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        newest_change(&self.root.join(name))
    }

    fn create_folder(&self, folder: &str) -> Result<()> {
        durable::create_folder(&self.root.join(folder))
    }

    fn rename(&self, name: &str, to: &str) -> Result<()> {
        durable::rename_entry(&self.root.join(name), &self.root.join(to))
    }

    fn remove(&self, name: &str) -> Result<()> {
        let path = self.root.join(name);
        if path.parent().is_some_and(Path::exists) {
            durable::remove_file(&path)
        } else {
            Ok(())
        }
    }

    fn remove_all(&self, folder: &str) -> Result<()> {
        let path = self.root.join(folder);
        durable::remove_folder(&path)?;
        match path.parent() {
            Some(parent) if parent.exists() => durable::sync_folder(parent),
            _ => Ok(()),
        }
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        Ok(SystemTime::now().into())
    }

    fn location_of(&self, name: &str) -> String {
        self.root.join(name).display().to_string()
    }

    fn is_remote(&self) -> bool {
        false
    }

    fn local_folder(&self) -> Option<&Path> {
        Some(&self.root)
    }

    fn remove_half_written(&self, folder: &str, is_live: &dyn Fn(&str) -> bool) -> Result<()> {
        for (path, name) in durable::half_written_files(&self.root.join(folder))? {
            if !is_live(&name) {
                durable::remove_file(&path)?;
            }
        }
        Ok(())
    }

    fn remove_folder_if_empty(&self, folder: &str) {
        durable::remove_folder_if_empty(&self.root.join(folder));
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("read", path, error)),
    }
}

/// When a file, or anything in a folder, last changed.
fn newest_change(path: &Path) -> Result<Option<DateTime<Utc>>> {
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path, error)),
    };
    if metadata.is_file() {
        let changed_at = metadata
            .modified()
            .map_err(|error| io_error("read", path, error))?;
        return Ok(Some(changed_at.into()));
    }
    let mut newest = metadata.modified().ok().map(DateTime::from);
    for name in names(path)? {
        if !name.starts_with('.') {
            newest = newest.max(newest_change(&path.join(name))?);
        }
    }
    Ok(newest)
}
