//! A multipart upload as a stream: bytes go in, parts are sent side by side, memory stays bounded.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use sha2::{Digest as _, Sha256};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use super::client::{Bucket, Operation};
use crate::error::{Error, ErrorCode, Result};
use crate::model::hex;

/// S3 and Google accept no more.
const PARTS_MAX: usize = 10_000;

/// Bytes that a writer collects before it passes them on.
const CHUNK_BYTES: usize = 1 << 20;

/// What was uploaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub sha256: String,
    /// The store's names for the parts, in order.
    pub(super) parts: Vec<String>,
}

/// The blocking end of an upload, for encoders. Not for a runtime of one thread, which would wait for itself.
/// What was written since the last flush does not count when it is dropped.
#[derive(Debug)]
pub struct UploadWriter {
    sender: mpsc::Sender<Bytes>,
    chunk: Vec<u8>,
    failure: SharedError,
}

/// The error of an upload that has failed, until it is taken to be reported.
#[derive(Debug, Clone, Default)]
struct SharedError(Arc<Mutex<Option<Error>>>);

impl SharedError {
    fn set(&self, error: Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An upload that takes bytes until its last writer is gone.
#[derive(Debug)]
pub(super) struct PartUpload {
    sender: mpsc::Sender<Bytes>,
    task: AbortOnDropHandle<Option<Uploaded>>,
    failure: SharedError,
}

impl PartUpload {
    /// Starts to take bytes for an upload that is recorded.
    pub fn start(bucket: &Bucket, path: Path, upload_id: String) -> Self {
        // One chunk waits while the one before is added to a part.
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let parts = Parts::new(bucket.clone(), path, upload_id);
        let failure = SharedError::default();
        let task = tokio::spawn(upload_all(receiver, parts, failure.clone()));
        Self {
            sender,
            task: AbortOnDropHandle::new(task),
            failure,
        }
    }

    /// A writer for a thread that may block.
    pub fn writer(&self) -> UploadWriter {
        UploadWriter {
            sender: self.sender.clone(),
            chunk: Vec::with_capacity(CHUNK_BYTES),
            failure: self.failure.clone(),
        }
    }

    /// Passes bytes on; waits while enough of them are being sent. Returns whether they were taken: if not, the upload has
    /// failed, and [`PartUpload::finish`] returns the error.
    #[cfg(any(debug_assertions, feature = "testing"))]
    pub async fn write(&self, bytes: Bytes) -> bool {
        self.sender.send(bytes).await.is_ok()
    }

    /// Waits until all parts are uploaded. Every writer must be dropped by then.
    pub async fn finish(self) -> Result<Uploaded> {
        let Self {
            sender,
            task,
            failure,
        } = self;
        drop(sender);
        match task.await {
            Ok(Some(uploaded)) => Ok(uploaded),
            Ok(None) => Err(failure.take().unwrap_or_else(|| {
                Error::new(
                    ErrorCode::Destination,
                    "an upload has failed, as was already reported",
                )
            })),
            Err(error) => {
                Err(Error::new(ErrorCode::Internal, "an upload ended early").with_source(error))
            }
        }
    }
}

async fn upload_all(
    mut receiver: mpsc::Receiver<Bytes>,
    mut parts: Parts,
    failure: SharedError,
) -> Option<Uploaded> {
    let uploaded = async {
        while let Some(chunk) = receiver.recv().await {
            parts.write(&chunk).await?;
        }
        parts.finish().await
    };
    match uploaded.await {
        Ok(uploaded) => Some(uploaded),
        Err(error) => {
            // Set before the receiver is dropped: a writer that is rejected by that finds the error.
            failure.set(error);
            None
        }
    }
}

impl io::Write for UploadWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK_BYTES));
        let send = || self.sender.blocking_send(Bytes::from(chunk));
        let sent = match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
            // On a thread that also runs async tasks, the others continue meanwhile.
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(send),
            _ => send(),
        };
        sent.map_err(|_closed| match self.failure.take() {
            Some(error) => io::Error::other(error),
            None => io::Error::new(io::ErrorKind::BrokenPipe, "the upload has failed"),
        })
    }
}

/// Cuts a stream into parts and sends them.
struct Parts {
    bucket: Bucket,
    path: Path,
    upload_id: String,
    filling: BytesMut,
    number: usize,
    sending: JoinSet<Result<(usize, String)>>,
    done: BTreeMap<usize, String>,
    bytes: u64,
    digest: Sha256,
}

impl Parts {
    fn new(bucket: Bucket, path: Path, upload_id: String) -> Self {
        Self {
            bucket,
            path,
            upload_id,
            filling: BytesMut::new(),
            number: 0,
            sending: JoinSet::new(),
            done: BTreeMap::new(),
            bytes: 0,
            digest: Sha256::new(),
        }
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.digest.update(bytes);
        self.bytes += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.filling.extend_from_slice(bytes);
        let part_bytes = self.bucket.options().part_bytes;
        while self.filling.len() >= part_bytes {
            let part = self.filling.split_to(part_bytes).freeze();
            self.send(part).await?;
        }
        Ok(())
    }

    /// Sends a part as soon as fewer than allowed are being sent.
    async fn send(&mut self, part: Bytes) -> Result<()> {
        if self.number == PARTS_MAX {
            let limit = self.bucket.options().part_bytes.saturating_mul(PARTS_MAX) >> 30;
            return Err(Error::new(
                ErrorCode::Destination,
                format!("a partition has more than {limit} GiB"),
            )
            .with_context("object", self.path.to_string())
            .with_hint("partition the table by target as well, or raise the size of parts"));
        }
        while self.sending.len() >= self.bucket.options().concurrent_parts {
            self.await_part().await?;
        }
        self.sending.spawn(put_part(
            self.bucket.clone(),
            self.path.clone(),
            self.upload_id.clone(),
            self.number,
            part,
        ));
        self.number += 1;
        Ok(())
    }

    /// Waits until one of the parts is uploaded.
    async fn await_part(&mut self) -> Result<()> {
        match self.sending.join_next().await {
            None => Ok(()),
            Some(Ok(Ok((number, id)))) => {
                self.done.insert(number, id);
                Ok(())
            }
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => Err(
                Error::new(ErrorCode::Internal, "a part's upload ended early").with_source(error),
            ),
        }
    }

    async fn finish(mut self) -> Result<Uploaded> {
        if !self.filling.is_empty() || self.number == 0 {
            let last = self.filling.split().freeze();
            self.send(last).await?;
        }
        while !self.sending.is_empty() {
            self.await_part().await?;
        }
        Ok(Uploaded {
            bytes: self.bytes,
            sha256: hex(&self.digest.finalize()),
            parts: self.done.into_values().collect(),
        })
    }
}

/// Uploads a part. Returns its number and the store's name for it.
async fn put_part(
    bucket: Bucket,
    path: Path,
    upload_id: String,
    number: usize,
    part: Bytes,
) -> Result<(usize, String)> {
    let put = || {
        bucket
            .multipart()
            .put_part(&path, &upload_id, number, part.clone().into())
    };
    match bucket.send(Operation::UploadPart, &path, put).await {
        Ok(part) => Ok((number, part.content_id)),
        Err(failure) => Err(failure.into_error(&bucket)),
    }
}
