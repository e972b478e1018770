//! Tries every operation that a commit in a bucket needs: write, create if absent, compare and swap, list, read, delete,
//! upload.

use bytes::Bytes;

use super::client::{Bucket, Operation, Scheme, Version, Writers};
use super::nonce::nonce;
use crate::error::{Error, ErrorCode, Result};
use crate::store::layout::SYSTEM_FOLDER;

/// What keeps a writer that was taken over from replacing a later commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// Its upload id: once aborted or completed, it cannot be used.
    UploadId,
    /// Only the lease: a writer that sleeps through it and wakes between its last check and its last request may do harm.
    Lease,
    /// Nothing: one process at a time, as the user promises.
    Nothing,
}

impl Fencing {
    /// The warning for the user, if the fencing is weaker than it should be.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::UploadId => None,
            Self::Lease => Some(
                "Azure has no upload ids: only the lease keeps two writers of one partition apart, so do not let a \
                 process that writes there be paused for longer than a minute",
            ),
            Self::Nothing => Some(
                "only one process at a time may write (`writers = \"single\"`): nothing prevents a second",
            ),
        }
    }
}

impl Bucket {
    /// Tries every operation that a commit needs, under names of its own, and leaves nothing behind.
    ///
    /// # Errors
    /// [`ErrorCode::Destination`] naming the first operation that failed, and the permission or the feature that it needs.
    pub async fn probe(&self) -> Result<Fencing> {
        let folder = format!("{SYSTEM_FOLDER}/probe/{}", nonce());
        let file = format!("{folder}/file");
        let outcome = self.try_operations(&folder, &file).await;
        let removed = self.delete(&file).await;
        outcome?;
        removed?;
        if self.get(&file).await?.is_some() {
            return Err(self.untrusted(Operation::Delete, "what was deleted is still there"));
        }
        self.try_upload(&format!("{folder}/upload")).await?;
        Ok(match (self.options().writers, self.scheme()) {
            (Writers::Single, _) => Fencing::Nothing,
            (Writers::Shared, Scheme::Az) => Fencing::Lease,
            (Writers::Shared, Scheme::S3 | Scheme::Gs) => Fencing::UploadId,
        })
    }

    async fn try_operations(&self, folder: &str, file: &str) -> Result<()> {
        let bytes = |text: &str| Bytes::from(format!("{text} {}", nonce()));
        let plain = format!("{file}.plain");
        self.put(&plain, bytes("plain")).await?;
        self.delete(&plain).await?;
        let first = bytes("first");
        let Some(version) = self.put_if_absent(file, first.clone()).await? else {
            return Err(self.untrusted(
                Operation::Create,
                "an object that does not exist is reported to exist",
            ));
        };
        if self.put_if_absent(file, bytes("again")).await?.is_some() {
            return Err(self.untrusted(Operation::Create, "it was created twice"));
        }
        self.try_swap(file, &version, bytes).await?;
        if !self
            .list(folder)
            .await?
            .iter()
            .any(|listed| listed.name == *file)
        {
            return Err(self.untrusted(Operation::List, "what was written is not listed"));
        }
        Ok(())
    }

    /// A version can be replaced once.
    async fn try_swap(
        &self,
        file: &str,
        version: &Version,
        bytes: impl Fn(&str) -> Bytes,
    ) -> Result<()> {
        let second = bytes("second");
        let Some(later) = self.compare_and_swap(file, version, second.clone()).await? else {
            return Err(self.untrusted(
                Operation::Swap,
                "an unchanged object is reported to have changed",
            ));
        };
        if later == *version
            || self
                .compare_and_swap(file, version, bytes("stale"))
                .await?
                .is_some()
        {
            return Err(self.untrusted(
                Operation::Swap,
                "a version that was replaced before was replaced again",
            ));
        }
        match self.get(file).await? {
            Some(read) if read.bytes == second && read.version == later => Ok(()),
            _ => Err(self.untrusted(Operation::Read, "it does not return what was written")),
        }
    }

    /// An upload that was aborted cannot be completed.
    async fn try_upload(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let upload_id = self
            .send(Operation::StartUpload, &path, || {
                self.multipart().create_multipart(&path)
            })
            .await
            .map_err(|failure| failure.into_error(self))?;
        let payload = Bytes::from_static(b"part");
        let put = || {
            self.multipart()
                .put_part(&path, &upload_id, 0, payload.clone().into())
        };
        let part = self
            .send(Operation::UploadPart, &path, put)
            .await
            .map_err(|failure| failure.into_error(self));
        self.abort(name, &upload_id).await?;
        let part = part?;
        if self.scheme() == Scheme::Az {
            // Azure cannot abort; what was uploaded expires.
            return Ok(());
        }
        // Without retries: some stores fail at an aborted upload where others refuse it. Either way there must be no object.
        let complete = || {
            self.multipart()
                .complete_multipart(&path, &upload_id, vec![part.clone()])
        };
        let completed = self
            .without_retries()
            .send(Operation::CompleteUpload, &path, complete)
            .await
            .is_ok();
        if completed || self.head(name).await?.is_some() {
            self.delete(name).await?;
            return Err(self.untrusted(Operation::AbortUpload, "an aborted upload was completed"));
        }
        Ok(())
    }

    fn untrusted(&self, operation: Operation, why: &str) -> Error {
        let next = "use a store with conditional writes, or `writers = \"single\"` if only one process ever writes there";
        Error::new(
            ErrorCode::Destination,
            format!(
                "{} cannot be trusted to {}",
                self.location(),
                operation.phrase()
            ),
        )
        .with_context("seen", why)
        .with_hint(next)
    }
}
