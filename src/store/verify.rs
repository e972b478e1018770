//! Committed files against the manifest, and files beside them: what can be checked without reading rows.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::destination::Store;
use super::io_error::io_error;
use super::layout::{SYSTEM_FOLDER, UNPARTITIONED, partition_file, partition_folder};
use super::listing::{file_names, folders};
use crate::error::Result;
use crate::model::hex;
use crate::table::manifest::{FileEntry, PartitionState};

/// Folder of `_backhaul/` in which files of live runs may have their final names for a moment.
const STAGING: &str = "staging/";

const UNKNOWN_FOLDER: &str = "is a folder that no state names: readers would count what is in it";

/// One problem of a committed partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The table.
    pub report: String,
    /// The partition's folder.
    pub partition: String,
    /// The file, if it is about one.
    pub file: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// It was not committed.
    pub is_foreign: bool,
}

/// Committed files by their size, so that copies of them are recognized.
#[derive(Debug, Default)]
pub struct KnownFiles {
    by_size: BTreeMap<u64, Vec<KnownFile>>,
}

#[derive(Debug)]
struct KnownFile {
    sha256: String,
    name: String,
}

impl KnownFiles {
    /// Adds the files of a partition.
    pub fn add(&mut self, state: &PartitionState) {
        for file in committed_files(state) {
            self.by_size.entry(file.bytes).or_default().push(KnownFile {
                sha256: file.sha256.clone(),
                name: partition_file(&state.report, &state.partition, &file.name),
            });
        }
    }

    /// The problem of a file that was not committed, by its name from the destination's root on.
    ///
    /// # Errors
    /// [`crate::error::ErrorCode::Destination`] if it cannot be read.
    pub fn describe_foreign(&self, store: &Store, name: &str, bytes: u64) -> Result<String> {
        if let Some(candidates) = self.by_size.get(&bytes)
            && let Some(file) = store.local_file(name)?
        {
            let sha256 = file_sha256(file.path())?;
            for known in candidates {
                if known.sha256 == sha256 {
                    return Ok(format!(
                        "is a copy of {}: its rows would be counted twice",
                        known.name
                    ));
                }
            }
        }
        Ok("was not committed: a foreign file, which readers of the folder would count".to_owned())
    }
}

/// Checks presence, size and checksum of every file of a partition, and finds files that were not committed.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
pub fn verify_files(
    store: &Store,
    state: &PartitionState,
    known: &KnownFiles,
) -> Result<Vec<Finding>> {
    let finding = |file: Option<&str>, is_foreign: bool, problem: String| Finding {
        report: state.report.clone(),
        partition: state.partition.clone(),
        file: file.map(str::to_owned),
        problem,
        is_foreign,
    };
    let mut findings = Vec::new();
    let mut sizes = store.file_sizes(&partition_folder(&state.report, &state.partition))?;
    for file in committed_files(state) {
        let is_listed = sizes.remove(&file.name).is_some();
        if let Some(problem) = committed_file_problem(store, state, file, is_listed)? {
            findings.push(finding(Some(&file.name), false, problem));
        }
    }
    for (name, bytes) in sizes {
        let full_name = partition_file(&state.report, &state.partition, &name);
        let problem = known.describe_foreign(store, &full_name, bytes)?;
        findings.push(finding(Some(&name), true, problem));
    }
    if state.pending.is_some() {
        let problem = "has an unfinished commit: the next command that writes resolves it";
        findings.push(finding(None, false, problem.to_owned()));
    }
    Ok(findings)
}

fn committed_files(state: &PartitionState) -> &[FileEntry] {
    match &state.committed {
        Some(committed) => &committed.files,
        None => &[],
    }
}

fn committed_file_problem(
    store: &Store,
    state: &PartitionState,
    file: &FileEntry,
    is_listed: bool,
) -> Result<Option<String>> {
    if is_listed
        && let Some(local) = store.table_file(&state.report, &state.partition, &file.name)?
    {
        return file_problem(local.path(), file);
    }
    Ok(Some("is missing".to_owned()))
}

/// What is in a table's folder and belongs to no partition that has a state.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
pub fn foreign_files(store: &Store, table: &str, known: &KnownFiles) -> Result<Vec<Finding>> {
    let partitions: BTreeSet<String> = store.partitions(table)?.into_iter().collect();
    if partitions.contains(UNPARTITIONED) {
        return Ok(Vec::new());
    }
    let finding = |partition: &str, file: Option<&str>, problem: String| Finding {
        report: table.to_owned(),
        partition: partition.to_owned(),
        file: file.map(str::to_owned),
        problem,
        is_foreign: true,
    };
    let mut findings = Vec::new();
    let mut reported: BTreeSet<String> = BTreeSet::new();
    for (name, bytes) in store.file_sizes(table)? {
        let (entry, file) = match name.split_once('/') {
            Some((folder, file)) => (folder, Some(file)),
            None => (name.as_str(), None),
        };
        if partitions.contains(entry) {
            continue;
        }
        if file.is_some() && reported.insert(entry.to_owned()) {
            findings.push(finding(entry, None, UNKNOWN_FOLDER.to_owned()));
        }
        let problem = known.describe_foreign(store, &format!("{table}/{name}"), bytes)?;
        findings.push(finding(entry, file, problem));
    }
    for folder in store.folders(table)? {
        if !partitions.contains(&folder) && !reported.contains(&folder) {
            findings.push(finding(&folder, None, UNKNOWN_FOLDER.to_owned()));
        }
    }
    Ok(findings)
}

impl Store {
    /// Names of the folders in a folder. A bucket has none without files.
    fn folders(&self, folder: &str) -> Result<Vec<String>> {
        match self {
            Self::Disk(disk) => folders(&disk.root().join(folder)),
            Self::Bucket(_) => Ok(Vec::new()),
        }
    }

    /// The files in a folder and below it, by their names from the folder on, with their sizes in bytes.
    fn file_sizes(&self, folder: &str) -> Result<BTreeMap<String, u64>> {
        let mut sizes = BTreeMap::new();
        match self {
            Self::Disk(disk) => {
                let folder = disk.root().join(folder);
                for name in file_names(&folder)? {
                    let bytes = file_size(&folder.join(&name))?;
                    sizes.insert(name, bytes);
                }
            }
            Self::Bucket(remote) => {
                let prefix = format!("{folder}/");
                for object in remote.wait(remote.bucket().list(folder))? {
                    if let Some(name) = object.name.strip_prefix(&prefix) {
                        sizes.insert(name.to_owned(), object.bytes);
                    }
                }
            }
        }
        Ok(sizes)
    }
}

/// Files below `_backhaul/` that readers who glob hidden folders would take for data, from the destination's root on. What
/// a live process is committing is left out.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if the destination cannot be read.
pub fn hidden_data(store: &Store) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in store.files("").list_all("")? {
        if !name.ends_with(".parquet") {
            continue;
        }
        if let Some(staged) = name.strip_prefix(STAGING)
            && let Some((owner, _)) = staged.split_once('/')
            && store.is_of_live_run(owner)
        {
            continue;
        }
        found.push(format!("{SYSTEM_FOLDER}/{name}"));
    }
    Ok(found)
}

/// The problem of a committed file as it is stored; `None` if it is what the manifest describes.
///
/// # Errors
/// [`crate::error::ErrorCode::Destination`] if it cannot be read.
pub fn file_problem(path: &Path, entry: &FileEntry) -> Result<Option<String>> {
    let bytes = file_size(path)?;
    if bytes != entry.bytes {
        let problem = format!("has {bytes} bytes, the manifest says {}", entry.bytes);
        return Ok(Some(problem));
    }
    if file_sha256(path)? != entry.sha256 {
        return Ok(Some("differs from its checksum in the manifest".to_owned()));
    }
    Ok(None)
}

fn file_size(path: &Path) -> Result<u64> {
    let metadata = std::fs::metadata(path).map_err(|error| io_error("read", path, error))?;
    Ok(metadata.len())
}

fn file_sha256(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|error| io_error("open", path, error))?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let num_read = file
            .read(&mut buffer)
            .map_err(|error| io_error("read", path, error))?;
        if num_read == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(buffer.get(..num_read).unwrap_or_default());
    }
}
