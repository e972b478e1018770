//! Writing and deleting the objects of a bucket.
//!
//! Every call is retried until it has a definite answer, which is right although answers were lost on the way: a plain
//! write is repeated, which changes nothing; a conditional one that fails after a lost answer is read back and compared,
//! since our own write may be what fails the condition. For that its bytes must differ from those of every other writer:
//! they carry a nonce.

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStoreExt as _, PutMode, PutOptions, UpdateVersion};

use super::bucket::{Backend, Bucket};
use super::objects::Version;
use super::options::Writers;
use super::request_failure::{Operation, RequestFailure};
use super::wire::FailureClass;
use crate::error::Result;

impl Bucket {
    /// Writes an object, whatever was there. The last of several such writes need not win: what is ever changed is written
    /// by [`Bucket::compare_and_swap`].
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<Version> {
        let path = self.path(name)?;
        self.write(Operation::Write, &path, &bytes, PutMode::Overwrite)
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Writes an object unless there is one; `None` if there is. The bytes carry a nonce.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn put_if_absent(&self, name: &str, bytes: Bytes) -> Result<Option<Version>> {
        if self.options().writers == Writers::Single {
            return match self.head(name).await? {
                Some(_) => Ok(None),
                None => self.put(name, bytes).await.map(Some),
            };
        }
        let path = self.path(name)?;
        self.write_if(Operation::Create, &path, &bytes, PutMode::Create)
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Replaces an object if it still has this version; `None` if it does not. The bytes carry a nonce.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn compare_and_swap(
        &self,
        name: &str,
        version: &Version,
        bytes: Bytes,
    ) -> Result<Option<Version>> {
        if self.options().writers == Writers::Single {
            return match self.head(name).await? {
                Some((_, present)) if present == *version => self.put(name, bytes).await.map(Some),
                _ => Ok(None),
            };
        }
        let path = self.path(name)?;
        let update = UpdateVersion {
            e_tag: version.e_tag.clone(),
            version: version.version.clone(),
        };
        self.write_if(Operation::Swap, &path, &bytes, PutMode::Update(update))
            .await
            .map_err(|failure| failure.into_error(self))
    }

    /// Removes an object; it may be absent.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`].
    pub async fn delete(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let delete = async || match &self.backend {
            Backend::S3(store, extra) => {
                let credential = store.credentials().get_credential().await?;
                extra.delete(&credential, path.as_ref()).await
            }
            Backend::Gs(_) | Backend::Az(_) => self.objects().delete(&path).await,
        };
        match self.send(Operation::Delete, &path, delete).await {
            Ok(()) => Ok(()),
            Err(failure) if failure.class == FailureClass::Missing => Ok(()),
            Err(failure) => Err(failure.into_error(self)),
        }
    }

    async fn write(
        &self,
        operation: Operation,
        path: &Path,
        bytes: &Bytes,
        mode: PutMode,
    ) -> Result<Version, RequestFailure> {
        let options = PutOptions::from(mode);
        let put = || {
            self.objects()
                .put_opts(path, bytes.clone().into(), options.clone())
        };
        let result = self.send(operation, path, put).await?;
        Ok(Version::from(result))
    }

    async fn write_if(
        &self,
        operation: Operation,
        path: &Path,
        bytes: &Bytes,
        mode: PutMode,
    ) -> Result<Option<Version>, RequestFailure> {
        let failure = match self.write(operation, path, bytes, mode).await {
            Ok(version) => return Ok(Some(version)),
            Err(failure) => failure,
        };
        // S3 says by 404 that the object to be replaced is missing.
        if !matches!(
            failure.class,
            FailureClass::Condition | FailureClass::Missing
        ) {
            return Err(failure);
        }
        if !failure.may_have_happened {
            return Ok(None);
        }
        match self.fetch(path).await? {
            Some(present) if present.bytes == *bytes => Ok(Some(present.version)),
            _ => Ok(None),
        }
    }
}
