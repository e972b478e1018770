//! A hash that is the same in every version and on every machine: names on disk are made of it.

use sha2::{Digest as _, Sha256};

use crate::model::hex;

/// SHA-256 over parts, each with its length, so that no two lists of parts run together into the same bytes.
#[derive(Debug, Clone)]
pub struct StableHash(Sha256);

impl StableHash {
    /// A hash of one kind of thing; kinds never collide.
    pub fn new(kind: &str) -> Self {
        let mut hash = Self(Sha256::new());
        hash.add(kind);
        hash
    }

    /// Adds a part.
    pub fn add(&mut self, part: &str) {
        self.0.update(part.len().to_string());
        self.0.update(":");
        self.0.update(part);
    }

    /// Adds a list of parts.
    pub fn add_all(&mut self, parts: &[impl AsRef<str>]) {
        self.add(&parts.len().to_string());
        for part in parts {
            self.add(part.as_ref());
        }
    }

    /// Adds a list of pairs.
    pub fn add_pairs(&mut self, pairs: &[(String, String)]) {
        self.add(&pairs.len().to_string());
        for (name, value) in pairs {
            self.add(name);
            self.add(value);
        }
    }

    /// The hash as 64 hexadecimal digits.
    pub fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}
