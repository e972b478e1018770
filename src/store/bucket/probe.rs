//! What a bucket must be able to do, tried out: write, create if absent, compare and swap, list, read, delete, upload.

use bytes::Bytes;

use super::fault::Operation;
use super::options::Scheme;
use super::{Bucket, Writers, nonce};
use crate::error::{Code, Error, Result};
use crate::store::SYSTEM_FOLDER;

/// What keeps a writer that was taken over from replacing a later commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// The id of its upload: aborted or completed, it is dead.
    UploadId,
    /// Only the lease: a writer that sleeps through it and wakes between its last look and its last request may do harm.
    Lease,
    /// Nothing: one process at a time, by the user's word.
    Nothing,
}

impl Fencing {
    /// What is to be said of it, if it is not all that it should be.
    pub fn warning(self) -> Option<&'static str> {
        match self {
            Self::UploadId => None,
            Self::Lease => Some(
                "Azure has no ids of uploads: only the lease keeps two writers of one partition apart, so do not let a \
                 process that writes there be paused for longer than a minute",
            ),
            Self::Nothing => Some(
                "one process at a time, by your word (`writers = \"single\"`): nothing guards against a second",
            ),
        }
    }
}

impl Bucket {
    /// Tries every operation that a commit needs, under names of its own, and leaves nothing behind.
    ///
    /// # Errors
    /// [`Code::Destination`] naming the first operation that failed, and the permission or the feature that it needs.
    pub async fn probe(&self) -> Result<Fencing> {
        let folder = format!("{SYSTEM_FOLDER}/probe/{}", nonce());
        let file = format!("{folder}/file");
        let outcome = self.try_operations(&folder, &file).await;
        let removed = self.delete(&file).await;
        outcome?;
        removed?;
        if self.get(&file).await?.is_some() {
            return Err(self.lacks(Operation::Delete, "what was deleted is still there"));
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
            return Err(self.lacks(
                Operation::Create,
                "an object that does not exist is said to exist",
            ));
        };
        if self.put_if_absent(file, bytes("again")).await?.is_some() {
            return Err(self.lacks(Operation::Create, "it was created twice"));
        }
        let second = bytes("second");
        let Some(later) = self
            .compare_and_swap(file, &version, second.clone())
            .await?
        else {
            return Err(self.lacks(
                Operation::Swap,
                "an unchanged object is said to have changed",
            ));
        };
        if later == version
            || self
                .compare_and_swap(file, &version, bytes("stale"))
                .await?
                .is_some()
        {
            return Err(self.lacks(Operation::Swap, "a version that is gone was replaced"));
        }
        match self.get(file).await? {
            Some(read) if read.bytes == second && read.version == later => {}
            _ => return Err(self.lacks(Operation::Read, "it does not return what was written")),
        }
        if !self
            .list(folder)
            .await?
            .iter()
            .any(|listed| listed.name == *file)
        {
            return Err(self.lacks(Operation::List, "what was written is not listed"));
        }
        Ok(())
    }

    /// An upload that is aborted must be dead.
    async fn try_upload(&self, name: &str) -> Result<()> {
        let path = self.path(name)?;
        let upload_id = self
            .send(Operation::StartUpload, &path, || {
                self.multipart().create_multipart(&path)
            })
            .await
            .map_err(|fault| fault.into_error(self))?;
        let payload = Bytes::from_static(b"part");
        let put = || {
            self.multipart()
                .put_part(&path, &upload_id, 0, payload.clone().into())
        };
        let part = self
            .send(Operation::UploadPart, &path, put)
            .await
            .map_err(|fault| fault.into_error(self));
        self.abort(name, &upload_id).await?;
        let part = part?;
        if self.scheme() == Scheme::Az {
            // Nothing can be aborted there; what was uploaded expires.
            return Ok(());
        }
        // Once: some stores fail at a dead upload where others refuse it. Either way there must be no object.
        let complete = || {
            self.multipart()
                .complete_multipart(&path, &upload_id, vec![part.clone()])
        };
        let completed = self
            .once()
            .send(Operation::CompleteUpload, &path, complete)
            .await
            .is_ok();
        if completed || self.head(name).await?.is_some() {
            self.delete(name).await?;
            return Err(self.lacks(Operation::AbortUpload, "an aborted upload was completed"));
        }
        Ok(())
    }

    fn lacks(&self, operation: Operation, why: &str) -> Error {
        let next = "use a store with conditional writes, or `writers = \"single\"` if only one process ever writes there";
        Error::new(
            Code::Destination,
            format!("{} cannot be trusted to {}", self.place(), operation.what()),
        )
        .with_context("seen", why)
        .with_next(next)
    }
}
