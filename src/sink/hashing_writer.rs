//! Counts and hashes bytes on their way into a file or an object.

use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::hex;

/// A writer that knows size and SHA-256 of what was written.
pub(super) struct HashingWriter {
    sink: Sink,
    hash: Sha256,
    bytes: u64,
}

enum Sink {
    File(File),
    Stream(Box<dyn Write + Send>),
}

impl HashingWriter {
    /// Writes into an empty file.
    pub fn file(file: File) -> Self {
        Self::new(Sink::File(file))
    }

    /// Writes into a stream.
    pub fn stream(stream: Box<dyn Write + Send>) -> Self {
        Self::new(Sink::Stream(stream))
    }

    fn new(sink: Sink) -> Self {
        Self {
            sink,
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Syncs a file, flushes a stream. Returns size and SHA-256 of what was written.
    pub fn close(self) -> io::Result<(u64, String)> {
        match self.sink {
            Sink::File(file) => file.sync_all()?,
            Sink::Stream(mut stream) => stream.flush()?,
        }
        Ok((self.bytes, hex(&self.hash.finalize())))
    }
}

impl Write for HashingWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::File(file) => file.write(buffer)?,
            Sink::Stream(stream) => stream.write(buffer)?,
        };
        self.hash.update(buffer.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.flush(),
            Sink::Stream(stream) => stream.flush(),
        }
    }
}
