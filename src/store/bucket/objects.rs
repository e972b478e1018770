//! The small face over the objects of a bucket, by names below its prefix.
//!
//! Every call tries again until it is answered for good, and its answer holds though answers were lost on the way: a
//! plain write is repeated, which changes nothing; a conditional one that fails after a lost answer is read back and
//! compared, since the condition may fail by our own write. For that its bytes must be told from everybody else's: they
//! carry a nonce.

use std::ops::Range;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::TryStreamExt as _;
use object_store::path::Path;
use object_store::{
    GetOptions, GetRange, GetResult, ObjectStoreExt as _, PutMode, PutOptions, PutResult,
    UpdateVersion,
};

use super::fault::{Fault, Operation};
use super::wire::Class;
use super::{Backend, Bucket, Writers, nonce};
use crate::error::{Code, Error, Result};
use crate::store::SYSTEM_FOLDER;

/// Which of the writes to an object is meant: changes with each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    e_tag: Option<String>,
    version: Option<String>,
}

impl From<PutResult> for Version {
    fn from(result: PutResult) -> Self {
        Self {
            e_tag: result.e_tag,
            version: result.version,
        }
    }
}

/// A whole object.
#[derive(Debug, Clone)]
pub struct Object {
    /// What lies there.
    pub bytes: Bytes,
    /// Since which write.
    pub version: Version,
    /// When that was, by the store's clock.
    pub changed: DateTime<Utc>,
}

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Name below the bucket's prefix.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was written, by the store's clock.
    pub changed: DateTime<Utc>,
}

impl Bucket {
    /// Reads an object; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`], as every call here: worded by what went wrong, with what to do about it.
    pub async fn get(&self, name: &str) -> Result<Option<Object>> {
        let path = self.path(name)?;
        self.fetch(&path)
            .await
            .map_err(|fault| fault.into_error(self))
    }

    /// Reads some bytes of an object. With a version the object must not have changed since.
    ///
    /// # Errors
    /// [`Code::Destination`], also if it is gone or has changed.
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
        let read = || async {
            self.objects()
                .get_opts(&path, options.clone())
                .await?
                .bytes()
                .await
        };
        self.send(Operation::Read, &path, read)
            .await
            .map_err(|fault| fault.into_error(self))
    }

    /// Size and version of an object without its bytes; `None` if there is none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn head(&self, name: &str) -> Result<Option<(Listed, Version)>> {
        let path = self.path(name)?;
        match self
            .send(Operation::Read, &path, || self.objects().head(&path))
            .await
        {
            Ok(meta) => {
                let listed = Listed {
                    name: name.to_owned(),
                    bytes: meta.size,
                    changed: meta.last_modified,
                };
                Ok(Some((
                    listed,
                    Version {
                        e_tag: meta.e_tag,
                        version: meta.version,
                    },
                )))
            }
            Err(fault) if fault.class == Class::Missing => Ok(None),
            Err(fault) => Err(fault.into_error(self)),
        }
    }

    /// Writes an object, whatever was there. The last of several such writes need not win: what is ever changed goes by
    /// [`Bucket::compare_and_swap`].
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<Version> {
        let path = self.path(name)?;
        self.write(Operation::Write, &path, &bytes, PutMode::Overwrite)
            .await
            .map_err(|fault| fault.into_error(self))
    }

    /// Writes an object unless there is one; `None` if there is. The bytes carry a nonce.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn put_if_absent(&self, name: &str, bytes: Bytes) -> Result<Option<Version>> {
        let path = self.path(name)?;
        if self.options.writers == Writers::Single {
            return match self.head(name).await? {
                Some(_) => Ok(None),
                None => self.put(name, bytes).await.map(Some),
            };
        }
        self.write_if(Operation::Create, &path, &bytes, PutMode::Create)
            .await
            .map_err(|fault| fault.into_error(self))
    }

    /// Replaces an object if it is still the one of this version; `None` if it is not. The bytes carry a nonce.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn compare_and_swap(
        &self,
        name: &str,
        version: &Version,
        bytes: Bytes,
    ) -> Result<Option<Version>> {
        let path = self.path(name)?;
        if self.options.writers == Writers::Single {
            return match self.head(name).await? {
                Some((_, now)) if now == *version => self.put(name, bytes).await.map(Some),
                _ => Ok(None),
            };
        }
        let update = UpdateVersion {
            e_tag: version.e_tag.clone(),
            version: version.version.clone(),
        };
        self.write_if(Operation::Swap, &path, &bytes, PutMode::Update(update))
            .await
            .map_err(|fault| fault.into_error(self))
    }

    /// Removes an object; it may be absent.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let delete = || async {
            match &self.backend {
                Backend::S3(store, extra) => {
                    extra
                        .delete(
                            store.credentials().get_credential().await?.as_ref(),
                            path.as_ref(),
                        )
                        .await
                }
                Backend::Gs(_) | Backend::Az(_) => self.objects().delete(&path).await,
            }
        };
        match self.send(Operation::Delete, &path, delete).await {
            Ok(()) => Ok(()),
            Err(fault) if fault.class == Class::Missing => Ok(()),
            Err(fault) => Err(fault.into_error(self)),
        }
    }

    /// All objects below a folder, in order of their names; not those of a folder that only begins alike.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn list(&self, folder: &str) -> Result<Vec<Listed>> {
        let path = self.path(folder)?;
        let mut listed: Vec<Listed> = Vec::new();
        let mut from: Option<Path> = None;
        loop {
            let page = || async {
                let mut stream = match &from {
                    Some(from) => self.objects().list_with_offset(Some(&path), from),
                    None => self.objects().list(Some(&path)),
                };
                let mut page = Vec::new();
                // What arrived before a failure is kept: a long list is not begun again.
                loop {
                    match stream.try_next().await {
                        Ok(Some(meta)) => page.push(meta),
                        Ok(None) => return Ok((page, true)),
                        Err(error) if page.is_empty() => return Err(error),
                        Err(_) => return Ok((page, false)),
                    }
                }
            };
            let (page, is_all) = self
                .send(Operation::List, &path, page)
                .await
                .map_err(|fault| fault.into_error(self))?;
            from = page.last().map(|meta| meta.location.clone()).or(from);
            for meta in page {
                let name = self.name_of(&meta.location);
                listed.extend(name.map(|name| Listed {
                    name,
                    bytes: meta.size,
                    changed: meta.last_modified,
                }));
            }
            if is_all {
                listed.sort_by(|left, right| left.name.cmp(&right.name));
                return Ok(listed);
            }
        }
    }

    /// Names of the objects and of the folders directly in a folder, without what stands before them. An object without a
    /// byte stands for none.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn children(&self, folder: &str) -> Result<(Vec<String>, Vec<String>)> {
        let path = self.path(folder)?;
        let list = || self.objects().list_with_delimiter(Some(&path));
        let listed = self
            .send(Operation::List, &path, list)
            .await
            .map_err(|fault| fault.into_error(self))?;
        let last = |path: &Path| path.filename().map(str::to_owned);
        let objects = listed
            .objects
            .iter()
            .filter(|meta| meta.size > 0)
            .filter_map(|meta| last(&meta.location))
            .collect();
        let folders = listed.common_prefixes.iter().filter_map(last).collect();
        Ok((objects, folders))
    }

    /// The store's own time: when an object that is written now was written. Its steps may be whole seconds.
    ///
    /// # Errors
    /// [`Code::Destination`].
    pub async fn now(&self) -> Result<DateTime<Utc>> {
        let name = format!("{SYSTEM_FOLDER}/clock/{:02x}", fastrand::u8(..));
        self.put(&name, Bytes::from(nonce())).await?;
        match self.head(&name).await? {
            Some((listed, _)) => Ok(listed.changed),
            None => Err(Error::new(
                Code::Destination,
                format!("{} does not keep what is written to it", self.place()),
            )),
        }
    }

    /// The bucket and prefix, as people write it.
    pub fn place(&self) -> String {
        let scheme = match self.scheme() {
            super::options::Scheme::S3 => "s3",
            super::options::Scheme::Gs => "gs",
            super::options::Scheme::Az => "az",
        };
        let address = &self.address;
        match address.prefix.as_ref() {
            "" => format!("{scheme}://{}", address.bucket),
            prefix => format!("{scheme}://{}/{prefix}", address.bucket),
        }
    }

    /// The bucket's name.
    pub(super) fn name(&self) -> &str {
        &self.address.bucket
    }

    pub(super) fn path(&self, name: &str) -> Result<Path> {
        let prefix = self.address.prefix.as_ref();
        let whole = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}/{name}")
        };
        Path::parse(whole.trim_end_matches('/')).map_err(|error| {
            Error::new(Code::Internal, format!("`{name}` is no name of an object"))
                .with_source(error)
        })
    }

    /// The name below the prefix; `None` for what does not lie below it.
    pub(super) fn name_of(&self, path: &Path) -> Option<String> {
        let prefix = self.address.prefix.as_ref();
        match path.as_ref().strip_prefix(prefix)? {
            rest if prefix.is_empty() => Some(rest.to_owned()),
            rest => rest.strip_prefix('/').map(str::to_owned),
        }
    }

    async fn fetch(&self, path: &Path) -> Result<Option<Object>, Fault> {
        let read = || async {
            let result: GetResult = self.objects().get_opts(path, GetOptions::default()).await?;
            let (version, changed) = (
                Version {
                    e_tag: result.meta.e_tag.clone(),
                    version: result.meta.version.clone(),
                },
                result.meta.last_modified,
            );
            Ok(Object {
                bytes: result.bytes().await?,
                version,
                changed,
            })
        };
        match self.send(Operation::Read, path, read).await {
            Ok(object) => Ok(Some(object)),
            Err(fault) if fault.class == Class::Missing => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    async fn write(
        &self,
        operation: Operation,
        path: &Path,
        bytes: &Bytes,
        mode: PutMode,
    ) -> Result<Version, Fault> {
        let options = PutOptions::from(mode);
        let put = || {
            self.objects()
                .put_opts(path, bytes.clone().into(), options.clone())
        };
        self.send(operation, path, put).await.map(Version::from)
    }

    async fn write_if(
        &self,
        operation: Operation,
        path: &Path,
        bytes: &Bytes,
        mode: PutMode,
    ) -> Result<Option<Version>, Fault> {
        match self.write(operation, path, bytes, mode).await {
            Ok(version) => Ok(Some(version)),
            // S3 says that the object to be replaced is missing by 404.
            Err(fault) if matches!(fault.class, Class::Condition | Class::Missing) => {
                if !fault.in_doubt {
                    return Ok(None);
                }
                let now = self.fetch(path).await?;
                Ok(now.filter(|now| now.bytes == *bytes).map(|now| now.version))
            }
            Err(fault) => Err(fault),
        }
    }
}
