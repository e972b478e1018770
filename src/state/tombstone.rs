//! Tombstones: which targets were forgotten, and when. Nothing builds on answers of theirs that were received before.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::failpoint;
use crate::landing::SavedResponse;
use crate::store::{Store, to_json};

/// Folder of the tombstones below `_backhaul/`.
const FOLDER: &str = "forgotten";

/// A target that was forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tombstone {
    /// Its name.
    pub target: String,
    /// When, in microseconds since 1970.
    pub forgotten_at: i64,
    /// The tables that held rows of it: those that a warehouse may still hold.
    #[serde(default)]
    pub tables: BTreeSet<String>,
}

/// The tombstone of a target, if it was ever forgotten.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be read or is invalid.
pub(crate) fn read(store: &Store, target: &str) -> Result<Option<Tombstone>> {
    let next = format!("backhaul forget --target {target}   (it rewrites the file)");
    store
        .files(FOLDER)
        .load_json(&file(target))
        .map_err(|error| error.with_hint(next))
}

/// Writes a tombstone, durably. It replaces an earlier one of the target.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub(crate) fn write(store: &Store, tombstone: &Tombstone) -> Result<()> {
    let bytes = to_json(tombstone)?;
    store
        .files(FOLDER)
        .update(&file(&tombstone.target), &|_| Ok(Some(bytes.clone())))?;
    failpoint::hit("forget.tombstone");
    Ok(())
}

/// Whether an answer of a target, received at this time, was forgotten.
///
/// # Errors
/// As [`read`].
pub(crate) fn is_forgotten_at(store: &Store, target: &str, received_at: i64) -> Result<bool> {
    match read(store, target)? {
        Some(tombstone) => Ok(received_at <= tombstone.forgotten_at),
        None => Ok(false),
    }
}

/// Whether an attempt that begins with this answer is of a target that was forgotten since.
///
/// # Errors
/// As [`read`].
pub(crate) fn is_forgotten(
    store: &Store,
    target: &str,
    first: Option<&SavedResponse>,
) -> Result<bool> {
    let Some(first) = first else { return Ok(false) };
    is_forgotten_at(store, target, first.header.received_at)
}

/// Names of targets hold no character that a file's name may not.
fn file(target: &str) -> String {
    format!("{target}.json")
}
