//! Contents of local folders.

use std::collections::BTreeSet;
use std::path::Path;

use super::io_error::io_error;
use crate::error::Result;

/// Names in a folder, in no order; none if the folder does not exist.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`].
pub fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io_error("list", folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| io_error("list", folder, error))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    Ok(names)
}

/// Names of the folders in a folder.
pub(super) fn folders(folder: &Path) -> Result<Vec<String>> {
    let mut folders = names(folder)?;
    folders.retain(|name| folder.join(name).is_dir());
    Ok(folders)
}

/// Names of the JSON files in a folder, without their suffix. One that is being written does not count.
pub(super) fn json_names(folder: &Path) -> Result<Vec<String>> {
    let mut stems = Vec::new();
    for name in names(folder)? {
        if let Some(stem) = name.strip_suffix(".json")
            && !stem.starts_with('.')
        {
            stems.push(stem.to_owned());
        }
    }
    Ok(stems)
}

/// Names of the files in a folder and below it, from the folder on; none if the folder does not exist.
pub(super) fn file_names(folder: &Path) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    collect_file_names(folder, "", &mut names)?;
    Ok(names)
}

fn collect_file_names(folder: &Path, prefix: &str, files: &mut BTreeSet<String>) -> Result<()> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_error("list", folder, error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| io_error("list", folder, error))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let file_type = entry
            .file_type()
            .map_err(|error| io_error("read", &entry.path(), error))?;
        if file_type.is_dir() {
            collect_file_names(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name);
        }
    }
    Ok(())
}
