//! Small files in memory, for tests: the behaviour of a bucket, without requests and without lost answers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::file_metadata::FileMetadata;
use super::small_files::{Change, SmallFiles};
use crate::error::{Error, ErrorCode, Result};

/// Keeps a folder in existence that nothing else is in yet.
const FOLDER_MARKER: &str = ".folder";

/// A folder of small files in memory.
#[derive(Debug, Default)]
pub struct MemoryFiles {
    files: Mutex<BTreeMap<String, StoredFile>>,
}

#[derive(Debug)]
struct StoredFile {
    bytes: Bytes,
    changed_at: DateTime<Utc>,
}

impl StoredFile {
    fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            changed_at: Utc::now(),
        }
    }
}

impl MemoryFiles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, StoredFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All files in a folder and below it, by their names from the folder on.
    fn files_below(&self, folder: &str) -> Vec<FileMetadata> {
        let mut below = Vec::new();
        for (name, file) in self.lock().iter() {
            if let Some(name) = name_below(folder, name) {
                below.push(FileMetadata {
                    name: name.to_owned(),
                    bytes: u64::try_from(file.bytes.len()).unwrap_or(u64::MAX),
                    changed_at: file.changed_at,
                });
            }
        }
        below
    }
}

/// A name from a folder on; `None` for what is not in it.
fn name_below<'a>(folder: &str, name: &'a str) -> Option<&'a str> {
    if folder.is_empty() {
        Some(name)
    } else {
        name.strip_prefix(folder)?.strip_prefix('/')
    }
}

impl SmallFiles for MemoryFiles {
    fn replace(&self, name: &str, bytes: Bytes) -> Result<()> {
        self.lock().insert(name.to_owned(), StoredFile::new(bytes));
        Ok(())
    }

    fn create_new(&self, name: &str, bytes: Bytes) -> Result<bool> {
        let mut files = self.lock();
        if files.get(name).is_some_and(|file| !file.bytes.is_empty()) {
            return Ok(false);
        }
        files.insert(name.to_owned(), StoredFile::new(bytes));
        Ok(true)
    }

    fn update(&self, name: &str, change: &Change<'_>) -> Result<()> {
        let mut files = self.lock();
        let present = files.get(name).map(|file| file.bytes.clone());
        let present = present.filter(|bytes| !bytes.is_empty());
        match change(present.as_deref())? {
            None => {}
            Some(next) if next.is_empty() => {
                files.remove(name);
            }
            Some(next) => {
                files.insert(name.to_owned(), StoredFile::new(next.into()));
            }
        }
        Ok(())
    }

    fn load(&self, name: &str) -> Result<Option<Bytes>> {
        let bytes = self.lock().get(name).map(|file| file.bytes.clone());
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    fn load_start(&self, name: &str, num_bytes: usize) -> Result<Option<Bytes>> {
        let bytes = self.load(name)?;
        Ok(bytes.map(|bytes| bytes.slice(..num_bytes.min(bytes.len()))))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let mut listed = BTreeSet::new();
        for file in self.files_below(folder) {
            match file.name.split_once('/') {
                Some((folder, _)) => listed.insert(folder.to_owned()),
                None if file.bytes > 0 => listed.insert(file.name),
                None => false,
            };
        }
        listed.retain(|name| !name.starts_with('.'));
        Ok(listed.into_iter().collect())
    }

    fn list_all(&self, folder: &str) -> Result<Vec<String>> {
        let mut files = self.files_below(folder);
        files.retain(|file| file.bytes > 0);
        Ok(files.into_iter().map(|file| file.name).collect())
    }

    fn list_with_metadata(&self, folder: &str) -> Result<Option<Vec<FileMetadata>>> {
        Ok(Some(self.files_below(folder)))
    }

    fn changed_at(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        if let Some(file) = self.lock().get(name) {
            return Ok(Some(file.changed_at));
        }
        let files = self.files_below(name);
        Ok(files.iter().map(|file| file.changed_at).max())
    }

    fn create_folder(&self, folder: &str) -> Result<()> {
        self.replace(&format!("{folder}/{FOLDER_MARKER}"), Bytes::new())
    }

    fn rename(&self, name: &str, to: &str) -> Result<()> {
        let Some(bytes) = self.load(name)? else {
            let message = format!("{} does not exist", self.location_of(name));
            return Err(Error::new(ErrorCode::Destination, message));
        };
        self.replace(to, bytes)?;
        self.remove(name)
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.lock().remove(name);
        Ok(())
    }

    fn remove_all(&self, folder: &str) -> Result<()> {
        self.lock()
            .retain(|name, _| name_below(folder, name).is_none());
        Ok(())
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        Ok(Utc::now())
    }

    fn location_of(&self, name: &str) -> String {
        format!("memory://{name}")
    }

    fn is_remote(&self) -> bool {
        true
    }
}
