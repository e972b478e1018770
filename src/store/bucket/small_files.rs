//! Small files in a bucket: each is an object.
//!
//! Files are changed by compare-and-swap only. A file that is removed but whose name may be used again becomes an object
//! without a byte, since a delete whose answer was lost could arrive after the next write and undo it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::client::Bucket;
use super::remote::Remote;
use crate::error::{Error, ErrorCode, Result};
use crate::store::file_metadata::FileMetadata;
use crate::store::small_files::{Change, SmallFiles};

/// Deletes that are sent side by side.
const CONCURRENT_DELETES: usize = 16;

/// Keeps a folder in existence that nothing else is in yet.
const FOLDER_MARKER: &str = ".folder";

/// A folder of small files in a bucket.
#[derive(Debug, Clone)]
pub struct BucketFiles {
    remote: Remote,
    folder: String,
}

impl BucketFiles {
    /// Small files below a folder of a bucket.
    pub fn new(remote: Remote, folder: impl Into<String>) -> Self {
        Self {
            remote,
            folder: folder.into(),
        }
    }

    fn bucket(&self) -> &Bucket {
        self.remote.bucket()
    }

    /// Name of a file's object; of the folder itself for the empty name.
    fn object(&self, name: &str) -> String {
        if name.is_empty() {
            self.folder.clone()
        } else {
            format!("{}/{name}", self.folder)
        }
    }

    /// All objects in a folder and below it, by their names from the folder on.
    fn objects_below(&self, folder: &str) -> Result<Vec<FileMetadata>> {
        let folder = self.object(folder);
        let mut objects = self.remote.wait(self.bucket().list(&folder))?;
        for object in &mut objects {
            object
                .name
                .drain(..(folder.len() + 1).min(object.name.len()));
        }
        Ok(objects)
    }

    async fn replace_object(&self, object: &str, bytes: Bytes) -> Result<()> {
        // A plain write whose answer was lost could arrive after the next one, and undo it. Contents must not return to
        // what they once were: some stores derive versions from the content.
        loop {
            let written = match self.bucket().head(object).await? {
                Some((_, version)) => {
                    self.bucket()
                        .compare_and_swap(object, &version, bytes.clone())
                        .await?
                }
                None => self.bucket().put_if_absent(object, bytes.clone()).await?,
            };
            if written.is_some() {
                return Ok(());
            }
        }
    }

    async fn create_object(&self, object: &str, bytes: Bytes) -> Result<bool> {
        let bucket = self.bucket();
        if bucket.put_if_absent(object, bytes.clone()).await?.is_some() {
            return Ok(true);
        }
        // A file that was removed leaves an object without a byte.
        match bucket.head(object).await? {
            Some((metadata, version)) if metadata.bytes == 0 => {
                let written = bucket.compare_and_swap(object, &version, bytes).await?;
                Ok(written.is_some())
            }
            _ => Ok(false),
        }
    }

    async fn update_object(&self, object: &str, change: &Change<'_>) -> Result<()> {
        loop {
            let present = self.bucket().get(object).await?;
            let bytes = present.as_ref().map(|object| object.bytes.as_ref());
            let Some(next) = change(bytes.filter(|bytes| !bytes.is_empty()))? else {
                return Ok(());
            };
            let next = Bytes::from(next);
            let written = match present {
                Some(present) => {
                    self.bucket()
                        .compare_and_swap(object, &present.version, next)
                        .await?
                }
                None if next.is_empty() => return Ok(()),
                None => self.bucket().put_if_absent(object, next).await?,
            };
            if written.is_some() {
                return Ok(());
            }
        }
    }

    async fn object_start(&self, object: &str, num_bytes: u64) -> Result<Option<Bytes>> {
        match self.bucket().head(object).await? {
            Some((metadata, version)) if metadata.bytes > 0 => {
                let range = 0..num_bytes.min(metadata.bytes);
                let start = self.bucket().get_range(object, range, Some(&version));
                start.await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn object_changed_at(&self, object: &str) -> Result<Option<DateTime<Utc>>> {
        if let Some((metadata, _)) = self.bucket().head(object).await? {
            return Ok(Some(metadata.changed_at));
        }
        let objects = self.bucket().list(object).await?;
        Ok(objects.iter().map(|object| object.changed_at).max())
    }

    async fn delete_objects(&self, folder: &str) -> Result<()> {
        let objects = self.bucket().list(folder).await?;
        stream::iter(objects)
            .map(|object| async move { self.bucket().delete(&object.name).await })
            .buffer_unordered(CONCURRENT_DELETES)
            .try_collect()
            .await
    }
}

impl SmallFiles for BucketFiles {
    fn replace(&self, name: &str, bytes: Bytes) -> Result<()> {
        self.remote
            .wait(self.replace_object(&self.object(name), bytes))
    }

    fn create_new(&self, name: &str, bytes: Bytes) -> Result<bool> {
        self.remote
            .wait(self.create_object(&self.object(name), bytes))
    }

    fn update(&self, name: &str, change: &Change<'_>) -> Result<()> {
        self.remote
            .wait(self.update_object(&self.object(name), change))
    }

    fn load(&self, name: &str) -> Result<Option<Bytes>> {
        let object = self.remote.wait(self.bucket().get(&self.object(name)))?;
        let bytes = object.map(|object| object.bytes);
        Ok(bytes.filter(|bytes| !bytes.is_empty()))
    }

    fn load_start(&self, name: &str, num_bytes: usize) -> Result<Option<Bytes>> {
        let num_bytes = u64::try_from(num_bytes).unwrap_or(u64::MAX);
        self.remote
            .wait(self.object_start(&self.object(name), num_bytes))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>> {
        let folder = self.object(folder);
        let (mut listed, folders) = self.remote.wait(self.bucket().children(&folder))?;
        listed.extend(folders);
        listed.retain(|name| !name.starts_with('.'));
        listed.sort();
        listed.dedup();
        Ok(listed)
    }

    fn list_all(&self, folder: &str) -> Result<Vec<String>> {
        let mut objects = self.objects_below(folder)?;
        objects.retain(|object| object.bytes > 0);
        Ok(objects.into_iter().map(|object| object.name).collect())
    }

    fn list_with_metadata(&self, folder: &str) -> Result<Option<Vec<FileMetadata>>> {
        self.objects_below(folder).map(Some)
    }

    fn changed_at(&self, name: &str) -> Result<Option<DateTime<Utc>>> {
        self.remote.wait(self.object_changed_at(&self.object(name)))
    }

    fn create_folder(&self, folder: &str) -> Result<()> {
        let marker = format!("{}/{FOLDER_MARKER}", self.object(folder));
        self.remote
            .wait(self.bucket().put(&marker, Bytes::new()))
            .map(drop)
    }

    fn rename(&self, name: &str, to: &str) -> Result<()> {
        let Some(bytes) = self.load(name)? else {
            let message = format!("{} does not exist", self.location_of(name));
            return Err(Error::new(ErrorCode::Destination, message));
        };
        self.create_new(to, bytes)?;
        self.replace(name, Bytes::new())
    }

    fn remove(&self, name: &str) -> Result<()> {
        self.remote.wait(self.bucket().delete(&self.object(name)))
    }

    fn remove_all(&self, folder: &str) -> Result<()> {
        self.remote.wait(self.delete_objects(&self.object(folder)))
    }

    fn now(&self) -> Result<DateTime<Utc>> {
        self.remote.wait(self.bucket().now())
    }

    fn location_of(&self, name: &str) -> String {
        format!("{}/{}", self.bucket().location(), self.object(name))
    }

    fn is_remote(&self) -> bool {
        true
    }
}
