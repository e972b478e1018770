//! Bytes that are counted and hashed on their way into a file or an object.

use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::hex;

/// Counts and hashes what is written.
pub(super) struct Hashing {
    to: To,
    hash: Sha256,
    bytes: u64,
}

enum To {
    File(File),
    Stream(Box<dyn Write + Send>),
}

impl Hashing {
    /// Around an empty file.
    pub fn file(file: File) -> Self {
        Self {
            to: To::File(file),
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Around a stream.
    pub fn stream(stream: Box<dyn Write + Send>) -> Self {
        Self {
            to: To::Stream(stream),
            hash: Sha256::new(),
            bytes: 0,
        }
    }

    /// Syncs a file, flushes a stream; size and SHA-256 of what was written.
    pub fn close(self) -> io::Result<(u64, String)> {
        match self.to {
            To::File(file) => file.sync_all()?,
            To::Stream(mut stream) => stream.flush()?,
        }
        Ok((self.bytes, hex(&self.hash.finalize())))
    }
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = match &mut self.to {
            To::File(file) => file.write(buffer)?,
            To::Stream(stream) => stream.write(buffer)?,
        };
        self.hash.update(buffer.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.to {
            To::File(file) => file.flush(),
            To::Stream(stream) => stream.flush(),
        }
    }
}
