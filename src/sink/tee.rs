//! A file that counts and hashes what is written to it.

use std::fs::File;
use std::io::{self, Write};

use sha2::{Digest, Sha256};

use crate::model::hex;

/// Counts and hashes the bytes on their way into a file.
#[derive(Debug)]
pub(super) struct HashingFile {
    file: File,
    hash: Sha256,
    bytes: u64,
}

impl HashingFile {
    /// Around an empty file.
    pub fn new(file: File) -> Self {
        Self { file, hash: Sha256::new(), bytes: 0 }
    }

    /// Syncs the file; size and SHA-256 of what was written.
    pub fn close(self) -> io::Result<(u64, String)> {
        self.file.sync_all()?;
        Ok((self.bytes, hex(&self.hash.finalize())))
    }
}

impl Write for HashingFile {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(buffer.get(..written).unwrap_or_default());
        self.bytes += u64::try_from(written).unwrap_or(u64::MAX);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
