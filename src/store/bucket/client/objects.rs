//! Reading and listing the objects of a bucket, by names below its prefix.
//!
//! Every call is retried until it has a definite answer.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStoreExt as _, PutResult};

use super::bucket::Bucket;
use super::request_failure::{Operation, RequestFailure};
use super::wire::FailureClass;
use crate::error::{Error, ErrorCode, Result};
use crate::store::bucket::nonce::nonce;
use crate::store::file_metadata::FileMetadata;
use crate::store::layout::SYSTEM_FOLDER;

/// Identifies one of the writes to an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) e_tag: Option<String>,
    pub(crate) version: Option<String>,
}

impl From<PutResult> for Version {
    fn from(result: PutResult) -> Self {
        Self {
            e_tag: result.e_tag,
            version: result.version,
        }
    }
}

impl From<&ObjectMeta> for Version {
    fn from(meta: &ObjectMeta) -> Self {
        Self {
            e_tag: meta.e_tag.clone(),
            version: meta.version.clone(),
        }
    }
}

/// A whole object.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its content.
    pub bytes: Bytes,
    /// The write that it is from.
    pub version: Version,
    /// When that was, by the store's clock.
    pub changed_at: DateTime<Utc>,
}

impl Bucket {
    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`], as every call here: what went wrong, and what to do about it.
    pub async fn get(&self, name: &str) -> Result<Option<Object>> {
        let path = self.path(name)?;
        self.fetch(&path)
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Reads a range of an object. With a version the object must not have changed since.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`], also if it was removed or has changed.
    pub async fn get_range(
        &self,
        name: &str,
        range: Range<u64>,
        version: Option<&Version>,
    ) -> Result<Bytes> {
        let path = self.path(name)?;
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            if_match: version.and_then(|version| version.e_tag.clone()),
            ..GetOptions::default()
        };
        let read = async || {
            let result = self.objects().get_opts(&path, options.clone()).await?;
            result.bytes().await
        };
        self.send(Operation::Read, &path, read)
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Metadata and version of an object; `None` if there is none.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub async fn head(&self, name: &str) -> Result<Option<(FileMetadata, Version)>> {
        let path = self.path(name)?;
        let head = || self.objects().head(&path);
        match self.send(Operation::Read, &path, head).await {
            Ok(meta) => {
                let version = Version::from(&meta);
                let metadata = FileMetadata {
                    name: name.to_owned(),
                    bytes: meta.size,
                    changed_at: meta.last_modified,
                };
                Ok(Some((metadata, version)))
            }
            Err(failure) if failure.class == FailureClass::Missing => Ok(None),
            Err(failure) => Err(failure.into_error(self)),
        }
    }

    /// All objects below a folder, in order of their names; not those of a folder whose name only has the same beginning.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub async fn list(&self, folder: &str) -> Result<Vec<FileMetadata>> {
        let path = self.path(folder)?;
        let mut listed: Vec<FileMetadata> = Vec::new();
        let mut offset: Option<Path> = None;
        loop {
            let (page, is_last) = self.list_page(&path, offset.as_ref()).await?;
            if let Some(meta) = page.last() {
                offset = Some(meta.location.clone());
            }
            for meta in page {
                if let Some(name) = self.name_of(&meta.location) {
                    listed.push(FileMetadata {
                        name,
                        bytes: meta.size,
                        changed_at: meta.last_modified,
                    });
                }
            }
            if is_last {
                listed.sort_by(|left, right| left.name.cmp(&right.name));
                return Ok(listed);
            }
        }
    }

    /// Objects below a folder from an offset on, and whether they are all. What arrives before a failure is kept: a long
    /// listing is not started again.
    async fn list_page(
        &self,
        path: &Path,
        offset: Option<&Path>,
    ) -> Result<(Vec<ObjectMeta>, bool)> {
        let list = async || {
            let mut stream = match offset {
                Some(offset) => self.objects().list_with_offset(Some(path), offset),
                None => self.objects().list(Some(path)),
            };
            let mut page = Vec::new();
            loop {
                match stream.try_next().await {
                    Ok(Some(meta)) => page.push(meta),
                    Ok(None) => return Ok((page, true)),
                    Err(error) if page.is_empty() => return Err(error),
                    Err(_) => return Ok((page, false)),
                }
            }
        };
        self.send(Operation::List, path, list)
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Names of the objects and of the folders directly in a folder, without the folder's own. Objects without a byte are
    /// left out.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub async fn children(&self, folder: &str) -> Result<(Vec<String>, Vec<String>)> {
        let path = self.path(folder)?;
        let list = || self.objects().list_with_delimiter(Some(&path));
        let listed = self
            .send(Operation::List, &path, list)
            .await
            .map_err(|failure| failure.into_error(self))?;
        let mut objects = Vec::new();
        for meta in listed.objects {
            if meta.size > 0 {
                objects.extend(meta.location.filename().map(str::to_owned));
            }
        }
        let mut folders = Vec::new();
        for prefix in listed.common_prefixes {
            folders.extend(prefix.filename().map(str::to_owned));
        }
        Ok((objects, folders))
    }

    /// The store's own time: the time stamp of an object that is written now. Some stores count in whole seconds.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`].
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let name = format!("{SYSTEM_FOLDER}/clock/{:02x}", fastrand::u8(..));
        self.put(&name, Bytes::from(nonce())).await?;
        match self.head(&name).await? {
            Some((metadata, _)) => Ok(metadata.changed_at),
            None => Err(Error::new(
                ErrorCode::Destination,
                format!("{} does not keep what is written to it", self.location()),
            )),
        }
    }

    /// Reads an object by its path; `None` if there is none.
    pub(crate) async fn fetch(&self, path: &Path) -> Result<Option<Object>, RequestFailure> {
        let read = async || {
            let result = self.objects().get_opts(path, GetOptions::default()).await?;
            let version = Version::from(&result.meta);
            let changed_at = result.meta.last_modified;
            Ok(Object {
                bytes: result.bytes().await?,
                version,
                changed_at,
            })
        };
        match self.send(Operation::Read, path, read).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.class == FailureClass::Missing => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
