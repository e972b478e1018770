//! What lies in a folder, and small JSON files.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::cannot;
use crate::error::{Code, Error, Result};

/// Names in a folder, in no order; none if there is no folder.
///
/// # Errors
/// [`Code::Destination`].
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot("list", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| cannot("list", folder, error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Names of the folders in a folder.
pub(super) fn folders(folder: &Path) -> Result<Vec<String>> {
    Ok(names(folder)?
        .into_iter()
        .filter(|name| folder.join(name).is_dir())
        .collect())
}

/// Names of the JSON files in a folder, without their ending. One that is being written does not count.
///
/// # Errors
/// [`Code::Destination`].
pub fn json_names(folder: &Path) -> Result<Vec<String>> {
    let whole = |name: String| {
        name.strip_suffix(".json")
            .filter(|name| !name.starts_with('.'))
            .map(str::to_owned)
    };
    Ok(names(folder)?.into_iter().filter_map(whole).collect())
}

/// A small file of JSON.
///
/// # Errors
/// [`Code::Internal`] for a value that JSON cannot hold: a defect.
pub fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|error| {
        Error::new(Code::Internal, "a state object cannot be written as JSON").with_source(error)
    })
}

/// Reads a small file of JSON; `None` if there is none.
///
/// # Errors
/// [`Code::Destination`] if it cannot be read or is damaged.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(cannot("read", path, error)),
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        Error::new(Code::Destination, format!("{} is damaged", path.display()))
            .with_source(error)
            .with_next("restore the file from a backup of the destination; backhaul verify shows what else is affected")
    })
}
