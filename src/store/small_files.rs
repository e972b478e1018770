//! Folders of small files: saved responses, open nights, reservations, the request log.
//!
//! Names are relative, with `/` between folders; a folder exists while it contains something. Names that begin with a dot
//! are internal: files that are being written, and locks. A file without a byte counts as absent.
//!
//! What a bucket cannot promise, no caller may rely on: a name that was removed for good ([`SmallFiles::remove`]) is not
//! used again, since a removal whose answer was lost may arrive late; and the content that [`SmallFiles::create_new`]
//! writes differs from that of every other writer.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;

use super::file_metadata::FileMetadata;
use super::json::from_json;
use crate::error::Result;

/// A folder of small files, shared by all that use it.
pub type SharedFiles = Arc<dyn SmallFiles>;

/// Computes the next content of a file from its present one, which is `None` if it does not exist. `None` leaves the file as
/// it is; no bytes remove it.
pub type Change<'a> = dyn Fn(Option<&[u8]>) -> Result<Option<Vec<u8>>> + Send + Sync + 'a;

/// A folder of small files on a disk, in a bucket, or in memory.
pub trait SmallFiles: std::fmt::Debug + Send + Sync {
    /// Stores `bytes` under a name, whole or not at all, replacing what was there. It survives a power cut.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], as every method; what was there before is then untouched, or replaced although
    /// the answer was lost.
    fn replace(&self, name: &str, bytes: Bytes) -> Result<()>;

    /// Stores `bytes` under a name unless there is a file already. Returns whether it did.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn create_new(&self, name: &str, bytes: Bytes) -> Result<bool>;

    /// Changes a file by its content, so that no other change in between is lost.
    ///
    /// `change` may be called more than once, and a change whose answer was lost may be made twice if another one came in
    /// between: what is added carries a name, and what is there already is not added again.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], [`crate::error::ErrorCode::Locked`] if another process does not release the file, or
    /// the error of `change`.
    fn update(&self, name: &str, change: &Change<'_>) -> Result<()>;

    /// Reads a file; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn load(&self, name: &str) -> Result<Option<Bytes>>;

    /// Reads at most the first `num_bytes` of a file; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn load_start(&self, name: &str, num_bytes: usize) -> Result<Option<Bytes>>;

    /// Names of the files and folders directly in a folder, in order; none if the folder does not exist. The empty
    /// name is the root.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn list(&self, folder: &str) -> Result<Vec<String>>;

    /// Names of all files in a folder and below it, from the folder on, in order.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn list_all(&self, folder: &str) -> Result<Vec<String>>;

    /// All files in a folder and below it with their metadata, those without a byte included, by their names from the
    /// folder on: in a bucket one request lists a thousand. `None` on a disk, where each file costs nothing to look at.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn list_with_metadata(&self, folder: &str) -> Result<Option<Vec<FileMetadata>>>;

    /// When a file, or any file in a folder, last changed, by the clock of [`SmallFiles::now`]; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn changed_at(&self, name: &str) -> Result<Option<DateTime<Utc>>>;

    /// Makes sure, durably, that a folder is there.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn create_folder(&self, folder: &str) -> Result<()>;

    /// Gives a file another name, which is free. A crash may leave it under both; its old name may be used again.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], also if it does not exist.
    fn rename(&self, name: &str, to: &str) -> Result<()>;

    /// Removes a file for good; it may be absent.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn remove(&self, name: &str) -> Result<()>;

    /// Removes a folder with all that is in it, for good; it may be absent.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn remove_all(&self, folder: &str) -> Result<()>;

    /// The time by the clock that stamps the files.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn now(&self) -> Result<DateTime<Utc>>;

    /// Where a file is stored, for people.
    fn location_of(&self, name: &str) -> String;

    /// Whether the files are on another machine: with a clock of its own, and with claims that are leases, which a process
    /// that was paused may have lost without knowing.
    fn is_remote(&self) -> bool;

    /// The folder on this machine's disk, where there is one: a file that grows is appended to there.
    fn local_folder(&self) -> Option<&Path> {
        None
    }

    /// Removes what killed processes were writing directly in a folder; `is_live` recognizes what a live process is
    /// writing, by the name of the file. Only a disk has such files.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    fn remove_half_written(&self, _folder: &str, _is_live: &dyn Fn(&str) -> bool) -> Result<()> {
        Ok(())
    }

    /// Removes a folder if nothing is in it. It may contain something that another process has just put there. Only a disk
    /// has empty folders.
    fn remove_folder_if_empty(&self, _folder: &str) {}
}

impl dyn SmallFiles {
    /// Reads a file of JSON; `None` if there is none.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`], also if it is damaged.
    pub fn load_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        match self.load(name)? {
            Some(bytes) => from_json(&bytes, &self.location_of(name)).map(Some),
            None => Ok(None),
        }
    }

    /// Names of the JSON files directly in this folder, without their suffix.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub fn json_names(&self) -> Result<Vec<String>> {
        let mut stems = Vec::new();
        for name in self.list("")? {
            if let Some(stem) = name.strip_suffix(".json") {
                stems.push(stem.to_owned());
            }
        }
        Ok(stems)
    }
}
