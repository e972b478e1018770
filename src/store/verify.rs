//! Committed files against the manifest: what can be said without reading rows.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::commit::file_names;
use super::{Store, cannot};
use crate::error::Result;
use crate::model::hex;
use crate::table::manifest::{FileEntry, PartitionState};

/// One thing that is wrong with a committed partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub report: String,
    /// The partition's folder.
    pub partition: String,
    /// The file, if one is meant.
    pub file: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

/// Presence, size and checksum of every file of a partition, and files that nobody committed.
///
/// # Errors
/// [`crate::error::Code::Destination`] if the disk refuses to be read.
pub fn verify_files(store: &Store, state: &PartitionState) -> Result<Vec<Finding>> {
    let folder = store.partition_folder(&state.report, &state.partition);
    let mut findings = Vec::new();
    let mut found = |file: Option<&str>, problem: String| {
        findings.push(Finding {
            report: state.report.clone(),
            partition: state.partition.clone(),
            file: file.map(str::to_owned),
            problem,
        });
    };
    let mut held = file_names(&folder)?;
    for file in state.committed.iter().flat_map(|committed| &committed.files) {
        if !held.remove(&file.name) {
            found(Some(&file.name), "is missing".to_owned());
        } else if let Some(problem) = problem_of(&folder.join(&file.name), file)? {
            found(Some(&file.name), problem);
        }
    }
    for name in held {
        found(Some(&name), "was not committed: a foreign file, which readers of the folder would count".to_owned());
    }
    if state.pending.is_some() {
        found(None, "has an unfinished commit: the next run settles it".to_owned());
    }
    Ok(findings)
}

fn problem_of(path: &Path, entry: &FileEntry) -> Result<Option<String>> {
    let mut file = File::open(path).map_err(|error| cannot("open", path, error))?;
    let bytes = file.metadata().map_err(|error| cannot("read", path, error))?.len();
    if bytes != entry.bytes {
        return Ok(Some(format!("has {bytes} bytes, the manifest says {}", entry.bytes)));
    }
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).map_err(|error| cannot("read", path, error))?;
        if read == 0 {
            break;
        }
        digest.update(buffer.get(..read).unwrap_or_default());
    }
    let sha256 = hex(&digest.finalize());
    Ok((sha256 != entry.sha256).then(|| "differs from its checksum in the manifest".to_owned()))
}
