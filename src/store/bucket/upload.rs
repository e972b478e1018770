//! A multipart upload as a stream: bytes go in, parts go up side by side, memory stays bounded.

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

use super::Bucket;
use super::fault::Operation;
use crate::error::{Code, Error, Result};
use crate::model::hex;

/// S3 and Google take no more.
const PARTS_MAX: usize = 10_000;

/// Bytes that a writer gathers before it hands them on.
const CHUNK_BYTES: usize = 1 << 20;

/// What went up.
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
    why: Why,
}

/// Why an upload has failed, until somebody tells it.
type Why = Arc<Mutex<Option<Error>>>;

fn told(why: &Why) -> Option<Error> {
    why.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// An upload that takes bytes until its last writer is gone.
#[derive(Debug)]
pub(super) struct Running {
    sender: mpsc::Sender<Bytes>,
    task: AbortOnDropHandle<Option<Uploaded>>,
    why: Why,
}

impl Running {
    /// Starts to take bytes for an upload that is recorded.
    pub fn start(bucket: &Bucket, path: Path, upload_id: String) -> Self {
        // One chunk waits while the one before is handed to a part.
        let (sender, mut receiver) = mpsc::channel::<Bytes>(1);
        let mut parts = Parts::new(bucket.clone(), path, upload_id);
        let why = Why::default();
        let telling = Arc::clone(&why);
        let task = tokio::spawn(async move {
            let all = async {
                while let Some(chunk) = receiver.recv().await {
                    parts.write(&chunk).await?;
                }
                parts.finish().await
            };
            // Told before the receiver goes: whoever is turned away by that finds out why.
            all.await
                .map_err(|error| {
                    telling
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .replace(error)
                })
                .ok()
        });
        Self {
            sender,
            task: AbortOnDropHandle::new(task),
            why,
        }
    }

    /// A writer for a thread that may block.
    pub fn writer(&self) -> UploadWriter {
        let why = Arc::clone(&self.why);
        UploadWriter {
            sender: self.sender.clone(),
            chunk: Vec::with_capacity(CHUNK_BYTES),
            why,
        }
    }

    /// Hands bytes on; waits while enough of them are on their way. Says whether they were taken: if not, the upload has
    /// failed, and [`Running::finish`] says why.
    pub async fn write(&self, bytes: Bytes) -> bool {
        self.sender.send(bytes).await.is_ok()
    }

    /// Waits until all parts are up. Every writer must be gone by then.
    pub async fn finish(self) -> Result<Uploaded> {
        let Self { sender, task, why } = self;
        drop(sender);
        match task.await {
            Ok(Some(uploaded)) => Ok(uploaded),
            Ok(None) => Err(told(&why).unwrap_or_else(|| {
                Error::new(Code::Destination, "an upload has failed, as was told")
            })),
            Err(error) => {
                Err(Error::new(Code::Internal, "an upload ended early").with_source(error))
            }
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
        // On a thread that also runs async tasks, the others go on meanwhile.
        let is_async =
            Handle::try_current().is_ok_and(|of| of.runtime_flavor() == RuntimeFlavor::MultiThread);
        let sent = if is_async {
            tokio::task::block_in_place(send)
        } else {
            send()
        };
        sent.map_err(|_closed| match told(&self.why) {
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
    going: JoinSet<Result<(usize, String)>>,
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
            going: JoinSet::new(),
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

    /// Sends a part as soon as fewer than allowed are on their way.
    async fn send(&mut self, part: Bytes) -> Result<()> {
        if self.number == PARTS_MAX {
            let limit = self.bucket.options().part_bytes.saturating_mul(PARTS_MAX) >> 30;
            return Err(Error::new(
                Code::Destination,
                format!("a partition has more than {limit} GiB"),
            )
            .with_context("object", self.path.to_string())
            .with_next("partition the table by target as well, or raise the size of parts"));
        }
        while self.going.len() >= self.bucket.options().concurrent_parts {
            self.reap().await?;
        }
        let (bucket, path, upload_id, number) = (
            self.bucket.clone(),
            self.path.clone(),
            self.upload_id.clone(),
            self.number,
        );
        self.going.spawn(async move {
            let put = || {
                bucket
                    .multipart()
                    .put_part(&path, &upload_id, number, part.clone().into())
            };
            let part = bucket.send(Operation::UploadPart, &path, put).await;
            part.map(|part| (number, part.content_id))
                .map_err(|fault| fault.into_error(&bucket))
        });
        self.number += 1;
        Ok(())
    }

    async fn reap(&mut self) -> Result<()> {
        match self.going.join_next().await {
            None => Ok(()),
            Some(Ok(Ok((number, id)))) => {
                self.done.insert(number, id);
                Ok(())
            }
            Some(Ok(Err(error))) => Err(error),
            Some(Err(error)) => {
                Err(Error::new(Code::Internal, "a part's upload ended early").with_source(error))
            }
        }
    }

    async fn finish(mut self) -> Result<Uploaded> {
        if !self.filling.is_empty() || self.number == 0 {
            let last = self.filling.split().freeze();
            self.send(last).await?;
        }
        while !self.going.is_empty() {
            self.reap().await?;
        }
        Ok(Uploaded {
            bytes: self.bytes,
            sha256: hex(&self.digest.finalize()),
            parts: self.done.into_values().collect(),
        })
    }
}
