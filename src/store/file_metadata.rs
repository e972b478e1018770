//! An entry of a listing.

use chrono::{DateTime, Utc};

/// A file or object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMetadata {
    /// Its name, from the root or the listed folder on.
    pub name: String,
    /// Size in bytes.
    pub bytes: u64,
    /// When it was written, by the clock of where it is stored.
    pub changed_at: DateTime<Utc>,
}
